/**
 * Frames over a stream, as a dummy interface's options `stream` and `pstream` join it to another: two bytes of length,
 * most significant first, then the frame.
 */
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { openSocket, parseListenRemote } from "@tenet/ovsdb";

const RETRY_MS = 1000;
const LENGTH_BYTES = 2;
/** Bytes that wait for a peer that does not read; frames beyond are lost. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** A stream of frames. */
export interface FrameStream {
  readonly isConnected: boolean;
  send(frame: Uint8Array): void;
  close(): void;
}

/** Calls an address (`unix:FILE`, `tcp:IP:PORT`), again and again until it answers. */
export class CallingStream implements FrameStream {
  readonly #remote: string;
  readonly #receive: (frame: Uint8Array) => void;
  readonly #abort = new AbortController();
  #socket: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(remote: string, receive: (frame: Uint8Array) => void) {
    this.#remote = remote;
    this.#receive = receive;
    this.#call();
  }

  get isConnected(): boolean {
    return this.#socket !== undefined;
  }

  send(frame: Uint8Array): void {
    if (this.#socket !== undefined) sendFrame(this.#socket, frame);
  }

  close(): void {
    this.#abort.abort();
    clearTimeout(this.#timer);
    this.#socket?.destroy();
  }

  #call(): void {
    openSocket(this.#remote, undefined, this.#abort.signal).then(
      (socket) => {
        this.#socket = socket;
        readFrames(socket, this.#receive);
        socket.on("close", () => this.#callLater());
      },
      () => this.#callLater(),
    );
  }

  #callLater(): void {
    this.#socket = undefined;
    if (this.#abort.signal.aborted) return;
    this.#timer = setTimeout(() => this.#call(), RETRY_MS);
    this.#timer.unref();
  }
}

/** Listens at an address (`punix:FILE`, `ptcp:PORT[:IP]`); every caller gets all frames. */
export class ListeningStream implements FrameStream {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** @throws BadRemoteError */
  constructor(remote: string, receive: (frame: Uint8Array) => void) {
    const address = parseListenRemote(remote);
    if ("path" in address) rmSync(address.path, { force: true });
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      readFrames(socket, receive);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("error", () => this.close());
    this.#server.listen(address);
  }

  get isConnected(): boolean {
    return this.#sockets.size > 0;
  }

  send(frame: Uint8Array): void {
    for (const socket of this.#sockets) sendFrame(socket, frame);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}

function sendFrame(socket: Socket, frame: Uint8Array): void {
  if (socket.writableLength > MAX_UNREAD_BYTES) return;
  const message = Buffer.alloc(LENGTH_BYTES + frame.length);
  message.writeUInt16BE(frame.length);
  message.set(frame, LENGTH_BYTES);
  socket.write(message);
}

function readFrames(socket: Socket, receive: (frame: Uint8Array) => void): void {
  let received: Uint8Array = new Uint8Array(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (bytes) => {
    received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
    for (;;) {
      const [high = 0, low = 0] = received;
      const end = LENGTH_BYTES + high * 256 + low;
      if (received.length < LENGTH_BYTES || received.length < end) return;
      receive(received.slice(LENGTH_BYTES, end));
      received = received.subarray(end);
    }
  });
}
