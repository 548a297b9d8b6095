/**
 * Measures who reaches whom: ICMP echo and TCP connections between namespaces, many at once with one epoll set.
 *
 * Each probe is a small state machine owned by the prober: a socket, a deadline, and the promise it settles.
 */
import { closeSocket, openIcmpSocket, receiveDatagram, sendDatagram, socketError, startTcpConnect } from "./host-socket.ts";
import { POLL, Poller } from "./poller.ts";

/** What became of an echo request. */
export type PingResult =
  | { readonly outcome: "reply"; readonly rttMs: number }
  /** `why` is a symbolic errno such as `EHOSTUNREACH`, or `timeout`. */
  | { readonly outcome: "none"; readonly why: string };

/** What became of a TCP connection attempt. */
export type TcpResult =
  | { readonly outcome: "open"; readonly rttMs: number }
  | { readonly outcome: "refused" }
  | { readonly outcome: "none"; readonly why: string };

/** How long to wait. */
export interface ProbeOptions {
  /** 2000 unless given: ARP and TCP repeat what was lost after a second. */
  readonly timeoutMs?: number;
}

interface PendingProbe {
  readonly fd: number;
  /** The descriptor can be read or written. @returns whether the probe is over */
  onReady(): boolean;
  /** The probe is over without an answer. */
  onEnd(why: string): void;
  readonly timer: NodeJS.Timeout;
}

/** Long enough for one repeated ARP request or TCP SYN, which hosts repeat after a second. */
const DEFAULT_TIMEOUT_MS = 2000;
const RESEND_MS = 1000;
const MAX_READY = 64;

/** Sends probes from inside namespaces. Close it when done; open probes then end as `closed`. */
export class ReachabilityProber {
  readonly #poller = new Poller();
  readonly #pending = new Map<number, PendingProbe>();
  readonly #tags = new Int32Array(MAX_READY);
  #nextId = 1;

  constructor() {
    this.#poller.start(() => this.#onReady());
    this.#poller.unref();
  }

  /** Sends an ICMP echo request from a namespace, every second until the reply comes or the time is over. */
  ping(namespace: string, target: string, options: ProbeOptions = {}): Promise<PingResult> {
    const family = target.includes(":") ? 6 : 4;
    const identifier = this.#nextId & 0xffff;
    const request = echoRequest(family, identifier);
    const { fd, errno } = openIcmpSocket(namespace, target);
    if (errno !== undefined) return Promise.resolve({ outcome: "none", why: errno });
    let startedMs = 0;
    const send = (): string | undefined => {
      startedMs = performance.now();
      return sendDatagram(fd, request);
    };
    return new Promise((resolve) => {
      const failed = send();
      if (failed !== undefined) {
        closeSocket(fd);
        resolve({ outcome: "none", why: failed });
        return;
      }
      const again = setInterval(send, RESEND_MS);
      const settle = (result: PingResult): true => {
        clearInterval(again);
        resolve(result);
        return true;
      };
      const onReady = (): boolean => {
        const reply = readEchoReply(fd, family, identifier);
        if (reply === undefined) return false;
        const rttMs = performance.now() - startedMs;
        return settle(reply === "reply" ? { outcome: "reply", rttMs } : { outcome: "none", why: reply });
      };
      this.#await(fd, POLL.readable, options, onReady, (why) => settle({ outcome: "none", why }));
    });
  }

  /** Opens a TCP connection from a namespace and closes it again. */
  connectTcp(namespace: string, target: string, port: number, options: ProbeOptions = {}): Promise<TcpResult> {
    const startedMs = performance.now();
    const attempt = startTcpConnect(namespace, target, port);
    if (attempt.fd < 0) return Promise.resolve(tcpOutcome(attempt.errno, startedMs));
    return new Promise((resolve) => {
      const onReady = (): boolean => {
        resolve(tcpOutcome(socketError(attempt.fd), startedMs));
        return true;
      };
      this.#await(attempt.fd, POLL.writable, options, onReady, (why) => resolve({ outcome: "none", why }));
    });
  }

  /** Ends what is under way and frees the sockets. */
  close(): void {
    for (const id of this.#pending.keys()) this.#end(id, "closed");
    this.#poller.close();
  }

  #await(fd: number, conditions: number, options: ProbeOptions, onReady: () => boolean, onEnd: (why: string) => void): void {
    const id = this.#nextId++;
    const timer = setTimeout(() => this.#end(id, "timeout"), options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    this.#pending.set(id, { fd, onReady, onEnd, timer });
    this.#poller.add(fd, id, conditions);
  }

  #onReady(): void {
    const n = this.#poller.ready(this.#tags);
    for (let i = 0; i < n; i++) {
      const id = this.#tags[i] ?? 0;
      if (this.#pending.get(id)?.onReady() === true) this.#end(id);
    }
  }

  #end(id: number, why?: string): void {
    const probe = this.#pending.get(id);
    if (probe === undefined) return;
    clearTimeout(probe.timer);
    this.#pending.delete(id);
    this.#poller.remove(probe.fd);
    closeSocket(probe.fd);
    if (why !== undefined) probe.onEnd(why);
  }
}

function tcpOutcome(errno: string | undefined, startedMs: number): TcpResult {
  if (errno === undefined) return { outcome: "open", rttMs: performance.now() - startedMs };
  return errno === "ECONNREFUSED" ? { outcome: "refused" } : { outcome: "none", why: errno };
}

/** An echo request of 8 bytes header and 16 bytes payload; the kernel fills in the checksum of ICMPv6. */
function echoRequest(family: 4 | 6, identifier: number): Uint8Array {
  const message = new Uint8Array(24);
  const view = new DataView(message.buffer);
  message[0] = family === 4 ? 8 : 128;
  view.setUint16(4, identifier);
  view.setUint16(6, 1);
  message.fill(0x61, 8);
  let sum = 0;
  for (let at = 0; at < message.length; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(2, ~sum & 0xffff);
  return message;
}

/**
 * Looks for our reply among what a connected raw socket hears from the target.
 *
 * @returns `reply`, the symbolic errno of an ICMP error, or `undefined` when there is nothing for us yet
 */
function readEchoReply(fd: number, family: 4 | 6, identifier: number): string | undefined {
  const buffer = new Uint8Array(1500);
  const view = new DataView(buffer.buffer);
  for (;;) {
    const received = receiveDatagram(fd, buffer);
    if (typeof received !== "number") return received.errno === "EAGAIN" ? undefined : received.errno;
    const at = family === 4 ? ((buffer[0] ?? 0) & 15) * 4 : 0; // raw IPv4 sockets show the IP header
    const isReply = received >= at + 8 && buffer[at] === (family === 4 ? 0 : 129);
    if (isReply && view.getUint16(at + 4) === identifier) return "reply";
  }
}
