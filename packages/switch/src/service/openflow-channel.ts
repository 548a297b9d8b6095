/**
 * One OpenFlow connection on the switch's side: framing, version negotiation, errors.
 *
 * Says hello, agrees on the highest version that both know, then hands decoded messages on. A message that does not
 * decode is answered by the error that it stands for; a header that cannot be one ends the connection. Messages
 * that nobody asked for are dropped and counted when the peer does not read.
 */
import type { Socket } from "node:net";
import { AppError, type Logger, messageOf } from "@tenet/kit";
import {
  type CodecOptions,
  type Envelope,
  encodeMessages,
  type ErrorName,
  errorNameOf,
  formatMessage,
  type Frame,
  Framer,
  makeErrorMessage,
  makeMatch,
  messageName,
  type Message,
  type MultipartReply,
  readHeader,
  ReplyPacker,
  VERSION,
  type Version,
} from "@tenet/openflow";
import type { EventCounts } from "../event-counts.ts";
import type { Turns, Work } from "../turns.ts";
import type { MessageLog } from "./message-log.ts";

/** The name of an error to answer with, if a message is refused. */
export type Refusal = ErrorName | undefined;

/** What a channel's owner wants to know. */
export interface ChannelOwner {
  /** What the connection is called in the log of messages. */
  readonly name: string;
  readonly messageLog: MessageLog;
  readonly counts: EventCounts;
  /** The version is agreed. */
  ready(channel: OpenFlowChannel): void;
  /**
   * Carries a message out, or begins to; a flow-mod's match is the channel's own, good until the next message.
   *
   * @returns the name of the error to answer with, or `undefined`
   */
  message(envelope: Envelope): Refusal | Work<Refusal>;
  /** Whether somebody listens in. */
  readonly isOverheard: boolean;
  /** A message passed, in either direction, as bytes; while somebody listens in. */
  passed(bytes: Uint8Array): void;
  /** The peer has read all that was sent. */
  drained(): void;
  closed(): void;
}

/** Unread bytes beyond which unsolicited messages are dropped, and no more requests are carried out. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/**
 * Of what the peer sent and what waits for its turn: with more it is read no further, before there is less.
 * What a socket has read for a peer that it does not read lives long enough to be dear to the collector of garbage, so that is rare.
 */
const [MOST_WAITING_BYTES, LEAST_WAITING_BYTES] = [512 * 1024, 64 * 1024];

/** Messages that are taken in another version than was agreed on. */
const OF_ANY_VERSION: ReadonlySet<Message["type"]> = new Set(["hello", "error", "echoRequest", "echoReply"]);

/** A connection with a controller or a tool. */
export class OpenFlowChannel {
  /** Unsolicited messages that the peer was too slow for, since it kept up last. */
  #nDropped = 0;
  readonly #socket: Socket;
  readonly #versions: readonly Version[];
  readonly #owner: ChannelOwner;
  readonly #log: Logger;
  #version: Version | undefined;
  readonly #framer = new Framer({ lends: true });
  #isAtWork = false;
  /** The match is that of the flow-mod in hand; table numbers are off until the peer turns them on, as in Open vSwitch. */
  #options: CodecOptions = { hasTableId: false, flowModMatch: makeMatch() };
  readonly #turns: Turns;
  /** The reply that is being sent in parts. */
  #reply: ReplyPacker | undefined;

  constructor(socket: Socket, versions: readonly Version[], owner: ChannelOwner, turns: Turns, log: Logger) {
    this.#turns = turns;
    this.#socket = socket;
    this.#versions = versions;
    this.#owner = owner;
    this.#log = log;
    socket.allowHalfOpen = true; // what came is carried out, though no more will
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("end", () => {
      if (!this.#isAtWork) socket.end();
    });
    socket.on("error", (error) => log.debug({ error: error.message }, "openflow connection failed"));
    socket.on("close", () => {
      this.#tellDropped();
      owner.closed();
      turns.wake();
    });
    socket.on("drain", () => {
      this.#tellDropped();
      owner.drained();
      turns.wake();
    });
    this.#write({ type: "hello", versions: this.#versionBits }, Math.max(...versions), 0);
  }

  /** The agreed version. */
  get version(): Version {
    return this.#version ?? 1;
  }

  /** Bytes sent that the peer has not read yet. */
  get backlogBytes(): number {
    return this.#socket.writableLength;
  }

  setTableIdInCommand(isOn: boolean): void {
    this.#options = { ...this.#options, hasTableId: isOn };
  }

  /** Sends a message; without `xid` it is unsolicited. @throws AppError when it is an answer that is too long for its version */
  send(message: Message, xid?: number): void {
    if (xid !== undefined) this.#write(message, this.version, xid);
    else if (this.#socket.writableLength > MAX_UNREAD_BYTES) this.#nDropped++;
    else this.tell(message);
  }

  /** Sends what nobody asked for: who has something to tell goes on, also when it cannot be said. */
  tell(message: Message): void {
    try {
      this.#write(message, this.version, 0);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      this.#log.warn({ kind: message.type, error: error.message }, "openflow message not sent");
    }
  }

  /** Answers a message with an error, in the version of the message though another was agreed on. */
  refuse(error: ErrorName, bytes: Uint8Array): void {
    const { version, xid } = readHeader(bytes);
    const spoken = version >= VERSION.OF10 && version <= VERSION.OF15 ? version : this.version;
    this.#log.info({ peer: this.#owner.name, error, kind: messageName(bytes) ?? "invalid" }, "openflow message refused");
    this.#write(makeErrorMessage(error, spoken, bytes), spoken, xid);
  }

  /** Sends a part of a reply, or keeps it until there is enough of it for a message. */
  sendPart(reply: MultipartReply, xid: number): void {
    this.#reply ??= new ReplyPacker(this.version, xid);
    this.#writeAll(this.#reply.add(reply));
  }

  /** That was the last part of the reply. */
  endReply(): void {
    const messages = this.#reply?.end() ?? [];
    const nLeftOut = this.#reply?.nLeftOut ?? 0;
    if (nLeftOut > 0) this.#log.warn({ nLeftOut }, "what is longer than a message was left out of a reply");
    this.#reply = undefined;
    this.#writeAll(messages);
  }

  /** Sends bytes that are a message already. */
  sendBytes(bytes: Uint8Array): void {
    if (this.#socket.writableLength > MAX_UNREAD_BYTES) this.#nDropped++;
    else this.#writeBytes(bytes);
  }

  /** Ends a connection on which no version was agreed in time. */
  giveUp(): void {
    this.#log.debug({ peer: this.#owner.name }, "openflow peer agreed on no version in time");
    this.close();
  }

  close(): void {
    this.#socket.uncork(); // what was sent comes first
    this.#socket.destroy();
  }

  #write(message: Message, version: number, xid: number): void {
    this.#writeAll(this.#reply?.rest() ?? []); // what was said of a flow comes before what became of it
    this.#writeAll(encodeMessages(message, version, xid), message.type !== "hello");
  }

  #writeAll(messages: readonly Uint8Array[], isOfInterest = true): void {
    for (const bytes of messages) {
      this.#owner.counts.vconn_sent++;
      if (this.#owner.messageLog.isOn) this.#note(() => `sent (Success): ${formatMessage(bytes)}`);
      const isKept = isOfInterest && this.#owner.isOverheard;
      this.#writeBytes(bytes, (error) => {
        if (!isKept && error == null) ReplyPacker.giveBack(bytes);
      });
      if (isKept) this.#owner.passed(bytes);
    }
  }

  #note(text: () => string): void {
    this.#owner.messageLog.write(() => `${this.#owner.name}: ${text()}`);
  }

  /** What is sent in one go of the event loop goes out with one system call, which also wakes the peer once. */
  #writeBytes(bytes: Uint8Array, done?: (error?: Error | null) => void): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    this.#socket.write(bytes, done);
  }

  #tellDropped(): void {
    if (this.#nDropped > 0) this.#log.warn({ nDropped: this.#nDropped }, "openflow peer did not read, messages dropped");
    this.#nDropped = 0;
  }

  /** Whether the peer has not read much of what was sent to it. */
  get isBehind(): boolean {
    return this.#socket.writableLength > MAX_UNREAD_BYTES && !this.#socket.destroyed;
  }

  #receive(bytes: Uint8Array): void {
    this.#framer.push(bytes);
    if (!this.#isAtWork) {
      this.#isAtWork = true; // even if its turn is yet to come
      this.#turns.begin(this.#work());
    }
    if (this.#framer.nWaiting > MOST_WAITING_BYTES) this.#socket.pause();
  }

  /** Carries out what was received, one message after the other, as long as the peer reads the answers. */
  *#work(): Work {
    for (let frame = this.#nextFrame(); frame !== undefined; frame = this.#nextFrame()) {
      const work = this.#take(frame);
      if (work !== undefined) yield* work;
      yield;
      while (this.isBehind) yield "blocked";
      if (this.#framer.nWaiting < LEAST_WAITING_BYTES && this.#socket.isPaused()) this.#socket.resume();
    }
    this.#isAtWork = false;
    if (this.#socket.readableEnded) this.#socket.end();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #nextFrame(): Frame | undefined {
    if (this.#socket.destroyed) return undefined;
    try {
      return this.#framer.next();
    } catch (error) {
      this.#log.debug({ error: messageOf(error) }, "openflow connection lost its framing");
      this.close();
      return undefined;
    }
  }

  #take(frame: Frame): Work | undefined {
    try {
      this.#owner.counts.vconn_received++;
      if (this.#owner.messageLog.isOn) this.#note(() => `received: ${formatMessage(frame.bytes)}`);
      const envelope = frame.decode(this.#options);
      if (this.#version === undefined) {
        this.#agree(envelope);
        return undefined;
      }
      if (envelope.version !== this.#version && !OF_ANY_VERSION.has(envelope.message.type)) {
        this.#refuse("OFPBRC_BAD_VERSION", frame);
        return undefined;
      }
      if (this.#owner.isOverheard) this.#owner.passed(frame.bytes.slice());
      const outcome = this.#owner.message(envelope);
      if (typeof outcome === "object") return this.#finish(outcome, frame);
      if (outcome !== undefined) this.#refuse(outcome, frame);
    } catch (error) {
      this.#fail(error, frame);
    }
    return undefined;
  }

  *#finish(work: Work<Refusal>, frame: Frame): Work {
    try {
      const refusal = yield* work;
      if (refusal !== undefined) this.#refuse(refusal, frame);
    } catch (error) {
      this.#fail(error, frame);
    }
  }

  #fail(error: unknown, frame: Frame): void {
    if (error instanceof AppError) this.#log.debug({ error: error.message }, "openflow message not read");
    else this.#log.error({ error: error instanceof Error ? error.stack : String(error) }, "openflow message not carried out");
    if (this.#version === undefined) this.close();
    else this.#refuse(errorNameOf(error), frame);
  }

  #refuse(refusal: ErrorName, { bytes }: Frame): void {
    this.#reply = undefined;
    this.refuse(refusal, bytes);
  }

  get #versionBits(): number {
    return this.#versions.reduce((bits, version) => bits | (1 << version), 0);
  }

  #noteAgreed(agreed: Version, offered: number): void {
    const texts = `we support ${describeVersions(this.#versionBits)}, peer supports ${describeVersions(offered)}`;
    this.#note(() => `negotiated OpenFlow version ${formatVersion(agreed)} (${texts})`);
  }

  #agree({ version, message }: Envelope): void {
    if (message.type !== "hello") return this.close();
    const offered = message.versions;
    const common = this.#versions.filter((each) => (offered === undefined ? each <= version : (offered & (1 << each)) !== 0));
    if (common.length === 0) {
      const [ours, theirs] = [describeVersions(this.#versionBits), describeVersions(offered ?? versionsUpTo(version))];
      this.#log.warn({ peer: this.#owner.name, ours, theirs }, "openflow version not agreed");
      const text = Buffer.from(`OpenFlow is spoken here in ${ours}, there in ${theirs}`);
      this.#write(makeErrorMessage("OFPHFC_INCOMPATIBLE", VERSION.OF10, text), version, 0);
      this.#socket.end();
      return;
    }
    this.#version = common.reduce((best, each) => (each > best ? each : best));
    if (this.#owner.messageLog.isOn) this.#noteAgreed(this.#version, offered ?? versionsUpTo(version));
    this.#owner.ready(this);
  }
}

/** What a hello without a bitmap offers. */
function versionsUpTo(version: number): number {
  return 2 ** (version + 1) - 2;
}

function describeVersions(bits: number): string {
  const versions: number[] = [];
  for (let version = 1; version < 32; version++) if ((bits & (1 << version)) !== 0) versions.push(version);
  const highest = versions.at(-1);
  if (highest === undefined) return "no versions";
  if (versions.length === 1) return `version ${formatVersion(highest)}`;
  if (versions.length === highest) return `version ${formatVersion(highest)} and earlier`;
  return `versions ${versions.map(formatVersion).join(", ")}`;
}

function formatVersion(version: number): string {
  return `0x${version.toString(16).padStart(2, "0")}`;
}
