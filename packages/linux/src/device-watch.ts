/**
 * Tells which devices something happened to, their queues and filters included, in this namespace and in those that it has numbers for: a
 * netlink socket, read without blocking.
 */
import { AF, ERRNO, MSG_DONTWAIT, SOCK, SOL } from "./constants.ts";
import { libc } from "./libc.ts";
import { readMessages } from "./route-message.ts";
import { setSocketOption } from "./socket-option.ts";
import { checked } from "./system-call-error.ts";

/** RTMGRP_LINK and RTMGRP_TC. */
const GROUPS = 0x1 | 0x8;
const LISTEN_ALL_NAMESPACES = 8;
/** In `ifinfomsg` and in `tcmsg`. */
const INDEX_AT = 4;

/** Watches from the namespace that it was made in. */
export class DeviceWatch {
  /** Readable when something happened. */
  readonly fd: number;
  readonly #buffer = new Uint8Array(65536);

  /** @throws SystemCallError when the socket cannot be opened, or without the right to hear of other namespaces */
  constructor() {
    const call = libc();
    const action = "watch network devices of all namespaces";
    this.fd = checked(call.socket(AF.netlink, SOCK.raw | SOCK.cloexec | SOCK.nonblock, 0), action, "socket AF_NETLINK");
    try {
      setSocketOption(this.fd, SOL.netlink, LISTEN_ALL_NAMESPACES, action, 1);
      const address = new Uint8Array(12); // family u16, pad, port u32, groups u32
      const view = new DataView(address.buffer);
      view.setUint16(0, AF.netlink, true);
      view.setUint32(8, GROUPS, true);
      checked(call.bind(this.fd, address, address.length), action, "bind AF_NETLINK");
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Reports all that happened since the last time, by the number of a device in whichever namespace.
   *
   * @returns false when some of it was lost: any device may be meant
   */
  drain(onTouched: (index: number) => void): boolean {
    const call = libc();
    for (;;) {
      const length = call.recv(this.fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT);
      if (length < 0) return call.errno() !== ERRNO.ENOBUFS;
      for (const { body } of readMessages(this.#buffer.subarray(0, length))) {
        if (body.length >= INDEX_AT + 4) onTouched(new DataView(body.buffer, body.byteOffset).getInt32(INDEX_AT, true));
      }
    }
  }

  close(): void {
    libc().close(this.fd);
  }
}
