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

  /** The message, as a view on the bytes that the framer took; of one that lends, good until the next message is taken. */
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
   * Whether memory is used again: bytes of a message, and those of the actions of a decoded one, are good until the next
   * is taken, whatever comes meanwhile. Arrays that live for as long as thousands of messages take to be carried out are dear to the
   * collector of garbage.
   */
  readonly lends?: boolean;
}

/** Memory of that many bytes is what much came in at once; it goes when little comes and nothing waits. */
const LARGE_BYTES = 0x4_0000;
const LITTLE_BYTES = 0x4000;

/** Memory for bytes of the stream. */
class Chunk {
  readonly bytes: Uint8Array;
  readonly view: DataView;

  constructor(sizeBytes: number) {
    this.bytes = new Uint8Array(sizeBytes);
    this.view = new DataView(this.bytes.buffer);
  }
}

/** Collects bytes and gives out whole messages. */
export class Framer {
  readonly #checkHeader: ((version: number, type: number) => void) | undefined;
  readonly #lends: boolean;
  /** Where the first of the bytes is in the stream. */
  #base = 0;
  #chunk = new Chunk(0);
  #start = 0;
  /** What lies behind means nothing. */
  #end = 0;
  /** What bytes were collected in before, and may be again. */
  #other = this.#chunk;
  /** Where the message lies that was given out last. */
  #lent = this.#chunk;

  constructor({ checkHeader, lends = false }: FramerOptions = {}) {
    this.#checkHeader = checkHeader;
    this.#lends = lends;
  }

  /** Takes the next bytes of the stream, which are copied. */
  push(bytes: Uint8Array): void {
    if (bytes.length <= LITTLE_BYTES && this.nWaiting === 0) this.#giveBack();
    if (this.#end + bytes.length > this.#chunk.bytes.length) this.#turnOver(bytes.length);
    this.#chunk.bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Lets go of large memory, in which nothing waits. */
  #giveBack(): void {
    if (Math.max(this.#chunk.bytes.length, this.#other.bytes.length) < LARGE_BYTES) return;
    this.#base = this.at;
    this.#start = 0;
    this.#end = 0;
    this.#chunk = this.#other = new Chunk(0);
  }

  /** Goes on in memory that has room for so many bytes more than wait. */
  #turnOver(nMore: number): void {
    const rest = this.#chunk.bytes.subarray(this.#start, this.#end);
    const size = rest.length + nMore;
    const isFit = this.#lends && this.#other !== this.#lent && this.#other.bytes.length >= size;
    const next = isFit ? this.#other : new Chunk(this.#lends ? 2 * size : size);
    next.bytes.set(rest);
    this.#other = this.#chunk;
    this.#chunk = next;
    this.#base = this.at;
    this.#start = 0;
    this.#end = rest.length;
  }

  /**
   * The next message; `undefined` when it is not complete.
   *
   * @throws OpenFlowError with the offset in the stream when a header cannot be one
   */
  next(): Frame | undefined {
    const start = this.#start;
    if (this.nWaiting < HEADER_SIZE) return undefined;
    const { bytes, view } = this.#chunk;
    const length = view.getUint16(start + 2);
    if (length < HEADER_SIZE) {
      throw new OpenFlowError("OFPBRC_BAD_LEN", `The message at offset ${this.at} says that it has ${length} bytes`, {
        details: { at: this.at, length },
      });
    }
    this.#checkHeader?.(view.getUint8(start), view.getUint8(start + 1));
    const end = start + length;
    if (this.#end < end) return undefined;
    this.#start = end;
    this.#lent = this.#chunk;
    return new Frame(new ByteReader(bytes, -start, { view, start, end }));
  }

  /** How many bytes were taken and not given out. */
  get nWaiting(): number {
    return this.#end - this.#start;
  }

  /** Offset in the stream of the first byte that was not given out. */
  get at(): number {
    return this.#base + this.#start;
  }
}
