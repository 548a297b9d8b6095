/** Tells when routes or addresses of this host change: a netlink socket in their groups, read without blocking. */
import { AF, ERRNO, MSG_DONTWAIT, SOCK } from "./constants.ts";
import { libc } from "./libc.ts";
import { checked } from "./system-call-error.ts";

/** RTMGRP_IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE, and LINK: routes of a device that goes down go silently. */
const GROUPS = 0x10 | 0x40 | 0x100 | 0x400 | 0x1;

/** Watches the namespace that it was made in. */
export class RouteMonitor {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(65536);

  /** @throws SystemCallError when the socket cannot be opened */
  constructor() {
    const call = libc();
    const action = "watch routes and addresses";
    this.#fd = checked(call.socket(AF.netlink, SOCK.raw | SOCK.cloexec | SOCK.nonblock, 0), action, "socket AF_NETLINK");
    const address = new Uint8Array(12); // family u16, pad, port u32, groups u32
    const view = new DataView(address.buffer);
    view.setUint16(0, AF.netlink, true);
    view.setUint32(8, GROUPS, true);
    checked(call.bind(this.#fd, address, address.length), action, "bind AF_NETLINK");
  }

  /** Whether anything changed since the last time. */
  hasChanged(): boolean {
    const call = libc();
    let isChanged = false;
    for (;;) {
      const length = call.recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT);
      if (length > 0 || call.errno() === ERRNO.ENOBUFS)
        isChanged = true; // what was lost was a change, too
      else return isChanged;
    }
  }

  close(): void {
    libc().close(this.#fd);
  }
}
