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

  /** The message, as a view on the bytes that the framer took, which nobody changes. */
  get bytes(): Uint8Array {
    return this.#reader.whole();
  }

  /** Decodes the message; once. @throws OpenFlowError, TruncatedError */
  decode(options?: CodecOptions): Envelope {
    return readMessage(this.#reader, options);
  }
}

/** Collects bytes and gives out whole messages. */
export class Framer {
  readonly #checkHeader: ((version: number, type: number) => void) | undefined;
  /** Where what was taken last begins in the stream. */
  #base = 0;
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #start = 0;

  /** @param checkHeader - called as soon as a header is there, before its message is; throws to end the stream */
  constructor(checkHeader?: (version: number, type: number) => void) {
    this.#checkHeader = checkHeader;
  }

  /** Takes the next bytes of the stream. */
  push(chunk: Uint8Array): void {
    const rest = this.#bytes.subarray(this.#start);
    this.#base = this.at;
    this.#start = 0;
    this.#bytes = new Uint8Array(rest.length + chunk.length);
    this.#bytes.set(rest);
    this.#bytes.set(chunk, rest.length);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /**
   * The next message; `undefined` when it is not complete.
   *
   * @throws OpenFlowError with the offset in the stream when a header cannot be one
   */
  next(): Frame | undefined {
    const start = this.#start;
    if (this.#bytes.length - start < HEADER_SIZE) return undefined;
    const length = this.#view.getUint16(start + 2);
    if (length < HEADER_SIZE) {
      throw new OpenFlowError("OFPBRC_BAD_LEN", `The message at offset ${this.at} says that it has ${length} bytes`, {
        details: { at: this.at, length },
      });
    }
    this.#checkHeader?.(this.#view.getUint8(start), this.#view.getUint8(start + 1));
    const end = start + length;
    if (this.#bytes.length < end) return undefined;
    this.#start = end;
    return new Frame(new ByteReader(this.#bytes, -start, { view: this.#view, start, end }));
  }

  /** Offset in the stream of the first byte that was not given out. */
  get at(): number {
    return this.#base + this.#start;
  }
}
