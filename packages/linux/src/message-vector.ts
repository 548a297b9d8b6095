/**
 * The argument of recvmmsg and sendmmsg: an array of message headers, each with two pieces (virtio-net header and
 * frame) and, for receiving, room for one control message.
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
const IOV_WORDS = 8; // two pieces
const CONTROL_BYTES = 64;
const WORD = { iov: 4, iovLength: 6, control: 8, controlLength: 10, messageLength: 14 } as const;

/** Message headers for up to `capacity` frames. */
export class MessageVector {
  readonly capacity: number;
  /** The whole memory; starts with the message headers. */
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #iovAt: number;
  readonly #controlAt: number;
  readonly #hasControl: boolean;
  readonly #address: number;

  constructor(capacity: number, hasControl: boolean) {
    this.capacity = capacity;
    this.#hasControl = hasControl;
    this.#iovAt = capacity * MESSAGE_WORDS;
    this.#controlAt = this.#iovAt + capacity * IOV_WORDS;
    const nBytes = this.#controlAt * 4 + (hasControl ? capacity * CONTROL_BYTES : 0);
    this.bytes = new Uint8Array(new ArrayBuffer(Math.max(nBytes, 4096)));
    this.#words = new Uint32Array(this.bytes.buffer);
    this.#address = libc().addressOf(this.bytes);
    for (let i = 0; i < capacity; i++) this.#initialize(i);
  }

  #initialize(i: number): void {
    const at = i * MESSAGE_WORDS;
    this.#putAddress(at + WORD.iov, this.iovAddress(i));
    this.#words[at + WORD.iovLength] = 2;
    if (this.#hasControl) {
      this.#putAddress(at + WORD.control, this.#address + this.controlAt(i));
      this.resetControl(i);
    }
  }

  /** Address of the first piece of message `i`, for readv and writev. */
  iovAddress(i: number): number {
    return this.#address + (this.#iovAt + i * IOV_WORDS) * 4;
  }

  /** Address of message `i`. */
  messageAddress(i: number): number {
    return this.#address + i * MESSAGE_WORDS * 4;
  }

  /** Where the control bytes of message `i` are in `bytes`. */
  controlAt(i: number): number {
    return this.#controlAt * 4 + i * CONTROL_BYTES;
  }

  /** Gives message `i` its control room again; the kernel shrinks it when it fills it. */
  resetControl(i: number): void {
    this.#words[i * MESSAGE_WORDS + WORD.controlLength] = CONTROL_BYTES;
  }

  /** Bytes of control the kernel wrote for message `i`. */
  controlLength(i: number): number {
    return this.#words[i * MESSAGE_WORDS + WORD.controlLength] ?? 0;
  }

  /** Bytes the kernel moved for message `i`, header included. */
  messageLength(i: number): number {
    return this.#words[i * MESSAGE_WORDS + WORD.messageLength] ?? 0;
  }

  /** Points message `i` at its two pieces. */
  setPieces(i: number, headerAddress: number, headerLength: number, frameAddress: number, frameLength: number): void {
    const at = this.#iovAt + i * IOV_WORDS;
    this.#putAddress(at, headerAddress);
    this.#words[at + 2] = headerLength;
    this.#putAddress(at + 4, frameAddress);
    this.#words[at + 6] = frameLength;
  }

  #putAddress(word: number, address: number): void {
    this.#words[word] = address >>> 0;
    this.#words[word + 1] = Math.floor(address / 0x1_0000_0000);
  }
}
