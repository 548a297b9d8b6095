/** Writes a message of variable parts from front to back, big-endian, into a buffer that grows. */
import type { Struct, StructDecl, StructValue } from "./struct.ts";

/** Buffers that grew larger are not kept for others. */
const MAX_SPARE_SIZE = 16_384;

/** A growing buffer. Lengths that are known only later are patched in. */
export class ByteWriter {
  /** Writers that nobody uses: as many as were borrowed at once. */
  static readonly #spare: ByteWriter[] = [];
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  constructor(initialSizeBytes = 256) {
    this.#bytes = new Uint8Array(initialSizeBytes);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /**
   * An empty writer for what is written a hundred thousand times: a buffer costs the collector of garbage much more than its bytes.
   * It is the borrower's until {@link giveBack}; one that is never given back is garbage as any other.
   */
  static borrow(): ByteWriter {
    return ByteWriter.#spare.pop() ?? new ByteWriter();
  }

  /** Bytes written. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#view.setUint16(at, value);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#view.setUint32(at, value);
    return this;
  }

  /** 48 bits, as an Ethernet address. */
  u48(value: number): this {
    const at = this.#grow(6);
    this.#view.setUint16(at, Math.floor(value / 0x1_0000_0000));
    this.#view.setUint32(at + 2, value % 0x1_0000_0000);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value);
    return this;
  }

  /** The low `size` bytes of an unsigned integer. */
  uint(value: bigint, size: number): this {
    const at = this.#grow(size);
    for (let i = size - 1, rest = value; i >= 0; i--, rest >>= 8n) this.#bytes[at + i] = Number(rest & 0xffn);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  zeros(size: number): this {
    const at = this.#grow(size);
    this.#bytes.fill(0, at, at + size);
    return this;
  }

  /** A fixed-layout part. */
  struct<D extends StructDecl>(struct: Struct<D>, value: StructValue<D>): this {
    const at = this.#grow(struct.size);
    struct.write(this.#view, at, value);
    return this;
  }

  /** Zeros up to a multiple of `alignment` bytes, counted from `start`. */
  align(alignment: number, start = 0): this {
    return this.zeros((alignment - ((this.#length - start) % alignment)) % alignment);
  }

  /** Overwrites 16 bits at byte offset `at`. @throws RangeError past what was written */
  patchU16(at: number, value: number): void {
    if (at + 2 > this.#length) throw new RangeError(`Offset ${at} is past the end, ${this.#length}`);
    this.#view.setUint16(at, value);
  }

  /** Overwrites 32 bits at byte offset `at`. @throws RangeError past what was written */
  patchU32(at: number, value: number): void {
    if (at + 4 > this.#length) throw new RangeError(`Offset ${at} is past the end, ${this.#length}`);
    this.#view.setUint32(at, value);
  }

  /** A copy of what was written. */
  toBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** What was written, in the writer's own buffer: nothing may be written after that. */
  asBytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** {@link toBytes} of a writer that was borrowed, which must not be used any more. */
  giveBack(): Uint8Array {
    const bytes = this.toBytes();
    if (this.#bytes.length <= MAX_SPARE_SIZE) {
      this.#bytes.fill(0, 0, this.#length);
      this.#length = 0;
      ByteWriter.#spare.push(this);
    }
    return bytes;
  }

  /** Makes room for `size` bytes and returns where they begin. */
  #grow(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}
