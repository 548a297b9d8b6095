/**
 * Puts a multipart reply that comes in parts into messages: as few of them as if it came whole.
 *
 * Whoever makes a long reply gives way to others now and then, and tools show each message under a heading of its own.
 */
import type { MultipartReply } from "../message.ts";
import { header, HEADER_SIZE } from "./message-frame.ts";
import { numberOf, TYPE_NUMBERS } from "./message-numbers.ts";
import { encodeMultipartReply, type ReplyParts } from "./multipart-wire.ts";

/** Where replies are split. */
const SPLIT_LENGTH = 0xf000;
const MAX_LENGTH = 0xffff;
/** Messages that are shorter are copied out of the memory that they were made in. */
const SHORT_LENGTH = 0x4000;
/** How much memory for messages is kept for others: 2 MiB. */
const MAX_SPARE = 32;

/** The messages of one reply. */
export class ReplyPacker {
  /** Memory for a message each. */
  static readonly #spare: Uint8Array[] = [];
  /** What was given out and may come back. */
  static readonly #lent = new WeakMap<Uint8Array, Uint8Array>();
  readonly #version: number;
  readonly #xid: number;
  #head: ReplyParts["head"] | undefined;
  /** Where the message is made that is not full yet. */
  #memory: Uint8Array | undefined;
  /** Of all that comes before the entries. */
  #headLength = 0;
  /** Of the entries that are in no message yet. */
  #size = 0;
  /** How many entries were longer than a message can be, and left out. */
  nLeftOut = 0;

  constructor(version: number, xid: number) {
    this.#version = version;
    this.#xid = xid;
  }

  /**
   * Has the memory of a message used again, which must not be looked at any more. Those of a long reply live for as long as its peer
   * takes to read them, which is dear to the collector of garbage; one that is not given back is garbage as any other.
   */
  static giveBack(message: Uint8Array): void {
    const memory = ReplyPacker.#lent.get(message);
    if (memory !== undefined && ReplyPacker.#lent.delete(message)) ReplyPacker.#keep(memory);
  }

  static #keep(memory: Uint8Array): void {
    if (ReplyPacker.#spare.length < MAX_SPARE) ReplyPacker.#spare.push(memory);
  }

  /** Takes a part. @returns the messages that are full @throws AppError when the version cannot say it */
  add(reply: MultipartReply): Uint8Array[] {
    const { head, entries } = encodeMultipartReply(reply, this.#version);
    if (this.#head === undefined) {
      this.#head = head;
      this.#headLength = HEADER_SIZE + head(true).length;
    }
    const full: Uint8Array[] = [];
    const most = reply.kind === "tableFeatures" ? 0 : SPLIT_LENGTH; // ovs-ofctl reads one table of a message
    for (const entry of entries) {
      if (this.#headLength + entry.length > MAX_LENGTH) {
        this.nLeftOut++;
        continue;
      }
      if (this.#size + entry.length > most) full.push(...this.rest());
      this.#memory ??= ReplyPacker.#spare.pop() ?? new Uint8Array(MAX_LENGTH);
      this.#memory.set(entry, this.#headLength + this.#size);
      this.#size += entry.length;
    }
    return full;
  }

  /** A message of what is in none yet, if there is any: more is to follow. */
  rest(): Uint8Array[] {
    return this.#size === 0 ? [] : this.#message(false);
  }

  /** The last message; none when nothing was taken. */
  end(): Uint8Array[] {
    return this.#message(true);
  }

  #message(isLast: boolean): Uint8Array[] {
    if (this.#head === undefined) return [];
    const length = this.#headLength + this.#size;
    const memory = this.#memory ?? new Uint8Array(length);
    const type = numberOf(TYPE_NUMBERS.multipartReply, this.#version);
    header.write(new DataView(memory.buffer), 0, { version: this.#version, type, length, xid: this.#xid });
    memory.set(this.#head(isLast), HEADER_SIZE);
    this.#memory = undefined;
    this.#size = 0;
    if (length >= SHORT_LENGTH) {
      const message = memory.subarray(0, length);
      ReplyPacker.#lent.set(message, memory);
      return [message];
    }
    if (memory.length === MAX_LENGTH) ReplyPacker.#keep(memory);
    return [memory.slice(0, length)];
  }
}
