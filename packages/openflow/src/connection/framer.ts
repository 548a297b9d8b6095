/**
 * Cuts a byte stream into OpenFlow messages.
 *
 * The stream cannot be found again once a header is wrong, so a bad length or version ends it.
 */
import { ByteReader } from "@tenet/wire";
import type { Envelope } from "../message.ts";
import type { CodecOptions } from "../wire/codec-options.ts";
import { readMessage } from "../wire/codec.ts";
import { HEADER_SIZE } from "../wire/message-frame.ts";
import { OpenFlowError } from "../wire/openflow-error.ts";

/** A whole message, not decoded yet. */
export class Frame {
  readonly #reader: ByteReader;

  constructor(reader: ByteReader) {
    this.#reader = reader;
  }

  /** The message, as a view on the bytes that the framer took; of one that lends, good until it takes the next. */
  get bytes(): Uint8Array {
    return this.#reader.whole();
  }

  /** Decodes the message; once. @throws OpenFlowError, TruncatedError */
  decode(options?: CodecOptions): Envelope {
    return readMessage(this.#reader, options);
  }
}

/** Settings of a {@link Framer}. */
export interface FramerOptions {
  /** Called as soon as a header is there, before its message is; throws to end the stream. */
  readonly checkHeader?: (version: number, type: number) => void;
  /**
   * Whether memory is used again for each chunk: bytes of messages, and those of the actions of decoded ones, are good until the next
   * is taken. Arrays that live for as long as thousands of messages take to be carried out are dear to the collector of garbage.
   */
  readonly lends?: boolean;
}

/** Collects bytes and gives out whole messages. */
export class Framer {
  readonly #checkHeader: ((version: number, type: number) => void) | undefined;
  readonly #lends: boolean;
  /** Where the first of the bytes is in the stream. */
  #base = 0;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #start = 0;
  /** What lies behind means nothing. */
  #end = 0;

  constructor({ checkHeader, lends = false }: FramerOptions = {}) {
    this.#checkHeader = checkHeader;
    this.#lends = lends;
  }

  /** Takes the next bytes of the stream. */
  push(chunk: Uint8Array): void {
    const rest = this.#bytes.subarray(this.#start, this.#end);
    this.#base = this.at;
    this.#start = 0;
    this.#end = rest.length + chunk.length;
    if (!this.#lends || this.#end > this.#bytes.length) this.#bytes = new Uint8Array(this.#lends ? 2 * this.#end : this.#end);
    this.#bytes.set(rest);
    this.#bytes.set(chunk, rest.length);
    if (this.#view.buffer !== this.#bytes.buffer) this.#view = new DataView(this.#bytes.buffer);
  }

  /**
   * The next message; `undefined` when it is not complete.
   *
   * @throws OpenFlowError with the offset in the stream when a header cannot be one
   */
  next(): Frame | undefined {
    const start = this.#start;
    if (this.#end - start < HEADER_SIZE) return undefined;
    const length = this.#view.getUint16(start + 2);
    if (length < HEADER_SIZE) {
      throw new OpenFlowError("OFPBRC_BAD_LEN", `The message at offset ${this.at} says that it has ${length} bytes`, {
        details: { at: this.at, length },
      });
    }
    this.#checkHeader?.(this.#view.getUint8(start), this.#view.getUint8(start + 1));
    const end = start + length;
    if (this.#end < end) return undefined;
    this.#start = end;
    return new Frame(new ByteReader(this.#bytes, -start, { view: this.#view, start, end }));
  }

  /** Offset in the stream of the first byte that was not given out. */
  get at(): number {
    return this.#base + this.#start;
  }
}
