/**
 * Cuts a byte stream into OpenFlow messages.
 *
 * The stream cannot be found again once a header is wrong, so a bad length or version ends it.
 */
import { HEADER_SIZE } from "../wire/codec.ts";
import { OpenFlowError } from "../wire/openflow-error.ts";

/** Collects bytes and gives out whole messages. */
export class Framer {
  readonly #checkHeader: (version: number, type: number) => void;
  #pending: Uint8Array = new Uint8Array(0);
  /** Bytes given out so far: the offset of `#pending` in the stream. */
  #at = 0;

  /** @param checkHeader - called as soon as a header is there, before its message is; throws to end the stream */
  constructor(checkHeader: (version: number, type: number) => void) {
    this.#checkHeader = checkHeader;
  }

  /**
   * Takes the next bytes of the stream and yields every message that is complete.
   *
   * A message is a view on the bytes taken: it is valid until its consumer lets go of it, and never reused.
   *
   * @throws OpenFlowError with the offset in the stream when a header cannot be one
   */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#pending.length > 0) {
      bytes = new Uint8Array(this.#pending.length + chunk.length);
      bytes.set(this.#pending);
      bytes.set(chunk, this.#pending.length);
    }
    let start = 0;
    while (bytes.length - start >= HEADER_SIZE) {
      const length = ((bytes[start + 2] ?? 0) << 8) | (bytes[start + 3] ?? 0);
      if (length < HEADER_SIZE) {
        throw new OpenFlowError("OFPBRC_BAD_LEN", `The message at offset ${this.#at} says that it has ${length} bytes`, {
          details: { at: this.#at, length },
        });
      }
      this.#checkHeader(bytes[start] ?? 0, bytes[start + 1] ?? 0);
      if (bytes.length - start < length) break;
      yield bytes.subarray(start, start + length);
      start += length;
      this.#at += length;
    }
    this.#pending = bytes.slice(start);
  }

  /** Offset in the stream of the first byte that was not given out. */
  get at(): number {
    return this.#at;
  }
}
