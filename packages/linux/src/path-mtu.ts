/** Sizes of packets along ways through the network, as this host has learned them from routers. */
import { AF, SOCK, SOL } from "./constants.ts";
import { socketAddress } from "./ip-text.ts";
import { libc } from "./libc.ts";
import { checked } from "./system-call-error.ts";

const MTU_OPTION = { [AF.inet]: 14, [AF.inet6]: 24 } as const;
/** Nothing is sent there. */
const DISCARD_PORT = 9;
/** An address of no family. */
const ANYWHERE = new Uint8Array(16);

/** Asks for them, in the namespace that it was made in. */
export class PathMtuProbe {
  readonly #fds: { readonly [AF.inet]: number; readonly [AF.inet6]: number };

  /** @throws SystemCallError when no descriptor is left */
  constructor() {
    this.#fds = { [AF.inet]: openSocket(AF.inet), [AF.inet6]: openSocket(AF.inet6) };
  }

  /** Bytes of the longest IP packet that reaches an address of 4 or 16 bytes in one piece; `undefined` when there is no way. */
  mtuTo(address: Uint8Array): number | undefined {
    const call = libc();
    const family = address.length === 4 ? AF.inet : AF.inet6;
    const fd = this.#fds[family];
    const to = socketAddress(address, DISCARD_PORT);
    const value = new Uint8Array(4);
    call.connect(fd, ANYWHERE, ANYWHERE.length); // forgets the source address of the last way
    if (call.connect(fd, to, to.length) < 0) return undefined;
    const result = call.getsockopt(
      fd,
      family === AF.inet ? SOL.ip : SOL.ipv6,
      MTU_OPTION[family],
      value,
      Uint8Array.of(4, 0, 0, 0),
    );
    return result < 0 ? undefined : new DataView(value.buffer).getUint32(0, true);
  }

  close(): void {
    for (const fd of Object.values(this.#fds)) libc().close(fd);
  }
}

function openSocket(family: number): number {
  return checked(libc().socket(family, SOCK.dgram | SOCK.cloexec, 0), "ask for path MTUs", "socket");
}
