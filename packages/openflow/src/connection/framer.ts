/**
 * Cuts a byte stream into OpenFlow messages.
 *
 * The stream cannot be found again once a header is wrong, so a bad length or version ends it.
 */
import { ProtocolError } from "@tenet/kit";
import { HEADER_SIZE } from "../wire/codec.ts";

/** Collects bytes and gives out whole messages. */
export class Framer {
  #pending: Uint8Array = new Uint8Array(0);
  /** Bytes given out so far: the offset of `#pending` in the stream. */
  #at = 0;

  /**
   * Takes the next bytes of the stream and yields every message that is complete.
   *
   * A message is a view on the bytes taken: it is valid until its consumer lets go of it, and never reused.
   *
   * @throws ProtocolError with the offset in the stream when a header cannot be one
   */
  *push(chunk: Uint8Array): Generator<Uint8Array> {
    let bytes = chunk;
    if (this.#pending.length > 0) {
      bytes = new Uint8Array(this.#pending.length + chunk.length);
      bytes.set(this.#pending);
      bytes.set(chunk, this.#pending.length);
    }
    let start = 0;
    while (bytes.length - start >= HEADER_SIZE) {
      const length = ((bytes[start + 2] ?? 0) << 8) | (bytes[start + 3] ?? 0);
      if (length < HEADER_SIZE) {
        throw new ProtocolError(
          `Cannot read the stream on: a message at offset ${this.#at + start} says that it has ${length} bytes`,
          {
            details: { at: this.#at + start, length },
          },
        );
      }
      if (bytes.length - start < length) break;
      yield bytes.subarray(start, start + length);
      start += length;
    }
    this.#at += start;
    this.#pending = bytes.slice(start);
  }

  /** Offset in the stream of the first byte that was not given out. */
  get at(): number {
    return this.#at;
  }
}
