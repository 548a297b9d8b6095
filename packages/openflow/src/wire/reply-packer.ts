/**
 * Puts a multipart reply that comes in parts into messages: as few of them as if it came whole.
 *
 * Whoever makes a long reply gives way to others now and then, and tools show each message under a heading of its own.
 */
import type { MultipartReply } from "../message.ts";
import { frame, HEADER_SIZE } from "./message-frame.ts";
import { TYPE_NUMBERS } from "./message-numbers.ts";
import { encodeMultipartReply, type ReplyParts } from "./multipart-wire.ts";

/** Where replies are split. */
const SPLIT_LENGTH = 0xf000;
const MAX_LENGTH = 0xffff;

/** The messages of one reply. */
export class ReplyPacker {
  readonly #version: number;
  readonly #xid: number;
  #head: ReplyParts["head"] | undefined;
  /** What is in no message yet. */
  #entries: Uint8Array[] = [];
  #size = 0;
  /** How many entries were longer than a message can be, and left out. */
  nLeftOut = 0;

  constructor(version: number, xid: number) {
    this.#version = version;
    this.#xid = xid;
  }

  /** Takes a part. @returns the messages that are full @throws AppError when the version cannot say it */
  add(reply: MultipartReply): Uint8Array[] {
    const { head, entries } = encodeMultipartReply(reply, this.#version);
    this.#head = head;
    const full: Uint8Array[] = [];
    const longest = MAX_LENGTH - HEADER_SIZE - head(true).length;
    const most = reply.kind === "tableFeatures" ? 0 : SPLIT_LENGTH; // ovs-ofctl reads one table of a message
    for (const entry of entries) {
      if (entry.length > longest) {
        this.nLeftOut++;
        continue;
      }
      if (this.#size + entry.length > most && this.#entries.length > 0) full.push(...this.rest());
      this.#entries.push(entry);
      this.#size += entry.length;
    }
    return full;
  }

  /** A message of what is in none yet, if there is any: more is to follow. */
  rest(): Uint8Array[] {
    return this.#entries.length === 0 ? [] : this.#message(false);
  }

  /** The last message; none when nothing was taken. */
  end(): Uint8Array[] {
    return this.#message(true);
  }

  #message(isLast: boolean): Uint8Array[] {
    if (this.#head === undefined) return [];
    const parts = [this.#head(isLast), ...this.#entries];
    this.#entries = [];
    this.#size = 0;
    return [frame(TYPE_NUMBERS.multipartReply, this.#version, this.#xid, parts)];
  }
}
