/**
 * Sockets that tunnels come in and go out by: UDP, or raw IP of a protocol. The kernel does the rest of an endpoint's
 * work: routes, neighbours, reassembly of fragments, checksums, path MTU.
 *
 * @see ip(7), ipv6(7), udp(7), raw(7)
 */
import { AF, ERRNO, MSG_DONTWAIT, SO, SOCK, SOL } from "./constants.ts";
import type { DatagramQueue, ReceivedDatagrams } from "./datagram-batches.ts";
import { libc } from "./libc.ts";
import { socketAddress } from "./ip-text.ts";
import { setSocketOption } from "./socket-option.ts";
import { checked, SystemCallError } from "./system-call-error.ts";

const PROTOCOL = { udp: 17, gre: 47 } as const;
const SOL_UDP = 17;
const SO_ATTACH_FILTER = 26;
const SO_NO_CHECK = 11;
const SO_MEMINFO = 55;
/** Index of the number of datagrams lost in what SO_MEMINFO gives. */
const MEMINFO_DROPS = 8;
const IP = { mtuDiscover: 10, recvTtl: 12, recvTos: 13, pktinfo: 8 } as const;
const IP6 = { mtuDiscover: 23, only: 26, recvPktinfo: 49, recvHopLimit: 51, recvTrafficClass: 66 } as const;
const UDP = { noCheck6Tx: 101, noCheck6Rx: 102, gro: 104 } as const;
/** Don't fragment never, or always. */
const PMTUDISC = { dont: 0, do: 2 } as const;
/** Those that Linux gives out itself. */
const OWN_PORTS = { first: 32_768, end: 61_000 } as const;
const BUFFER_BYTES = 8 * 1024 * 1024;

/** What tunnels are carried by. */
export type TunnelProtocol = keyof typeof PROTOCOL;

/** A receiving socket. All calls but opening are non-blocking and never throw. */
export interface TunnelReceiver {
  /** Readable when a datagram waits. */
  readonly fd: number;
  /** Receives into the first slots of the arena. @returns how many */
  receive(batch: ReceivedDatagrams, limit: number): number;
  /** Datagrams lost in the kernel since the last call. */
  takeDropped(): number;
  close(): void;
}

/** A sending socket. */
export interface TunnelSender {
  /** Sends what `queue` holds and empties it. @returns how many datagrams the kernel accepted */
  send(queue: DatagramQueue): number;
  close(): void;
}

/**
 * Receives UDP datagrams to a port of all addresses of both families.
 *
 * @param isGathering - whether the kernel gathers datagrams of one size, before anything of its sees them
 * @throws SystemCallError `EADDRINUSE` when the port is taken
 */
export function openUdpReceiver(port: number, isGathering = true): TunnelReceiver {
  return new Receiver(AF.inet6, "udp", port, isGathering);
}

/** Receives packets of a protocol. @throws SystemCallError `EPERM` without root */
export function openRawReceiver(protocol: TunnelProtocol, family: 4 | 6): TunnelReceiver {
  return new Receiver(family === 4 ? AF.inet : AF.inet6, protocol, undefined);
}

/** How a sender sends. */
export interface SenderSpec {
  readonly protocol: TunnelProtocol;
  readonly family: 4 | 6;
  /** Whether routers, and we, may fragment what it sends. */
  readonly mayFragment: boolean;
  /** Whether UDP datagrams have checksums. */
  readonly hasChecksum: boolean;
}

/** A socket of a port of the system's choice, which receives nothing. @throws SystemCallError */
export function openTunnelSender(spec: SenderSpec): TunnelSender {
  return new Sender(spec);
}

/** UDP ports, one behind the other, of all addresses of both families. What comes to them is thrown away. */
export interface HeldPorts {
  readonly first: number;
  close(): void;
}

/**
 * Holds ports for whoever sends from them without a socket: the kernel heeds what routers answer to a packet only when its source port
 * is one of a socket.
 *
 * @param n - how many
 * @throws SystemCallError `EADDRINUSE` when there are none
 */
export function holdUdpPorts(n: number): HeldPorts {
  for (let { first } = OWN_PORTS; ; first += n) {
    const fds: number[] = [];
    const close = (): void => fds.forEach((fd) => libc().close(fd));
    try {
      for (let i = 0; i < n; i++) fds.push(holdPort(first + i));
      return { first, close };
    } catch (error) {
      close();
      if (!(error instanceof SystemCallError) || error.errno !== "EADDRINUSE" || first + 2 * n > OWN_PORTS.end) throw error;
    }
  }
}

function holdPort(port: number): number {
  const action = `hold UDP port ${port}`;
  const fd = openSocket(AF.inet6, "udp", action);
  try {
    setSocketOption(fd, SOL.ipv6, IP6.only, action, 0);
    dropAll(fd, action);
    const address = socketAddress(new Uint8Array(16), port);
    checked(libc().bind(fd, address, address.length), action, "bind");
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

class Receiver implements TunnelReceiver {
  readonly fd: number;
  readonly #isRaw4: boolean;
  #nDropped = 0;

  constructor(family: number, protocol: TunnelProtocol, port: number | undefined, isGathering = false) {
    const action = port === undefined ? `receive ${protocol} packets` : `receive UDP datagrams at port ${port}`;
    this.fd = openSocket(family, protocol, action);
    this.#isRaw4 = family === AF.inet && protocol !== "udp";
    try {
      const set = (level: number, name: number, value = 1): void => setSocketOption(this.fd, level, name, action, value);
      set(SOL.socket, SO.rcvbufforce, BUFFER_BYTES);
      if (family === AF.inet6) {
        if (protocol === "udp") set(SOL.ipv6, IP6.only, 0);
        for (const name of [IP6.recvPktinfo, IP6.recvHopLimit, IP6.recvTrafficClass]) set(SOL.ipv6, name);
      }
      if (protocol === "udp" || family === AF.inet) for (const name of [IP.pktinfo, IP.recvTtl, IP.recvTos]) set(SOL.ip, name);
      if (protocol === "udp") set(SOL_UDP, UDP.noCheck6Rx);
      if (isGathering) set(SOL_UDP, UDP.gro);
      if (port !== undefined) {
        const address = socketAddress(new Uint8Array(16), port);
        checked(libc().bind(this.fd, address, address.length), action, "bind");
      }
    } catch (error) {
      libc().close(this.fd);
      throw error;
    }
  }

  receive(batch: ReceivedDatagrams, limit: number): number {
    const { vector } = batch;
    const n = libc().recvmmsg(this.fd, vector.bytes, Math.min(limit, vector.capacity), MSG_DONTWAIT, null);
    for (let i = 0; i < n; i++) {
      batch.accept(i);
      if (this.#isRaw4) stripIp4(batch, i);
    }
    return Math.max(n, 0);
  }

  takeDropped(): number {
    const bytes = new Uint8Array(64);
    if (libc().getsockopt(this.fd, SOL.socket, SO_MEMINFO, bytes, Uint8Array.of(64, 0, 0, 0)) < 0) return 0;
    const nDropped = new DataView(bytes.buffer).getUint32(4 * MEMINFO_DROPS, true);
    const nNew = (nDropped - this.#nDropped) >>> 0;
    this.#nDropped = nDropped;
    return nNew;
  }

  close(): void {
    libc().close(this.fd);
  }
}

class Sender implements TunnelSender {
  readonly #fd: number;

  constructor({ protocol, family, mayFragment, hasChecksum }: SenderSpec) {
    const action = `send ${protocol} packets`;
    this.#fd = openSocket(family === 4 ? AF.inet : AF.inet6, protocol, action);
    try {
      const set = (level: number, name: number, value: number): void => setSocketOption(this.#fd, level, name, action, value);
      dropAll(this.#fd, action);
      set(SOL.socket, SO.sndbufforce, BUFFER_BYTES);
      const discovery = mayFragment ? PMTUDISC.dont : PMTUDISC.do;
      if (family === 4) set(SOL.ip, IP.mtuDiscover, discovery);
      else set(SOL.ipv6, IP6.mtuDiscover, discovery);
      if (!hasChecksum && protocol === "udp") {
        if (family === 4) set(SOL.socket, SO_NO_CHECK, 1);
        else set(SOL_UDP, UDP.noCheck6Tx, 1);
      }
    } catch (error) {
      libc().close(this.#fd);
      throw error;
    }
  }

  send(queue: DatagramQueue): number {
    const call = libc();
    const { vector, length } = queue;
    let nSent = 0;
    for (let i = 0; i < length; ) {
      const n = call.sendmmsg(this.#fd, vector.messageAddress(i), length - i, MSG_DONTWAIT);
      if (n > 0) {
        nSent += n;
        i += n;
        continue;
      }
      // What cannot be sent (no route, too long) does not hold up the others; a full buffer would lose them all.
      const errno = call.errno();
      if (errno === ERRNO.EAGAIN || errno === ERRNO.ENOBUFS) break;
      if (errno !== ERRNO.EINTR) i++;
    }
    queue.length = 0;
    return nSent;
  }

  close(): void {
    libc().close(this.#fd);
  }
}

function openSocket(family: number, protocol: TunnelProtocol, action: string): number {
  const type = (protocol === "udp" ? SOCK.dgram : SOCK.raw) | SOCK.nonblock | SOCK.cloexec;
  return checked(libc().socket(family, type, PROTOCOL[protocol]), action, "socket");
}

/** Attaches a filter of one instruction, "accept 0 bytes". */
function dropAll(fd: number, action: string): void {
  const call = libc();
  const instruction = new Uint8Array(8);
  instruction[0] = 0x06; // BPF_RET | BPF_K
  const program = new Uint8Array(16); // sock_fprog: length u16, pad, address u64
  const view = new DataView(program.buffer);
  view.setUint16(0, 1, true);
  view.setBigUint64(8, BigInt(call.addressOf(instruction)), true);
  checked(call.setsockopt(fd, SOL.socket, SO_ATTACH_FILTER, program, 16), action, "setsockopt SO_ATTACH_FILTER");
}

/** A raw IPv4 socket gives the IP header too. */
function stripIp4(batch: ReceivedDatagrams, i: number): void {
  const at = batch.at[i] ?? 0;
  const headerLength = ((batch.arena.bytes[at] ?? 0) & 15) * 4;
  batch.at[i] = at + headerLength;
  batch.length[i] = Math.max(0, (batch.length[i] ?? 0) - headerLength);
}
