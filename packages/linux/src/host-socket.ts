/**
 * Sockets of lab hosts: opened inside a network namespace, used from outside.
 *
 * A socket belongs for life to the namespace in which it was opened, so one process can act as many hosts at once.
 */
import { AF, ERRNO, SO, SOCK, SOL } from "./constants.ts";
import { ipBytes, socketAddress } from "./ip-text.ts";
import { libc } from "./libc.ts";
import { inNamespace } from "./namespace.ts";
import { checked, SystemCallError } from "./system-call-error.ts";

const ONE = Uint8Array.of(1, 0, 0, 0);
const BACKLOG = 128;
const IP_RECVERR = [SOL.ip, 11] as const;
const IPV6_RECVERR = [SOL.ipv6, 25] as const;

/**
 * Opens a TCP socket that listens inside a namespace; hand it to Node: `server.listen({ fd })`, which then owns it.
 *
 * @param address - `0.0.0.0` or `::` for all
 * @throws SystemCallError `EADDRINUSE`, `EADDRNOTAVAIL`
 */
export function openTcpListener(namespace: string, address: string, port: number): number {
  const bytes = ipBytes(address);
  const action = `listen on ${address} port ${port} in namespace "${namespace}"`;
  return inNamespace(namespace, () => {
    const fd = openSocket(bytes.length, SOCK.stream, 0, action);
    try {
      const call = libc();
      checked(call.setsockopt(fd, SOL.socket, SO.reuseaddr, ONE, 4), action, "setsockopt");
      const name = socketAddress(bytes, port);
      checked(call.bind(fd, name, name.length), action, "bind");
      checked(call.listen(fd, BACKLOG), action, "listen");
      return fd;
    } catch (error) {
      libc().close(fd);
      throw error;
    }
  });
}

/** A socket whose connection is under way or done, or why there is none. */
export interface Attempt {
  /** -1 when it failed at once. */
  readonly fd: number;
  /** Symbolic errno, when it failed at once. */
  readonly errno: string | undefined;
}

/** Starts a TCP connection from inside a namespace; when the socket is writable, `socketError` tells the outcome. */
export function startTcpConnect(namespace: string, address: string, port: number): Attempt {
  const bytes = ipBytes(address);
  const action = `connect to ${address} port ${port} from namespace "${namespace}"`;
  const fd = inNamespace(namespace, () => openSocket(bytes.length, SOCK.stream, 0, action));
  return connect(fd, bytes, port);
}

/** The pending error of a socket by symbolic name; `undefined` when there is none. */
export function socketError(fd: number): string | undefined {
  const value = new Uint8Array(4);
  const length = Uint8Array.of(4, 0, 0, 0);
  checked(libc().getsockopt(fd, SOL.socket, SO.error, value, length), `read the state of socket ${fd}`, "getsockopt");
  const errno = new DataView(value.buffer).getInt32(0, true);
  return errno === 0 ? undefined : libc().nameOf(errno);
}

/** Opens a UDP socket inside a namespace, connected to a port: it is told of errors about what it sends. @throws SystemCallError without root */
export function openUdpSocket(namespace: string, address: string, port: number): Attempt {
  const bytes = ipBytes(address);
  const action = `open a UDP socket in namespace "${namespace}"`;
  return connect(
    inNamespace(namespace, () => openSocket(bytes.length, SOCK.dgram, 0, action)),
    bytes,
    port,
  );
}

/**
 * Opens a raw ICMP (or ICMPv6) socket inside a namespace, connected to `target`: it hears only the target's messages
 * and errors about it.
 *
 * @throws SystemCallError `EPERM` without root
 */
export function openIcmpSocket(namespace: string, target: string): Attempt {
  const bytes = ipBytes(target);
  const action = `open an ICMP socket in namespace "${namespace}"`;
  const fd = inNamespace(namespace, () => openSocket(bytes.length, SOCK.raw, bytes.length === 4 ? 1 : 58, action));
  // Also report errors that are not final, such as a host that does not answer ARP.
  libc().setsockopt(fd, ...(bytes.length === 4 ? IP_RECVERR : IPV6_RECVERR), ONE, 4);
  return connect(fd, bytes, 0);
}

/** Closes a socket opened here, unless Node owns it. */
export function closeSocket(fd: number): void {
  libc().close(fd);
}

/** Sends a datagram on a connected socket. @returns `undefined`, or the symbolic errno when it could not be sent */
export function sendDatagram(fd: number, bytes: Uint8Array): string | undefined {
  const call = libc();
  return call.sendto(fd, bytes, bytes.length, 0, null, 0) < 0 ? call.errnoName() : undefined;
}

/** Receives one datagram into `buffer`. @returns its length, or the symbolic errno: `EAGAIN` when none waits */
export function receiveDatagram(fd: number, buffer: Uint8Array): number | { readonly errno: string } {
  const call = libc();
  const length = call.recv(fd, buffer, buffer.length, 0);
  return length < 0 ? { errno: call.errnoName() } : length;
}

function connect(fd: number, address: Uint8Array, port: number): Attempt {
  const call = libc();
  const name = socketAddress(address, port);
  if (call.connect(fd, name, name.length) === 0 || call.errno() === ERRNO.EINPROGRESS) return { fd, errno: undefined };
  const errno = call.errnoName();
  call.close(fd);
  return { fd: -1, errno };
}

function openSocket(addressLength: number, type: number, protocol: number, action: string): number {
  const family = addressLength === 16 ? AF.inet6 : AF.inet;
  const fd = libc().socket(family, type | SOCK.nonblock | SOCK.cloexec, protocol);
  if (fd < 0) throw new SystemCallError(action, "socket", libc().errnoName());
  return fd;
}
