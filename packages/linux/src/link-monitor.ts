/** Device changes as the kernel reports them: a netlink socket in the link group, read without blocking. */
import { AF, ERRNO, MSG_DONTWAIT, SOCK } from "./constants.ts";
import { libc } from "./libc.ts";
import { type LinkInfo, readLink } from "./link.ts";
import { readMessages } from "./route-message.ts";
import { RTM } from "./route-socket.ts";
import { checked } from "./system-call-error.ts";

const RTMGRP_LINK = 1;

/** Reports devices of the namespace it was made in; `fd` is readable when something changed. */
export class LinkMonitor {
  readonly fd: number;
  readonly #buffer = new Uint8Array(65536);

  /** @throws SystemCallError when the socket cannot be opened */
  constructor() {
    const call = libc();
    const action = "watch network devices";
    this.fd = checked(call.socket(AF.netlink, SOCK.raw | SOCK.cloexec | SOCK.nonblock, 0), action, "socket AF_NETLINK");
    const address = new Uint8Array(12); // family u16, pad, port u32, groups u32
    const view = new DataView(address.buffer);
    view.setUint16(0, AF.netlink, true);
    view.setUint32(8, RTMGRP_LINK, true);
    checked(call.bind(this.fd, address, address.length), action, "bind AF_NETLINK");
  }

  /**
   * Reads all pending changes.
   *
   * @returns false when changes were lost (the socket overran) and the caller should list devices anew
   */
  drain(onChange: (link: LinkInfo, isGone: boolean) => void): boolean {
    const call = libc();
    for (;;) {
      const length = call.recv(this.fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT);
      if (length < 0) return call.errno() !== ERRNO.ENOBUFS;
      for (const message of readMessages(this.#buffer.subarray(0, length))) {
        // A bridge or wireless message (family != 0) about a port is not about the device itself.
        if (message.body[0] !== 0) continue;
        if (message.type === RTM.newLink) onChange(readLink(message), false);
        else if (message.type === RTM.delLink) onChange(readLink(message), true);
      }
    }
  }

  close(): void {
    libc().close(this.fd);
  }
}
