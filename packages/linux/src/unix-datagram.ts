/** Datagrams to a unix socket by its path, which node does not send: what syslog daemons listen for. */
import { AF, MSG_DONTWAIT, SOCK } from "./constants.ts";
import { libc } from "./libc.ts";
import { SystemCallError } from "./system-call-error.ts";

const PATH_BYTES = 108;

/** Sends to one path; who listens there may come and go. */
export class UnixDatagramSender {
  readonly #fd: number;
  readonly #address: Uint8Array;

  /** @throws SystemCallError when there are no sockets left, or the path is too long */
  constructor(path: string) {
    const name = Buffer.from(path);
    if (name.length >= PATH_BYTES) throw new SystemCallError(`send to "${path}"`, "sockaddr_un", "ENAMETOOLONG");
    //  | family | path, NUL |
    this.#address = Buffer.concat([Uint8Array.of(AF.unix, 0), name, Uint8Array.of(0)]);
    this.#fd = libc().socket(AF.unix, SOCK.dgram | SOCK.cloexec, 0);
    if (this.#fd < 0) throw new SystemCallError("open a unix datagram socket", "socket", libc().errnoName());
  }

  /** Sends without waiting. @returns whether somebody got it */
  send(bytes: Uint8Array): boolean {
    return libc().sendto(this.#fd, bytes, bytes.length, MSG_DONTWAIT, this.#address, this.#address.length) >= 0;
  }

  close(): void {
    libc().close(this.#fd);
  }
}
