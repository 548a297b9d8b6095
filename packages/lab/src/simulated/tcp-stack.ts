/**
 * Enough TCP for a lab: opens and accepts connections, says one line, closes, and resets what nobody listens for.
 *
 * A client closes as soon as it is connected; a server says its greeting and closes. A lost SYN (or its answer) is sent
 * again once; nothing else is repeated, and a connection that hangs is forgotten after a second.
 *
 * @see RFC 9293, section 3.10
 */
import { buildTcp, type Dissection, formatIp, IP_PROTO, TCP_FLAG } from "@tenet/net";
import type { Datagram } from "./datagram.ts";

/** What became of opening a connection. */
export type ConnectOutcome = "open" | "refused" | "silent";

/** Where segments go out. */
export interface TcpHost {
  readonly listen: readonly number[];
  /** What a server says. */
  readonly greeting: string;
  sendPacket(src: Uint8Array, dst: Uint8Array, proto: number, message: Uint8Array): void;
}

interface Connection {
  readonly key: string;
  readonly local: Uint8Array;
  readonly remote: Uint8Array;
  readonly localPort: number;
  readonly remotePort: number;
  state: "syn-sent" | "syn-received" | "closing";
  /** Next sequence number that we send, and that we expect. */
  sendNext: number;
  receiveNext: number;
  isPeerDone: boolean;
  timer: NodeJS.Timeout | undefined;
  /** Tells the client how it went. */
  readonly settle: ((outcome: ConnectOutcome) => void) | undefined;
}

type Segment = NonNullable<Dissection["tcp"]>;

const REPEAT_MS = 200;
const LINGER_MS = 1000;
const FIRST_CLIENT_PORT = 49_152;
const N_CLIENT_PORTS = 65_536 - FIRST_CLIENT_PORT;
/** Sequence numbers of two connections lie this far apart. */
const SEQUENCE_STEP = 64_000;

/** The TCP of one host. */
export class TcpStack {
  readonly #host: TcpHost;
  readonly #connections = new Map<string, Connection>();
  #nOpened = 0;

  constructor(host: TcpHost) {
    this.#host = host;
  }

  /** Opens a connection and closes it again; tells once what became of it. @returns gives up, telling nothing */
  connect(local: Uint8Array, remote: Uint8Array, remotePort: number, settle: (outcome: ConnectOutcome) => void): () => void {
    const localPort = FIRST_CLIENT_PORT + (this.#nOpened % N_CLIENT_PORTS);
    const connection = this.#add(local, localPort, remote, remotePort, "syn-sent", settle);
    this.#sendRepeatedly(connection, TCP_FLAG.syn);
    return () => this.#forget(connection);
  }

  /** Takes a segment that is addressed to this host. */
  onSegment({ src, dst, layers }: Datagram): void {
    const { tcp, payload } = layers;
    if (tcp === undefined) return;
    const connection = this.#connections.get(keyOf(dst, tcp.dstPort, src, tcp.srcPort));
    if (connection !== undefined) this.#advance(connection, tcp, payload.length);
    else if (tcp.flags === TCP_FLAG.syn && this.#host.listen.includes(tcp.dstPort)) this.#accept(src, dst, tcp);
    else if ((tcp.flags & TCP_FLAG.rst) === 0) this.#refuse(src, dst, tcp, payload.length);
  }

  /** Forgets all connections. */
  close(): void {
    for (const connection of this.#connections.values()) clearTimeout(connection.timer);
    this.#connections.clear();
  }

  #add(
    local: Uint8Array,
    localPort: number,
    remote: Uint8Array,
    remotePort: number,
    state: Connection["state"],
    settle?: Connection["settle"],
  ): Connection {
    const key = keyOf(local, localPort, remote, remotePort);
    const sendNext = (++this.#nOpened * SEQUENCE_STEP) >>> 0;
    const common = { key, local, localPort, remote, remotePort, state, sendNext, settle };
    const connection: Connection = { ...common, receiveNext: 0, isPeerDone: false, timer: undefined };
    this.#connections.set(key, connection);
    return connection;
  }

  #accept(src: Uint8Array, dst: Uint8Array, { srcPort, dstPort, seq }: Segment): void {
    const connection = this.#add(dst, dstPort, src, srcPort, "syn-received");
    connection.receiveNext = (seq + 1) >>> 0;
    this.#sendRepeatedly(connection, TCP_FLAG.syn | TCP_FLAG.ack);
  }

  #refuse(src: Uint8Array, dst: Uint8Array, { srcPort, dstPort, seq, ack, flags }: Segment, length: number): void {
    const hasAck = (flags & TCP_FLAG.ack) !== 0;
    const taken = length + ((flags & TCP_FLAG.syn) !== 0 ? 1 : 0) + ((flags & TCP_FLAG.fin) !== 0 ? 1 : 0);
    const answer = hasAck
      ? { seq: ack, flags: TCP_FLAG.rst }
      : { seq: 0, ack: (seq + taken) >>> 0, flags: TCP_FLAG.rst | TCP_FLAG.ack };
    this.#host.sendPacket(dst, src, IP_PROTO.tcp, buildTcp({ srcPort: dstPort, dstPort: srcPort, ...answer, window: 0 }));
  }

  #advance(connection: Connection, segment: Segment, length: number): void {
    const isAcknowledged = (segment.flags & TCP_FLAG.ack) !== 0 && segment.ack === connection.sendNext;
    if ((segment.flags & TCP_FLAG.rst) !== 0) {
      const isMeant = connection.state === "syn-sent" ? isAcknowledged : segment.seq === connection.receiveNext;
      if (isMeant) this.#end(connection, "refused");
    } else if (connection.state === "syn-sent") {
      if (isAcknowledged && (segment.flags & TCP_FLAG.syn) !== 0) this.#opened(connection, segment);
    } else if (connection.state === "syn-received") {
      if ((segment.flags & TCP_FLAG.syn) !== 0) this.#send(connection, TCP_FLAG.syn | TCP_FLAG.ack, connection.sendNext - 1);
      else if (isAcknowledged) this.#serve(connection, segment, length);
    } else {
      this.#receive(connection, segment, length, isAcknowledged);
    }
  }

  #opened(connection: Connection, segment: Segment): void {
    connection.receiveNext = (segment.seq + 1) >>> 0;
    this.#send(connection, TCP_FLAG.ack);
    connection.settle?.("open");
    this.#finish(connection, "");
  }

  #serve(connection: Connection, segment: Segment, length: number): void {
    this.#finish(connection, this.#host.greeting);
    this.#receive(connection, segment, length, false);
  }

  /** Sends the last data and our FIN; the connection is forgotten when the peer's FIN is there too, or after a while. */
  #finish(connection: Connection, text: string): void {
    connection.state = "closing";
    clearTimeout(connection.timer);
    connection.timer = setTimeout(() => this.#forget(connection), LINGER_MS);
    const data = new TextEncoder().encode(text);
    this.#send(connection, TCP_FLAG.fin | TCP_FLAG.ack | (data.length > 0 ? TCP_FLAG.psh : 0), connection.sendNext, data);
    connection.sendNext = (connection.sendNext + data.length + 1) >>> 0;
  }

  #receive(connection: Connection, segment: Segment, length: number, isAcknowledged: boolean): void {
    const hasFin = (segment.flags & TCP_FLAG.fin) !== 0;
    if (length > 0 || hasFin) {
      if (segment.seq === connection.receiveNext) {
        connection.receiveNext = (connection.receiveNext + length + (hasFin ? 1 : 0)) >>> 0;
        connection.isPeerDone ||= hasFin;
      }
      this.#send(connection, TCP_FLAG.ack);
    }
    if (isAcknowledged && connection.isPeerDone) this.#forget(connection);
  }

  /** Sends a SYN or its answer, and once more when nothing came back. */
  #sendRepeatedly(connection: Connection, flags: number): void {
    const first = connection.sendNext;
    connection.sendNext = (first + 1) >>> 0;
    const repeat = (): void => {
      connection.timer = setTimeout(() => this.#forgetHalfOpen(connection), LINGER_MS);
      this.#send(connection, flags, first);
    };
    connection.timer = setTimeout(repeat, REPEAT_MS);
    this.#send(connection, flags, first);
  }

  #forgetHalfOpen(connection: Connection): void {
    if (connection.state === "syn-received") this.#forget(connection);
  }

  #send(connection: Connection, flags: number, seq: number = connection.sendNext, data?: Uint8Array): void {
    const { local, localPort, remote, remotePort, receiveNext } = connection;
    const ack = (flags & TCP_FLAG.ack) !== 0 ? receiveNext : 0;
    const fields = { srcPort: localPort, dstPort: remotePort, seq: seq >>> 0, ack, flags };
    this.#host.sendPacket(local, remote, IP_PROTO.tcp, buildTcp(fields, data));
  }

  #end(connection: Connection, outcome: ConnectOutcome): void {
    const wasOpening = connection.state === "syn-sent";
    this.#forget(connection);
    if (wasOpening) connection.settle?.(outcome);
  }

  #forget(connection: Connection): void {
    clearTimeout(connection.timer);
    if (this.#connections.get(connection.key) === connection) this.#connections.delete(connection.key);
  }
}

function keyOf(local: Uint8Array, localPort: number, remote: Uint8Array, remotePort: number): string {
  return `${formatIp(local)} ${localPort} ${formatIp(remote)} ${remotePort}`;
}
