/**
 * The argument of recvmmsg and sendmmsg for datagrams: message headers with an address, two pieces of payload and
 * room for control messages.
 *
 *  mmsghdr 64: | name 8 | namelen 8 | iov 8 | iovlen 8 | control 8 | controllen 8 | flags 4 | pad 4 | msg_len 4 | pad 4 |
 *  cmsghdr 16: | length 8 | level 4 | type 4 | data, padded to 8 ...
 *
 * @see recvmmsg(2), cmsg(3)
 */
import { libc } from "./libc.ts";

const MESSAGE_BYTES = 64;
const IOV_BYTES = 32; // two pieces
/** Room for a sockaddr_in6, and for the control messages of an IPv6 datagram. */
const NAME_BYTES = 32;
const CONTROL_BYTES = 192;
const AT = { nameLength: 8, iov: 16, iovLength: 24, control: 32, controlLength: 40, flags: 48, messageLength: 56 } as const;
const CMSG_BYTES = 16;

/** Message headers for up to `capacity` datagrams. */
export class DatagramVector {
  readonly capacity: number;
  /** The whole memory; starts with the message headers. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly #address: number;
  readonly #iovAt: number;
  readonly #nameAt: number;
  readonly #controlAt: number;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#iovAt = capacity * MESSAGE_BYTES;
    this.#nameAt = this.#iovAt + capacity * IOV_BYTES;
    this.#controlAt = this.#nameAt + capacity * NAME_BYTES;
    this.bytes = new Uint8Array(new ArrayBuffer(Math.max(this.#controlAt + capacity * CONTROL_BYTES, 4096)));
    this.view = new DataView(this.bytes.buffer);
    this.#address = libc().addressOf(this.bytes);
    for (let i = 0; i < capacity; i++) {
      const at = i * MESSAGE_BYTES;
      this.#putAddress(at, this.#address + this.nameAt(i));
      this.#putAddress(at + AT.iov, this.#address + this.#iovAt + i * IOV_BYTES);
      this.#putAddress(at + AT.control, this.#address + this.controlAt(i));
      this.open(i);
    }
  }

  /** Address of message `i`. */
  messageAddress(i: number): number {
    return this.#address + i * MESSAGE_BYTES;
  }

  /** Where the sockaddr of message `i` is in `bytes`. */
  nameAt(i: number): number {
    return this.#nameAt + i * NAME_BYTES;
  }

  /** Where the control messages of message `i` are in `bytes`. */
  controlAt(i: number): number {
    return this.#controlAt + i * CONTROL_BYTES;
  }

  /** Bytes of control messages of message `i`. */
  controlLength(i: number): number {
    return this.view.getUint32(i * MESSAGE_BYTES + AT.controlLength, true);
  }

  /** Bytes that the kernel moved for message `i`. */
  messageLength(i: number): number {
    return this.view.getUint32(i * MESSAGE_BYTES + AT.messageLength, true);
  }

  /** Gives message `i` its whole room again, to receive into. */
  open(i: number): void {
    const at = i * MESSAGE_BYTES;
    this.view.setUint32(at + AT.nameLength, NAME_BYTES, true);
    this.view.setUint32(at + AT.controlLength, CONTROL_BYTES, true);
  }

  /** Takes the address and the control messages off message `i`, to send. */
  clear(i: number): void {
    const at = i * MESSAGE_BYTES;
    this.view.setUint32(at + AT.nameLength, 0, true);
    this.view.setUint32(at + AT.controlLength, 0, true);
    this.view.setUint32(at + AT.iovLength, 0, true);
  }

  /** Sets the bytes of the address that {@link nameAt} holds. */
  setNameLength(i: number, length: number): void {
    this.view.setUint32(i * MESSAGE_BYTES + AT.nameLength, length, true);
  }

  /** Adds a piece of payload, of at most two. */
  addPiece(i: number, address: number, length: number): void {
    const count = this.view.getUint32(i * MESSAGE_BYTES + AT.iovLength, true);
    const at = this.#iovAt + i * IOV_BYTES + count * 16;
    this.#putAddress(at, address);
    this.view.setUint32(at + 8, length, true);
    this.view.setUint32(i * MESSAGE_BYTES + AT.iovLength, count + 1, true);
  }

  /** Adds a control message. @returns where in `bytes` its data is to be written */
  addControl(i: number, level: number, type: number, dataLength: number): number {
    const used = this.controlLength(i);
    const at = this.controlAt(i) + used;
    this.view.setUint32(at, CMSG_BYTES + dataLength, true);
    this.view.setUint32(at + 4, 0, true);
    this.view.setUint32(at + 8, level, true);
    this.view.setUint32(at + 12, type, true);
    const size = (CMSG_BYTES + dataLength + 7) & ~7;
    this.view.setUint32(i * MESSAGE_BYTES + AT.controlLength, used + size, true);
    return at + CMSG_BYTES;
  }

  #putAddress(at: number, address: number): void {
    this.view.setUint32(at, address >>> 0, true);
    this.view.setUint32(at + 4, Math.floor(address / 0x1_0000_0000), true);
  }
}
