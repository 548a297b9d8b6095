/**
 * The server's side of a WebSocket, so that a page in a browser can be an OVSDB client: answers the upgrade of an HTTP
 * request and makes of the connection a stream as JSON-RPC needs one.
 *
 * Who may connect is for the caller to judge before, by the request's headers.
 *
 * @see RFC 6455, section 4.2
 */
import { createHash } from "node:crypto";
import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { ProtocolError } from "@tenet/kit";
import type { RpcSocket } from "./rpc-socket.ts";
import { CLOSE, encodeFrame, FrameReader, PING, PONG, TEXT } from "./web-socket-frame.ts";

/** What every server adds to the client's key before it hashes it. */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const NORMAL_CLOSURE = Uint8Array.of(0x03, 0xe8); // 1000

/**
 * Answers the `upgrade` event of an HTTP server.
 *
 * @param head - what the client sent behind its request
 * @throws ProtocolError when the request asks for something else than a WebSocket of version 13; it is not answered then
 */
export function acceptWebSocket(request: IncomingMessage, socket: Duplex, head: Uint8Array): RpcSocket {
  const { upgrade = "", "sec-websocket-key": key = "", "sec-websocket-version": version } = request.headers;
  const isAsked = request.method === "GET" && upgrade.toLowerCase() === "websocket" && version === "13";
  if (!isAsked || Buffer.from(key, "base64").length !== 16) {
    throw new ProtocolError("Cannot open a WebSocket: the request asks for none of version 13");
  }
  const accepted = createHash("sha1").update(`${key}${KEY_SUFFIX}`).digest("base64");
  const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
  socket.write(`${[...lines, `Sec-WebSocket-Accept: ${accepted}`].join("\r\n")}\r\n\r\n`);
  return new WebSocketStream(socket, head);
}

class WebSocketStream extends EventEmitter implements RpcSocket {
  readonly #socket: Duplex;
  readonly #encoder = new TextEncoder();
  #hasEnded = false;
  bytesWritten = 0;

  constructor(socket: Duplex, head: Uint8Array) {
    super();
    this.#socket = socket;
    const reader = new FrameReader({
      message: (bytes) => void this.emit("data", bytes),
      control: (opcode, payload) => this.#control(opcode, payload),
    });
    const take = (bytes: Uint8Array): void => {
      try {
        reader.push(bytes);
      } catch (error) {
        this.emit("error", error);
      }
    };
    socket.on("data", take);
    socket.on("drain", () => this.emit("drain"));
    socket.on("error", (error) => this.emit("error", error));
    socket.on("end", () => this.emit("end"));
    socket.on("close", () => this.emit("close"));
    if (head.length > 0) setImmediate(() => take(head)); // after the listeners have been set
  }

  get writableNeedDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get writableLength(): number {
    return this.#socket.writableLength;
  }

  write(text: string): void {
    this.#send(TEXT, this.#encoder.encode(text));
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#send(CLOSE, NORMAL_CLOSURE);
    this.#hasEnded = true;
    this.#socket.end();
  }

  destroySoon(): void {
    this.end();
    if (this.#socket.writableFinished) this.#socket.destroy();
    else this.#socket.once("finish", () => this.#socket.destroy());
  }

  destroy(): void {
    this.#hasEnded = true;
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  #control(opcode: number, payload: Uint8Array): void {
    if (opcode === PING) this.#send(PONG, payload);
    if (opcode === CLOSE) this.emit("end");
  }

  #send(opcode: number, payload: Uint8Array): void {
    if (this.#hasEnded || this.#socket.destroyed) return;
    const frame = encodeFrame(opcode, payload);
    this.bytesWritten += frame.length;
    this.#socket.write(frame);
  }
}
