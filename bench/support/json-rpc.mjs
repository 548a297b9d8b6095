/**
 * A bare JSON-RPC client, the same for both servers: it costs little, so that the server is what is measured.
 *
 * OVSDB messages follow each other without a separator; the end of one is where its braces close.
 */
import { createConnection } from "node:net";
import { once } from "node:events";

const [QUOTE, BACKSLASH, OPEN, CLOSE] = Buffer.from('"\\{}');

/** One connection; answers come in the order of the requests. */
export class JsonRpc {
  #socket;
  #waiting = [];
  #rest = Buffer.alloc(0);
  #at = 0;
  #depth = 0;
  #isInText = false;
  #id = 0;

  static async open(path) {
    const socket = createConnection(path);
    await once(socket, "connect");
    return new JsonRpc(socket);
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on("data", (chunk) => this.#read(chunk));
    socket.on("close", () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error("the server closed the connection"));
    });
  }

  /** Sends a request; resolves with its result, rejects when it or one of its operations failed. */
  call(method, params) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(JSON.stringify({ id: this.#id++, method, params }));
    });
  }

  close() {
    this.#socket.destroy();
  }

  #read(chunk) {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    for (; this.#at < bytes.length; this.#at++) {
      const byte = bytes[this.#at];
      if (this.#isInText) {
        if (byte === BACKSLASH) this.#at++;
        else if (byte === QUOTE) this.#isInText = false;
      } else if (byte === QUOTE) this.#isInText = true;
      else if (byte === OPEN) this.#depth++;
      else if (byte === CLOSE && --this.#depth === 0) {
        this.#take(JSON.parse(bytes.toString("utf8", start, this.#at + 1)));
        start = this.#at + 1;
      }
    }
    this.#rest = bytes.subarray(start);
    this.#at -= start;
  }

  #take(message) {
    if (message.method === "echo") this.#socket.write(JSON.stringify({ id: message.id, result: message.params, error: null }));
    if (message.method !== undefined) return;
    const { resolve, reject } = this.#waiting.shift();
    const failure = message.error ?? (Array.isArray(message.result) ? message.result.find((each) => each?.error) : undefined);
    if (failure) reject(new Error(JSON.stringify(failure)));
    else resolve(message.result);
  }
}
