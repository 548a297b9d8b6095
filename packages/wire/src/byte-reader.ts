/** Reads a message of variable parts from front to back, big-endian, never past its end. */
import { TruncatedError } from "@tenet/kit";
import type { Struct, StructDecl, StructValue } from "./struct.ts";

/** A cursor over bytes. Offsets in errors count from the start of the outermost reader. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  /** Offset of the first of `#bytes` in the whole message. */
  readonly #base: number;
  /** Where this reader starts and ends in `#bytes`, which readers over parts of it share: views are dear to make. */
  readonly #start: number;
  readonly #end: number;
  #at: number;

  /**
   * @param base - offset of `bytes` in the whole message, for errors
   * @param part - where to begin and end, for bytes that are no Buffer, and a view on all of them
   */
  constructor(bytes: Uint8Array, base = 0, part?: { readonly view: DataView; readonly start: number; readonly end: number }) {
    // A Buffer's `slice` would be a view; what this hands out are copies.
    const isPlain = part !== undefined || !Buffer.isBuffer(bytes);
    this.#bytes = isPlain ? bytes : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = part?.view ?? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = base;
    this.#start = part?.start ?? 0;
    this.#end = part?.end ?? bytes.length;
    this.#at = this.#start;
  }

  /** Byte offset in the whole message. */
  get at(): number {
    return this.#base + this.#at;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#end - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  /** 48 bits, as an Ethernet address. */
  u48(): number {
    const at = this.#take(6);
    return this.#view.getUint16(at) * 0x1_0000_0000 + this.#view.getUint32(at + 2);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#take(8));
  }

  /** An unsigned integer of `size` bytes. */
  uint(size: number): bigint {
    const at = this.#take(size);
    let value = 0n;
    for (let i = 0; i < size; i++) value = (value << 8n) | BigInt(this.#bytes[at + i] ?? 0);
    return value;
  }

  /** The next `size` bytes, copied. */
  bytes(size: number): Uint8Array {
    const at = this.#take(size);
    return this.#bytes.slice(at, at + size);
  }

  /** Where the bytes lie that were not read yet. */
  get unread(): { readonly bytes: Uint8Array; readonly view: DataView; readonly start: number; readonly end: number } {
    return { bytes: this.#bytes, view: this.#view, start: this.#at, end: this.#end };
  }

  /** All bytes of this reader, those that were read too, as a view: it shows whatever becomes of them. */
  whole(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** All bytes that are left, copied. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** A fixed-layout part. */
  struct<D extends StructDecl>(struct: Struct<D>): StructValue<D> {
    return struct.read(this.#view, this.#take(struct.size));
  }

  /** A reader over the next `size` bytes, which this one skips. */
  sub(size: number): ByteReader {
    const start = this.#take(size);
    return new ByteReader(this.#bytes, this.#base, { view: this.#view, start, end: start + size });
  }

  skip(size: number): void {
    this.#take(size);
  }

  /** Skips to a multiple of `alignment` bytes from the start of this reader, or to its end. */
  align(alignment: number): void {
    const padding = (alignment - ((this.#at - this.#start) % alignment)) % alignment;
    this.#at += Math.min(padding, this.remaining);
  }

  /** A byte without taking it, `ahead` bytes from here. @throws TruncatedError */
  peekU8(ahead = 0): number {
    if (ahead + 1 > this.remaining) throw this.#truncated(ahead + 1);
    return this.#view.getUint8(this.#at + ahead);
  }

  /** 16 bits without taking them, `ahead` bytes from here. @throws TruncatedError */
  peekU16(ahead = 0): number {
    if (ahead + 2 > this.remaining) throw this.#truncated(ahead + 2);
    return this.#view.getUint16(this.#at + ahead);
  }

  /** 32 bits without taking them. @throws TruncatedError */
  peekU32(): number {
    if (this.remaining < 4) throw this.#truncated(4);
    return this.#view.getUint32(this.#at);
  }

  #take(size: number): number {
    if (size < 0 || size > this.remaining) throw this.#truncated(size);
    const at = this.#at;
    this.#at += size;
    return at;
  }

  #truncated(size: number): TruncatedError {
    return new TruncatedError(`Cannot read ${size} bytes at offset ${this.at}: ${this.remaining} are left`, {
      details: { at: this.at, sizeBytes: size, availableBytes: this.remaining },
    });
  }
}
