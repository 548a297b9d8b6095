/**
 * One JSON-RPC 1.0 connection over a stream socket, either side.
 *
 * Reads requests, notifications and replies; matches replies to own requests; answers `echo`; probes an
 * idle peer; takes no more requests from a peer that does not read the answers, and drops one that lets
 * too much pile up, or that reads nothing for too long while much waits for it. A malformed message ends this connection and nothing else.
 *
 * @see RFC 7047, section 4 and JSON-RPC 1.0
 */
import { AppError, type Json, type Logger, messageOf, ProtocolError } from "@tenet/kit";
import { stringifyExact } from "../model/exact-json.ts";
import { isJsonArray, isJsonObject, stringifySorted } from "../model/sorted-json.ts";
import { JsonStream, type JsonStreamLimits } from "./json-stream.ts";
import { readingProgress } from "./reading-progress.ts";
import { PartSender } from "./part-sender.ts";
import type { RpcSocket } from "./rpc-socket.ts";
import { finish, type Turns, type Work } from "./work.ts";

/** The peer answered a request with an error. */
export class RpcError extends AppError {
  static override readonly code: string = "OVSDB_RPC_ERROR";
  /** The `error` member of the reply. */
  readonly error: Json;

  constructor(method: string, error: Json) {
    super(`Request "${method}" failed: ${typeof error === "string" ? error : stringifySorted(error)}`, {
      details: { method, error },
    });
    this.error = error;
  }
}

/** The connection ended before the peer answered. */
export class ConnectionLostError extends AppError {
  static override readonly code: string = "OVSDB_CONNECTION_LOST";
}

/** Who handles what the peer sends. */
export interface RpcHandler {
  /** A request: answer with `reply` or `replyError`. */
  request(method: string, params: Json, id: Json): void;
  /** A notification; what it takes to deal with it may be returned as work, which is done before the next message is looked at. */
  notification(method: string, params: Json): Work | undefined;
  /** The peer has read all that it was sent, after being behind. */
  caughtUp?(): void;
  /** The connection has ended; called once. */
  closed(error: Error | undefined): void;
}

/** Bounds and timing of a connection. */
export interface ConnectionOptions {
  readonly limits?: JsonStreamLimits;
  /** An idle peer is asked for an echo after this time, and dropped after twice of it; 0 is never. */
  readonly probeIntervalMs?: number;
  /** Unsent bytes above which the peer is behind, and nothing more is read from it; never when absent. */
  readonly pauseBytes?: number;
  /** Unsent bytes above which the peer is dropped. */
  readonly backlogBytes?: number;
  /** In whose turns messages are read and dealt with; at once when absent. */
  readonly turns?: Turns;
  /** A peer that is behind is dropped when it has read nothing for so long. Default 60 s. */
  readonly patienceMs?: number;
}

const DEFAULT_BACKLOG_BYTES = 256 * 1024 * 1024;
const DEFAULT_PATIENCE_MS = 60_000;
/** So much is written before the turn ends. */
const FLUSH_LENGTH = 64 * 1024;

/** A JSON-RPC connection. */
export class JsonRpcConnection {
  readonly #socket: RpcSocket;
  readonly #handler: RpcHandler;
  readonly #log: Logger;
  readonly #stream: JsonStream;
  readonly #pauseBytes: number;
  readonly #backlogBytes: number;
  readonly #patienceMs: number;
  readonly #turns: Turns | undefined;
  /** Whether messages are being looked at, perhaps in later turns. */
  #isReading = false;
  /** Messages that were received and not looked at yet: the peer was behind. */
  #held: Generator<Json | undefined> | undefined;
  /** What is left to do about the last notification. */
  #work: Work | undefined;
  readonly #replies = new Map<number, { method: string; resolve: (result: Json) => void; reject: (error: Error) => void }>();
  /** Encoded messages that wait for the end of this turn. */
  #outgoing = "";
  #isFlushScheduled = false;
  /** A message that is sent in parts; what is sent meanwhile waits behind it. */
  #parts: PartSender | undefined;
  #nextId = 0;
  #isClosed = false;
  #probeTimer: ReturnType<typeof setInterval> | undefined;
  #nSilentProbes = 0;
  #progressAtProbe = "";
  /** Runs while the peer is behind. */
  #patience: ReturnType<typeof setInterval> | undefined;

  constructor(socket: RpcSocket, handler: RpcHandler, log: Logger, options: ConnectionOptions = {}) {
    this.#socket = socket;
    this.#handler = handler;
    this.#log = log;
    this.#stream = new JsonStream(options.limits);
    this.#pauseBytes = options.pauseBytes ?? Infinity;
    this.#backlogBytes = options.backlogBytes ?? DEFAULT_BACKLOG_BYTES;
    this.#patienceMs = options.patienceMs ?? DEFAULT_PATIENCE_MS;
    this.#turns = options.turns;
    socket.on("data", (bytes: Uint8Array) => {
      this.#nSilentProbes = 0;
      this.#receive(this.#stream.pushInSteps(bytes));
    });
    socket.on("drain", () => this.#drained());
    socket.on("error", (error) => this.close(error));
    socket.on("close", () => this.close());
    socket.on("end", () => this.close());
    this.setProbeInterval(options.probeIntervalMs ?? 0);
  }

  /** Whether it has ended. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the peer has yet to read much of what it was sent. */
  get isBehind(): boolean {
    return this.#parts !== undefined || (this.#socket.writableNeedDrain && this.#socket.writableLength > this.#pauseBytes);
  }

  /** Asks an idle peer for an echo after this time, and drops it after twice of it; 0 is never. */
  setProbeInterval(probeIntervalMs: number): void {
    clearInterval(this.#probeTimer);
    if (probeIntervalMs > 0 && !this.#isClosed) this.#probeTimer = startTimer(() => this.#probe(), probeIntervalMs);
  }

  /** Sends a request; resolves with the result. @throws RpcError, ConnectionLostError */
  request(method: string, params: Json): Promise<Json> {
    if (this.#isClosed) return Promise.reject(new ConnectionLostError(`Request "${method}" failed: the connection is closed`));
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#replies.set(id, { method, resolve, reject });
      this.send(`{"method":${stringifyExact(method)},"params":${stringifyExact(params)},"id":${id}}`);
    });
  }

  /** Answers a request. */
  reply(id: Json, result: Json): void {
    this.send(`{"id":${stringifyExact(id)},"result":${stringifyExact(result)},"error":null}`);
  }

  /** Answers a request with an error. */
  replyError(id: Json, error: Json): void {
    this.send(`{"id":${stringifyExact(id)},"result":null,"error":${stringifyExact(error)}}`);
  }

  /** Sends a notification. */
  notify(method: string, params: Json): void {
    this.send(`{"id":null,"method":${stringifyExact(method)},"params":${stringifyExact(params)}}`);
  }

  /** Sends an encoded message; what is sent in one turn of the event loop goes out in one write. */
  send(text: string): void {
    if (this.#isClosed) return;
    if (!this.#isFlushScheduled) queueMicrotask(this.#flushScheduled);
    this.#isFlushScheduled = true;
    this.hold(text);
  }

  /** Keeps an encoded message until {@link flush}, or until something else is sent. */
  hold(text: string): void {
    if (this.#isClosed) return;
    this.#outgoing += text;
    if (this.#outgoing.length > FLUSH_LENGTH) this.flush();
  }

  readonly #flushScheduled = (): void => {
    this.#isFlushScheduled = false;
    this.flush();
  };

  /**
   * Sends a message part by part, no faster than the peer reads; until the end the peer counts as behind.
   *
   * @param nextTurn - calls back when other connections had their turn
   */
  sendInParts(parts: Iterator<string>, nextTurn: (task: () => void) => void): void {
    if (this.#isClosed) return;
    this.flush();
    this.#parts = new PartSender(this.#socket, parts, nextTurn, () => this.#endParts());
    this.#parts.start();
    if (this.#parts !== undefined && this.#patience === undefined) this.#watchReading();
  }

  #endParts(): void {
    this.#parts = undefined;
    this.flush();
    if (!this.#socket.writableNeedDrain) this.#drained();
  }

  /** Sends what is held. */
  flush(): void {
    if (this.#isClosed || this.#outgoing === "" || this.#parts !== undefined) return;
    this.#socket.write(this.#outgoing);
    this.#outgoing = "";
    if (this.#socket.writableLength > this.#backlogBytes) {
      this.close(
        new ProtocolError("Peer does not read what it is sent", { details: { backlogBytes: this.#socket.writableLength } }),
      );
    } else if (this.#patience === undefined && this.isBehind) this.#watchReading();
  }

  /** Drops the peer when it reads nothing for too long, until it has caught up. */
  #watchReading(): void {
    let before = readingProgress(this.#socket);
    this.#patience = startTimer(() => {
      const now = readingProgress(this.#socket);
      if (now === before) {
        this.#log.warn(
          { patienceMs: this.#patienceMs, backlogBytes: this.#socket.writableLength },
          "closing connection of a peer that does not read",
        );
        this.close(new ProtocolError("Peer does not read what it is sent", { details: { patienceMs: this.#patienceMs } }));
      }
      before = now;
    }, this.#patienceMs);
  }

  /** Ends the connection; open requests fail. */
  close(error?: Error): void {
    if (this.#isClosed) return;
    if (error === undefined) this.flush();
    this.#isClosed = true;
    this.#parts?.stop();
    clearInterval(this.#probeTimer);
    clearInterval(this.#patience);
    if (error === undefined) this.#socket.end();
    this.#socket.destroySoon();
    if (error !== undefined) this.#socket.destroy();
    for (const { method, reject } of this.#replies.values()) {
      reject(new ConnectionLostError(`Request "${method}" failed: the connection was lost`, { cause: error }));
    }
    this.#replies.clear();
    this.#handler.closed(error);
  }

  #receive(messages: Generator<Json | undefined>): void {
    this.#isReading = true;
    if (this.#turns === undefined) finish(this.#reading(messages));
    else this.#turns.begin(this.#reading(messages));
    if (this.#isReading) this.#socket.pause();
  }

  *#reading(messages: Generator<Json | undefined>): Work {
    try {
      while (!this.#isClosed && !this.isBehind) {
        if (this.#work === undefined) {
          const { done, value } = messages.next();
          if (done === true) break;
          if (value !== undefined) this.#work = this.#dispatch(value);
        } else if (this.#work.next().done === true) this.#work = undefined;
        yield;
      }
      if (this.isBehind) this.#hold(messages);
      else if (!this.#isClosed) this.#socket.resume();
    } catch (error) {
      const failure = error instanceof Error ? error : new ProtocolError(messageOf(error));
      const details = failure instanceof AppError ? failure.details : {};
      this.#log.warn({ err: failure.message, ...details }, "closing connection after bad message");
      this.close(failure);
    }
    this.#isReading = false;
  }

  /** Keeps the rest of what was received, and lets the peer's writes block, until it has read. */
  #hold(messages: Generator<Json | undefined>): void {
    this.#held = messages;
    this.#socket.pause();
  }

  #drained(): void {
    if (this.#isClosed) return;
    if (this.#parts !== undefined) return this.#parts.drained();
    clearInterval(this.#patience);
    this.#patience = undefined;
    this.#handler.caughtUp?.();
    this.#goOn();
  }

  /** Looks at what is held. */
  #goOn(): void {
    const held = this.#held;
    if (held === undefined || this.#isClosed) return;
    this.#held = undefined;
    this.#receive(held);
  }

  /** @returns what is left to do */
  #dispatch(message: Json): Work | undefined {
    const object = isJsonObject(message) ? message : {};
    const { method, params, id = null, result = null, error = null } = object;
    const unknown = unknownMember(object);
    if (unknown !== undefined) throw new ProtocolError(`Received bad JSON-RPC message: unexpected member "${unknown}"`);
    if (method === undefined || method === null) this.#settle(id, result, error);
    else if (typeof method !== "string") throw new ProtocolError("Received bad JSON-RPC message: method is not a string");
    else if (!isJsonArray(params)) throw new ProtocolError("Received bad JSON-RPC message: params must be an array");
    else if (id === null) return this.#handler.notification(method, params);
    else if (method === "echo") this.reply(id, params);
    else this.#handler.request(method, params, id);
    return undefined;
  }

  #settle(id: Json, result: Json, error: Json): void {
    if (id === null) throw new ProtocolError("Received bad JSON-RPC message: reply without id");
    const open = typeof id === "number" ? this.#replies.get(id) : undefined;
    if (open === undefined || typeof id !== "number") return;
    this.#replies.delete(id);
    if (error === null) open.resolve(result);
    else open.reject(new RpcError(open.method, error));
  }

  #probe(): void {
    const progress = readingProgress(this.#socket);
    if (progress !== this.#progressAtProbe && (this.#held !== undefined || this.#parts !== undefined)) this.#nSilentProbes = 0; // it reads, slowly
    this.#progressAtProbe = progress;
    if (this.#nSilentProbes >= 2) {
      this.close(new ConnectionLostError("Peer did not answer an echo request"));
    } else if (this.#nSilentProbes++ === 1) {
      this.send(`{"method":"echo","params":[],"id":"echo"}`);
    }
  }
}

/** A timer that keeps no process alive; those of browsers cannot. */
function startTimer(work: () => void, intervalMs: number): ReturnType<typeof setInterval> {
  const timer = setInterval(work, intervalMs);
  if (typeof timer === "object") timer.unref();
  return timer;
}

/** A member that messages do not have. */
function unknownMember(message: { readonly [key: string]: Json | undefined }): string | undefined {
  for (const name in message) {
    if (name !== "method" && name !== "params" && name !== "id" && name !== "result" && name !== "error") return name;
  }
  return undefined;
}
