/** A bare OpenFlow connection: bytes out, and in words what came back. */
import { connect, type Socket } from "node:net";
import { decodeMessage, encodeMessage, formatErrorNumbers, type Version, versionBitmap } from "@tenet/openflow";

const HEADER_SIZE = 8;
const HELLO = 0;
const ERROR = 1;
const ECHO_REQUEST = 2;
const ECHO_REPLY = 3;
const FENCE_XID = 0x7e57;

/** A connection that is made again when the other end closes it. */
export class RawPeer implements Disposable {
  readonly #path: string;
  readonly #version: Version;
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  #heard: string[] = [];
  #wake: () => void = () => undefined;

  constructor(path: string, version: Version) {
    this.#path = path;
    this.#version = version;
  }

  /** Sends bytes. @returns the types of the messages that come back, errors by their name, and `closed` */
  async ask(bytes: Uint8Array): Promise<string[]> {
    const socket = this.#socket ?? (await this.#connect());
    this.#heard = [];
    socket.write(bytes);
    socket.write(encodeMessage({ type: "echoRequest", data: new Uint8Array(0) }, this.#version, FENCE_XID));
    while (!this.#heard.some((word) => word === "fence" || word === "closed")) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    // A reply may come in any number of parts.
    return this.#heard.filter((word, i) => word !== "fence" && word !== this.#heard[i - 1]);
  }

  [Symbol.dispose](): void {
    this.#socket?.destroy();
  }

  async #connect(): Promise<Socket> {
    const socket = connect(this.#path);
    this.#socket = socket;
    this.#received = Buffer.alloc(0);
    socket.on("data", (bytes: Buffer) => this.#take(bytes));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#socket = undefined;
      this.#hear("closed");
    });
    socket.write(encodeMessage({ type: "hello", versions: versionBitmap([this.#version]) }, this.#version, 1));
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    return socket;
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    while (this.#received.length >= HEADER_SIZE) {
      const length = this.#received.readUInt16BE(2);
      if (this.#received.length < length) return;
      this.#hear(this.#wordFor(this.#received.subarray(0, length)));
      this.#received = this.#received.subarray(length);
    }
  }

  #wordFor(message: Buffer): string {
    const type = message[1] ?? 0;
    if (type === ECHO_REPLY && message.readUInt32BE(4) === FENCE_XID) return "fence";
    if (type === ERROR) {
      const { version, message: error } = decodeMessage(message);
      if (error.type === "error") return formatErrorNumbers(version, error);
    }
    return type === HELLO ? "hello" : type === ECHO_REQUEST ? "echo" : `type ${type}`;
  }

  #hear(word: string): void {
    this.#heard.push(word);
    this.#wake();
  }
}
