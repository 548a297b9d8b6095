/**
 * One OpenFlow connection on the switch's side: framing, version negotiation, errors.
 *
 * Says hello, agrees on the highest version that both know, then hands decoded messages on. A message that does not
 * decode is answered by the error that it stands for; a header that cannot be one ends the connection. Messages
 * that nobody asked for are dropped and counted when the peer does not read.
 */
import type { Socket } from "node:net";
import { type Logger, messageOf } from "@tenet/kit";
import {
  decodeMessage,
  type Envelope,
  encodeMessages,
  errorNameOf,
  HEADER_SIZE,
  makeErrorMessage,
  type Message,
  readHeader,
  type Version,
} from "@tenet/openflow";

/** What a channel's owner wants to know. */
export interface ChannelOwner {
  /** The version is agreed. */
  ready(channel: OpenFlowChannel): void;
  /** @returns the name of the error to answer with, or `undefined` */
  message(envelope: Envelope): Parameters<typeof makeErrorMessage>[0] | undefined;
  /** A message passed, in either direction, as bytes. */
  passed(bytes: Uint8Array): void;
  closed(): void;
}

/** Unread bytes beyond which unsolicited messages are dropped, and no more requests are read. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** A connection with a controller or a tool. */
export class OpenFlowChannel {
  /** Unsolicited messages that the peer was too slow for. */
  nDropped = 0;
  readonly #socket: Socket;
  readonly #versions: readonly Version[];
  readonly #owner: ChannelOwner;
  readonly #log: Logger;
  #version: Version | undefined;
  /** Off until the peer turns it on, as in Open vSwitch. */
  #hasTableId = false;
  #received = new Uint8Array(0);

  constructor(socket: Socket, versions: readonly Version[], owner: ChannelOwner, log: Logger) {
    this.#socket = socket;
    this.#versions = versions;
    this.#owner = owner;
    this.#log = log;
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("error", (error) => log.debug({ error: error.message }, "openflow connection failed"));
    socket.on("close", () => owner.closed());
    socket.on("drain", () => socket.resume());
    const bitmap = versions.reduce((bits, version) => bits | (1 << version), 0);
    this.#write({ type: "hello", versions: bitmap }, Math.max(...versions), 0);
  }

  /** The agreed version. */
  get version(): Version {
    return this.#version ?? 1;
  }

  setTableIdInCommand(isOn: boolean): void {
    this.#hasTableId = isOn;
  }

  /** Sends a message; without `xid` it is unsolicited. */
  send(message: Message, xid?: number): void {
    if (xid === undefined && this.#socket.writableLength > MAX_UNREAD_BYTES) this.nDropped++;
    else this.#write(message, this.version, xid ?? 0);
  }

  /** Sends bytes that are a message already. */
  sendBytes(bytes: Uint8Array): void {
    if (this.#socket.writableLength > MAX_UNREAD_BYTES) this.nDropped++;
    else this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(message: Message, version: number, xid: number): void {
    for (const bytes of encodeMessages(message, version, xid)) {
      this.#socket.write(bytes);
      if (message.type !== "hello") this.#owner.passed(bytes);
    }
    if (this.#socket.writableLength > MAX_UNREAD_BYTES) this.#socket.pause();
  }

  #receive(bytes: Uint8Array): void {
    const all = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    let at = 0;
    while (all.length - at >= HEADER_SIZE && !this.#socket.destroyed) {
      const { length } = readHeader(all.subarray(at, at + HEADER_SIZE));
      if (length < HEADER_SIZE) {
        this.#log.debug({ length }, "openflow connection lost its framing");
        return this.close();
      }
      if (all.length - at < length) break;
      this.#take(all.slice(at, at + length));
      at += length;
    }
    this.#received = all.slice(at);
  }

  #take(bytes: Uint8Array): void {
    const { version, xid } = readHeader(bytes);
    try {
      const envelope = decodeMessage(bytes, { hasTableId: this.#hasTableId });
      if (this.#version === undefined) return this.#agree(envelope);
      this.#owner.passed(bytes);
      const refusal = this.#owner.message(envelope);
      if (refusal !== undefined) this.#write(makeErrorMessage(refusal, version, bytes), version, xid);
    } catch (error) {
      this.#log.debug({ error: messageOf(error) }, "openflow message refused");
      if (this.#version === undefined) return this.close();
      this.#write(makeErrorMessage(errorNameOf(error), this.#version, bytes), this.#version, xid);
    }
  }

  #agree({ version, xid, message }: Envelope): void {
    if (message.type !== "hello") return this.close();
    const offered = message.versions;
    const common = this.#versions.filter((each) => (offered === undefined ? each <= version : (offered & (1 << each)) !== 0));
    if (common.length === 0) {
      this.#write(makeErrorMessage("OFPHFC_INCOMPATIBLE", 1, new Uint8Array(0)), Math.min(...this.#versions), xid);
      this.#socket.end();
      return;
    }
    this.#version = common.reduce((best, each) => (each > best ? each : best));
    this.#owner.ready(this);
  }
}
