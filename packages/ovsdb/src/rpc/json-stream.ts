/**
 * Cuts a byte stream into JSON objects, wherever the reads happen to split it.
 *
 * The scanner looks at each byte once: it tracks strings, escapes and nesting, and hands the bytes of a
 * complete object to `JSON.parse`. What is half received is kept; size and depth are bounded, so a peer
 * can neither exhaust memory nor the parser's stack.
 */
import { type Json, messageOf, ProtocolError } from "@tenet/kit";
import { parseExact } from "../model/exact-json.ts";
import { parseInSteps } from "./json-steps.ts";
import type { Work } from "./work.ts";

/** Bounds on one message. */
export interface JsonStreamLimits {
  readonly sizeBytes: number;
  readonly depth: number;
}

/** What the original's messages never reach. */
export const DEFAULT_JSON_LIMITS: JsonStreamLimits = { sizeBytes: 64 * 1024 * 1024, depth: 1000 };

/** For what a server that we chose sends: the whole content of a large database is one message. */
export const SERVER_JSON_LIMITS: JsonStreamLimits = { sizeBytes: 500 * 1024 * 1024, depth: 1000 };

/** Objects of more characters are parsed in steps. */
const LARGE_LENGTH = 32 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** A resumable splitter of concatenated JSON objects. */
export class JsonStream {
  readonly #limits: JsonStreamLimits;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** What earlier reads held of the unfinished object. */
  #begun = "";
  #begunBytes = 0;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** Offset of the present read's first byte in the stream. */
  #offset = 0;
  #hasFailed = false;

  constructor(limits: JsonStreamLimits = DEFAULT_JSON_LIMITS) {
    this.#limits = limits;
  }

  /** Whether an object has begun and not ended. */
  get isInside(): boolean {
    return this.#depth > 0;
  }

  /**
   * Takes the next bytes and yields the objects that end in them.
   *
   * @throws ProtocolError with `details.at` at bytes that cannot be JSON objects; the stream is then unusable
   */
  *push(bytes: Uint8Array): Generator<Json> {
    for (const json of this.pushInSteps(bytes)) if (json !== undefined) yield json;
  }

  /** As {@link push}; `undefined` comes between the steps in which a large object is parsed. */
  *pushInSteps(bytes: Uint8Array): Generator<Json | undefined> {
    if (this.#hasFailed) throw this.#failure("the stream has failed before", 0);
    let start = 0;
    for (let at = 0; at < bytes.length; at++) {
      if (this.#depth === 0) {
        start = at;
        if (isSpace(bytes[at])) continue;
        if (bytes[at] !== OPEN_BRACE) throw this.#failure("expected a JSON object", at);
      }
      at = this.#scan(bytes, at);
      if (this.#begunBytes + at + 1 - start > this.#limits.sizeBytes) {
        throw this.#failure(`message is larger than ${this.#limits.sizeBytes} bytes`, at);
      }
      if (this.#depth === 0) yield yield* this.#parse(bytes.subarray(start, at + 1), at);
    }
    if (this.#depth > 0) this.#keep(bytes.subarray(start), bytes.length - 1);
    this.#offset += bytes.length;
  }

  /** Moves over bytes until nesting changes to zero or they end. @returns the offset of the last byte looked at */
  #scan(bytes: Uint8Array, from: number): number {
    const { length } = bytes;
    const deepest = this.#limits.depth;
    let depth = this.#depth;
    let isInString = this.#isInString;
    let at = from;
    if (this.#isEscaped) {
      this.#isEscaped = false;
      at++;
    }
    for (; at < length; at++) {
      const byte = bytes[at];
      if (isInString) {
        if (byte === QUOTE) isInString = false;
        else if (byte === BACKSLASH && ++at === length) this.#isEscaped = true;
      } else if (byte === QUOTE) isInString = true;
      else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
        if (++depth > deepest) throw this.#failure(`message is nested deeper than ${deepest}`, at);
      } else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) break;
    }
    this.#depth = depth;
    this.#isInString = isInString;
    return Math.min(at, length - 1);
  }

  #keep(bytes: Uint8Array, at: number): void {
    try {
      this.#begun += this.#decoder.decode(bytes, { stream: true });
      this.#begunBytes += bytes.length;
    } catch (error) {
      throw this.#failure(messageOf(error), at);
    }
  }

  *#parse(last: Uint8Array, at: number): Work<Json> {
    const begun = this.#begun;
    this.#begun = "";
    this.#begunBytes = 0;
    try {
      const text = begun + this.#decoder.decode(last);
      return text.length > LARGE_LENGTH ? yield* parseInSteps(text, parseText) : parseText(text);
    } catch (error) {
      throw this.#failure(messageOf(error), at);
    }
  }

  #failure(problem: string, at: number): ProtocolError {
    this.#hasFailed = true;
    this.#begun = "";
    return new ProtocolError(`Cannot read JSON-RPC stream: ${problem}`, { details: { at: this.#offset + at } });
  }
}

/** What no peer and no file of the original can hold: U+0000 and halves of surrogate pairs, written as escapes. */
const NO_TEXT = /[\0\ud800-\udfff]/u;
const MAY_BE_NO_TEXT = /\\u(0000|d[89a-f])/i;

function parseText(text: string): Json {
  if (MAY_BE_NO_TEXT.test(text)) JSON.parse(text, refuseNoText);
  return parseExact(text);
}

function refuseNoText(key: string, value: unknown): unknown {
  for (const text of [key, value]) {
    if (typeof text === "string" && NO_TEXT.test(text))
      throw new Error(`string holds a character that is no text: ${JSON.stringify(text)}`);
  }
  return value;
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
