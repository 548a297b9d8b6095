/**
 * The argument of recvmmsg and sendmmsg: an array of message headers, each with one piece (a virtio-net header and the
 * frame behind it).
 *
 *  mmsghdr 64: | name 8 | namelen 8 | iov 8 | iovlen 8 | control 8 | controllen 8 | flags 4 | pad 4 | msg_len 4 | pad 4 |
 *  iovec 16:   | base 8 | length 8 |
 *
 * All fields are written as 32-bit words; addresses as low and high word.
 *
 * @see recvmmsg(2), sendmmsg(2)
 */
import { libc } from "./libc.ts";

const MESSAGE_WORDS = 16;
const IOV_WORDS = 4;
const WORD = { iov: 4, iovLength: 6, messageLength: 14 } as const;

/** Message headers for up to `capacity` frames. */
export class MessageVector {
  readonly capacity: number;
  /** The whole memory; starts with the message headers. */
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #iovAt: number;
  readonly #address: number;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#iovAt = capacity * MESSAGE_WORDS;
    const nBytes = (this.#iovAt + capacity * IOV_WORDS) * 4;
    this.bytes = new Uint8Array(new ArrayBuffer(Math.max(nBytes, 4096)));
    this.#words = new Uint32Array(this.bytes.buffer);
    this.#address = libc().addressOf(this.bytes);
    for (let i = 0; i < capacity; i++) {
      this.#putAddress(i * MESSAGE_WORDS + WORD.iov, this.iovAddress(i));
      this.#words[i * MESSAGE_WORDS + WORD.iovLength] = 1;
    }
  }

  /** Address of the piece of message `i`, for readv and writev. */
  iovAddress(i: number): number {
    return this.#address + (this.#iovAt + i * IOV_WORDS) * 4;
  }

  /** Address of message `i`. */
  messageAddress(i: number): number {
    return this.#address + i * MESSAGE_WORDS * 4;
  }

  /** Bytes the kernel moved for message `i`, header included. */
  messageLength(i: number): number {
    return this.#words[i * MESSAGE_WORDS + WORD.messageLength] ?? 0;
  }

  /** Points message `i` at its piece. */
  setPiece(i: number, address: number, length: number): void {
    const at = this.#iovAt + i * IOV_WORDS;
    this.#putAddress(at, address);
    this.#words[at + 2] = length;
  }

  #putAddress(word: number, address: number): void {
    this.#words[word] = address >>> 0;
    this.#words[word + 1] = Math.floor(address / 0x1_0000_0000);
  }
}
