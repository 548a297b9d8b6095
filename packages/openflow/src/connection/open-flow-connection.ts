/**
 * One OpenFlow connection over a stream socket, for both ends.
 *
 * Says hello, agrees on a version, cuts the stream into messages, answers echoes, matches replies to
 * requests, and tells the peer in its own protocol what was wrong with a message. A fault in one message is
 * answered and the connection goes on; a fault in the framing ends this connection and no other.
 */
import type { Socket } from "node:net";
import { AppError, type Logger, messageOf, ProtocolError, silentLogger } from "@tenet/kit";
import { type Message, type Version, VERSION } from "../message.ts";
import { encodeMessage, encodeMessages, readHeader } from "../wire/codec.ts";
import { type ErrorName, errorNameOf, makeErrorMessage, OpenFlowError } from "../wire/openflow-error.ts";
import { type Frame, Framer } from "./framer.ts";
import { negotiate, versionBitmap } from "./negotiate.ts";
import { PendingRequests } from "./pending-requests.ts";

/** A message as it came in. */
export interface Received {
  readonly message: Message;
  readonly xid: number;
  /** The whole message; valid during the call alone. */
  readonly bytes: Uint8Array;
}

/** How to run a connection. */
export interface ConnectionOptions {
  /** Versions to offer; default: all. */
  readonly versions?: readonly Version[];
  /** Stop reading while the peer does not read what was sent. For the end that answers; default off. */
  readonly pausesWhenFull?: boolean;
  /** Ask for an echo after so long without a byte from the peer, and give up after as long again; 0 = never. */
  readonly probeIntervalMs?: number;
  readonly log?: Logger;
}

/** No version above is taken for one in a hello. */
const MAX_VERSION = 0x1f;
const ALL_VERSIONS: readonly Version[] = Object.values(VERSION);

/** An OpenFlow connection; `ready` resolves when a version is agreed on. */
export class OpenFlowConnection implements Disposable {
  /** The agreed version; rejects when there is none or the connection ends before. */
  readonly ready: Promise<Version>;
  readonly #socket: Socket;
  readonly #versions: readonly Version[];
  readonly #log: Logger;
  readonly #pausesWhenFull: boolean;
  readonly #framer: Framer = new Framer({ checkHeader: (version, type) => this.#checkHeader(version, type) });
  readonly #pending = new PendingRequests();
  readonly #closeListeners: ((error: Error | undefined) => void)[] = [];
  #onMessage: (received: Received) => void = () => undefined;
  #version: Version | undefined;
  #nextXid = 1;
  /** NXT_FLOW_MOD_TABLE_ID: what the peer of an OpenFlow 1.0 connection switched on. */
  #hasTableId = false;
  #isClosed = false;
  #error: Error | undefined;
  #lastHeardMs: number = performance.now();
  #probe: NodeJS.Timeout | undefined;
  #settleReady: { resolve: (version: Version) => void; reject: (error: Error) => void } | undefined;

  constructor(socket: Socket, options: ConnectionOptions = {}) {
    this.#socket = socket;
    this.#versions = options.versions ?? ALL_VERSIONS;
    this.#log = options.log ?? silentLogger;
    this.#pausesWhenFull = options.pausesWhenFull ?? false;
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve, reject };
    });
    // Whoever waits for `ready` sees the failure; a connection nobody waits for must not end the process.
    this.ready.catch(() => undefined);
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("drain", () => {
      if (!this.#isClosed) socket.resume();
    });
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#finish());
    this.#startProbe(options.probeIntervalMs ?? 0);
    this.#write(encodeMessage({ type: "hello", versions: versionBitmap(this.#versions) }, Math.max(...this.#versions), 0));
  }

  /** The agreed version. @throws AppError before there is one */
  get version(): Version {
    if (this.#version === undefined) throw new AppError("No OpenFlow version is agreed on yet", { code: "OPENFLOW_NOT_READY" });
    return this.#version;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Bytes sent that the peer's side has not taken yet. */
  get backlogBytes(): number {
    return this.#socket.writableLength;
  }

  /**
   * Sets the one listener for messages that answer no request of ours; hello and echo are not among them.
   * What it throws is answered to the peer: an OpenFlowError by its name, anything else as a refusal.
   */
  onMessage(listener: (received: Received) => void): void {
    this.#onMessage = listener;
  }

  /** Calls back once when the connection is over, with what ended it unless it was closed in order. */
  onClose(listener: (error: Error | undefined) => void): void {
    if (this.#isClosed) listener(this.#error);
    else this.#closeListeners.push(listener);
  }

  /** Sends a message and returns its transaction id: `xid`, or a new one. Long multipart replies are split. */
  send(message: Message, xid: number = this.newXid()): number {
    if (this.#isClosed) return xid;
    const options = { hasTableId: this.#hasTableId };
    for (const bytes of encodeMessages(message, this.version, xid, options)) this.#write(bytes);
    if (message.type === "flowModTableId") this.#hasTableId = message.isOn;
    return xid;
  }

  /** Answers a message with an error; `about` holds its bytes. */
  sendError(name: ErrorName, xid: number, about: Uint8Array): void {
    const version = this.#version ?? Math.max(...this.#versions);
    if (!this.#isClosed) this.#write(encodeMessage(makeErrorMessage(name, version, about), version, xid));
  }

  /**
   * Sends a request and resolves with its reply; the parts of a multipart reply come joined.
   *
   * @throws OpenFlowReplyError when the peer answers with an error, IoError when the connection ends before
   */
  request(message: Message): Promise<Message> {
    if (this.#isClosed) return Promise.reject(this.#pending.closedError(this.#error));
    const xid = this.newXid();
    const reply = this.#pending.add(xid, this.version);
    this.send(message, xid);
    return reply;
  }

  /** Resolves when the peer has processed all that was sent before. */
  async barrier(): Promise<void> {
    await this.request({ type: "barrierRequest" });
  }

  /** Resolves when what was sent has left for the peer, or the connection is over. */
  drained(): Promise<void> {
    if (this.#isClosed || !this.#socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#socket.off("drain", done);
        this.#socket.off("close", done);
        resolve();
      };
      this.#socket.on("drain", done);
      this.#socket.on("close", done);
    });
  }

  /** A transaction id that is not in use. */
  newXid(): number {
    const xid = this.#nextXid;
    this.#nextXid = xid === 0xffff_fffe ? 1 : xid + 1;
    return xid;
  }

  /** Ends the connection after what was sent. */
  close(): void {
    if (this.#isClosed) return;
    this.#socket.end();
    this.#socket.destroySoon();
    this.#finish();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** What is written in one turn leaves in one system call. */
  #write(bytes: Uint8Array): void {
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      process.nextTick(() => this.#socket.uncork());
    }
    if (!this.#socket.write(bytes) && this.#pausesWhenFull) this.#socket.pause();
  }

  #receive(chunk: Uint8Array): void {
    this.#lastHeardMs = performance.now();
    try {
      this.#framer.push(chunk);
      for (let frame = this.#framer.next(); frame !== undefined && !this.#isClosed; frame = this.#framer.next())
        this.#accept(frame);
    } catch (error) {
      const name = error instanceof ProtocolError ? errorNameOf(error) : "OFPBRC_EPERM";
      this.sendError(name, 0, new Uint8Array(chunk.subarray(0, 64)));
      this.#fail(error instanceof Error ? error : new ProtocolError(messageOf(error)));
    }
  }

  /** Ends the stream at the first header that cannot be right, without waiting for as many bytes as it claims. */
  #checkHeader(version: number, type: number): void {
    const { at } = this.#framer;
    if (this.#version === undefined && (type !== 0 || version === 0 || version > MAX_VERSION)) {
      throw new OpenFlowError(
        "OFPHFC_INCOMPATIBLE",
        `The peer did not begin with a hello, but with version ${version}, type ${type}`,
        {
          details: { at, version, type },
        },
      );
    }
    if (this.#version !== undefined && version !== this.#version && type > 1) {
      throw new OpenFlowError("OFPBRC_BAD_VERSION", `OpenFlow version ${version} came where ${this.#version} was agreed on`, {
        details: { at, version, agreed: this.#version },
      });
    }
  }

  #accept(frame: Frame): void {
    const { bytes } = frame;
    const { version, xid } = readHeader(bytes);
    if (this.#version === undefined) return this.#acceptHello(frame, version, xid);
    let message: Message;
    try {
      ({ message } = frame.decode({ hasTableId: this.#hasTableId }));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#log.warn({ error: error.message, xid }, "openflow message refused");
      // An error that answers an error would go back and forth for ever.
      if (bytes[1] !== 1) this.sendError(errorNameOf(error), xid, bytes);
      return;
    }
    this.#dispatch(message, xid, bytes);
  }

  #dispatch(message: Message, xid: number, bytes: Uint8Array): void {
    switch (message.type) {
      case "hello":
        return;
      case "echoRequest":
        this.send({ type: "echoReply", data: message.data }, xid);
        return;
      case "flowModTableId":
        this.#hasTableId = message.isOn;
        break;
      default:
    }
    if (this.#pending.settle(xid, message)) return;
    if (message.type === "echoReply") return;
    try {
      this.#onMessage({ message, xid, bytes });
    } catch (error) {
      this.#log.warn({ error: messageOf(error), xid, type: message.type }, "openflow message refused");
      this.sendError(error instanceof OpenFlowError ? error.errorName : "OFPBRC_EPERM", xid, bytes);
    }
  }

  #acceptHello(frame: Frame, version: number, xid: number): void {
    let agreed: Version | undefined;
    try {
      const { message } = frame.decode();
      agreed = negotiate(this.#versions, version, message.type === "hello" ? message.versions : undefined);
    } catch (error) {
      this.sendError(errorNameOf(error), xid, frame.bytes);
      return this.#fail(error instanceof Error ? error : new ProtocolError(messageOf(error)));
    }
    if (agreed === undefined) {
      this.sendError("OFPHFC_INCOMPATIBLE", xid, frame.bytes);
      return this.#fail(
        new ProtocolError(`The peer offers OpenFlow up to version ${version} only; spoken here: ${this.#versions.join(", ")}`, {
          hint: "Allow a common version on both ends, e.g. OpenFlow13",
          details: { version, versions: this.#versions },
        }),
      );
    }
    this.#version = agreed;
    this.#settleReady?.resolve(agreed);
  }

  #startProbe(intervalMs: number): void {
    if (intervalMs <= 0) return;
    this.#probe = setInterval(() => {
      const silentMs = performance.now() - this.#lastHeardMs;
      if (silentMs >= 2 * intervalMs) this.#fail(new ProtocolError(`The peer was silent for ${Math.round(silentMs)} ms`));
      else if (silentMs >= intervalMs && this.#version !== undefined) this.send({ type: "echoRequest", data: new Uint8Array(0) });
    }, intervalMs / 2);
    this.#probe.unref();
  }

  /** Ends the connection because of a fault. */
  #fail(error: Error): void {
    this.#error ??= error;
    this.#log.warn({ error: error.message }, "openflow connection failed");
    this.#socket.destroySoon();
    this.#finish();
  }

  #finish(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#probe);
    const error = this.#pending.closedError(this.#error);
    this.#settleReady?.reject(error);
    this.#pending.rejectAll(error);
    for (const listener of this.#closeListeners.splice(0)) listener(this.#error);
  }
}
