/** Datagrams received by one call, and datagrams that wait to be sent by one: with addresses, TTL and TOS of each. */
import { DatagramVector } from "./datagram-vector.ts";
import { FRAME_OFFSET, type FrameArena } from "./frame-arena.ts";

/** Control messages, by level and type. */
const LEVEL = { ip: 0, udp: 17, ip6: 41 } as const;
const IP = { tos: 1, ttl: 2, pktinfo: 8 } as const;
const IP6 = { pktinfo: 50, hopLimit: 52, trafficClass: 67 } as const;
const UDP = { segment: 103, gro: 104 } as const;
const AF_INET = 2;
const AF_INET6 = 10;
const CMSG_BYTES = 16;
/** Leaves room in a slot to move the datagrams of one piece apart. */
const MAX_DATAGRAM_BYTES = 65_535;

/** An address as four words: an IPv4 address is `0, 0, 0xffff, address`. */
const MAPPED = 0xffff;

/** Datagrams received by one call: where each is in the arena, and what its IP header said. */
export class ReceivedDatagrams {
  readonly arena: FrameArena;
  readonly vector: DatagramVector;
  readonly at: Int32Array;
  readonly length: Int32Array;
  /** Bytes of each datagram of several that came in one piece; 0 when it is one. */
  readonly segmentSize: Int32Array;
  readonly ttl: Uint8Array;
  readonly tos: Uint8Array;
  /** Four words apiece; IPv4 addresses are mapped (`::ffff:10.0.0.1`). */
  readonly source: Uint32Array;
  readonly destination: Uint32Array;
  #gap = 0;

  /** @param nSlots - the first so many slots of the arena are used */
  constructor(arena: FrameArena, nSlots: number) {
    this.arena = arena;
    this.vector = new DatagramVector(nSlots);
    this.at = new Int32Array(nSlots);
    this.length = new Int32Array(nSlots);
    this.segmentSize = new Int32Array(nSlots);
    this.ttl = new Uint8Array(nSlots);
    this.tos = new Uint8Array(nSlots);
    this.source = new Uint32Array(4 * nSlots);
    this.destination = new Uint32Array(4 * nSlots);
    for (let i = 0; i < nSlots; i++) {
      this.vector.addPiece(i, arena.address + arena.slotAt(i) + FRAME_OFFSET, MAX_DATAGRAM_BYTES);
    }
  }

  /**
   * Moves the datagrams that came in one piece apart, so that each has `gap` bytes of its own in front.
   *
   * @returns how many there are
   */
  spread(i: number, gap: number): number {
    const size = this.segmentSize[i] ?? 0;
    const length = this.length[i] ?? 0;
    if (size === 0 || length <= size) return 1;
    const n = Math.ceil(length / size);
    const at = this.at[i] ?? 0;
    for (let k = n - 1; k > 0; k--) {
      this.arena.bytes.copyWithin(at + k * (size + gap), at + k * size, at + Math.min(length, (k + 1) * size));
    }
    this.#gap = gap;
    return n;
  }

  /** Where datagram `k` of those that came in one piece is, after {@link spread}. */
  segmentAt(i: number, k: number): number {
    return (this.at[i] ?? 0) + k * ((this.segmentSize[i] ?? 0) + this.#gap);
  }

  /** Its bytes. */
  segmentLength(i: number, k: number): number {
    const size = this.segmentSize[i] ?? 0;
    const length = this.length[i] ?? 0;
    return size === 0 ? length : Math.min(size, length - k * size);
  }

  /** Takes in what the kernel wrote for datagram `i`, and makes room for the next. */
  accept(i: number): void {
    const { vector, source } = this;
    this.at[i] = this.arena.slotAt(i) + FRAME_OFFSET;
    this.length[i] = vector.messageLength(i);
    this.segmentSize[i] = 0;
    const name = vector.nameAt(i);
    if (vector.view.getUint16(name, true) === AF_INET) this.#mapped(source, i, name + 4);
    else for (let k = 0; k < 4; k++) source[4 * i + k] = vector.view.getUint32(name + 8 + 4 * k);
    const start = vector.controlAt(i);
    const end = start + vector.controlLength(i);
    for (let at = start; end - at >= CMSG_BYTES; ) {
      const length = vector.view.getUint32(at, true);
      if (length < CMSG_BYTES) break;
      this.#readControl(i, vector.view.getUint32(at + 8, true), vector.view.getUint32(at + 12, true), at + CMSG_BYTES);
      at += (length + 7) & ~7;
    }
    vector.open(i);
  }

  #readControl(i: number, level: number, type: number, at: number): void {
    const { view } = this.vector;
    if (level === LEVEL.ip) {
      if (type === IP.ttl) this.ttl[i] = view.getUint8(at);
      else if (type === IP.tos) this.tos[i] = view.getUint8(at);
      else if (type === IP.pktinfo) this.#mapped(this.destination, i, at + 8);
    } else if (level === LEVEL.ip6) {
      if (type === IP6.hopLimit) this.ttl[i] = view.getUint8(at);
      else if (type === IP6.trafficClass) this.tos[i] = view.getUint8(at);
      else if (type === IP6.pktinfo) for (let k = 0; k < 4; k++) this.destination[4 * i + k] = view.getUint32(at + 4 * k);
    } else if (level === LEVEL.udp && type === UDP.gro) this.segmentSize[i] = view.getUint16(at, true);
  }

  #mapped(words: Uint32Array, i: number, at: number): void {
    words[4 * i] = 0;
    words[4 * i + 1] = 0;
    words[4 * i + 2] = MAPPED;
    words[4 * i + 3] = this.vector.view.getUint32(at);
  }
}

/** Datagrams waiting to be sent on one socket. Payload is memory that stays as it is until they are sent. */
export class DatagramQueue {
  readonly vector: DatagramVector;
  length = 0;

  constructor(capacity: number) {
    this.vector = new DatagramVector(capacity);
  }

  /** Whether the next `push` would not fit. */
  get isFull(): boolean {
    return this.length === this.vector.capacity;
  }

  /** How many more there is room for. */
  get nFree(): number {
    return this.vector.capacity - this.length;
  }

  /** Begins a datagram to an IPv4 address. @param source - 0: the system's choice */
  push4(source: number, destination: number, port: number, ttl: number, tos: number): void {
    const { vector } = this;
    const i = this.length++;
    vector.clear(i);
    const name = vector.nameAt(i);
    vector.view.setUint16(name, AF_INET, true);
    vector.view.setUint16(name + 2, port);
    vector.view.setUint32(name + 4, destination);
    vector.setNameLength(i, 16);
    if (source !== 0) {
      const at = vector.addControl(i, LEVEL.ip, IP.pktinfo, 12); // interface 4, source 4, destination 4
      vector.view.setUint32(at, 0);
      vector.view.setUint32(at + 4, source);
      vector.view.setUint32(at + 8, 0);
    }
    this.#addInt(i, LEVEL.ip, IP.ttl, ttl);
    this.#addInt(i, LEVEL.ip, IP.tos, tos);
  }

  /** Begins a datagram to an IPv6 address. @param sourceAt - first of four words of `words`; all zero: the system's choice */
  push6(words: Uint32Array, sourceAt: number, destinationAt: number, port: number, ttl: number, tos: number): void {
    const { vector } = this;
    const i = this.length++;
    vector.clear(i);
    const name = vector.nameAt(i);
    vector.bytes.fill(0, name, name + 28);
    vector.view.setUint16(name, AF_INET6, true);
    vector.view.setUint16(name + 2, port);
    for (let k = 0; k < 4; k++) vector.view.setUint32(name + 8 + 4 * k, words[destinationAt + k] ?? 0);
    vector.setNameLength(i, 28);
    let isChosen = false;
    for (let k = sourceAt; k < sourceAt + 4; k++) if ((words[k] ?? 0) !== 0) isChosen = true;
    if (isChosen) {
      const at = vector.addControl(i, LEVEL.ip6, IP6.pktinfo, 20); // address 16, interface 4
      for (let k = 0; k < 4; k++) vector.view.setUint32(at + 4 * k, words[sourceAt + k] ?? 0);
      vector.view.setUint32(at + 16, 0);
    }
    this.#addInt(i, LEVEL.ip6, IP6.hopLimit, ttl);
    this.#addInt(i, LEVEL.ip6, IP6.trafficClass, tos);
  }

  /** Adds payload to the datagram begun last; at most two pieces. */
  addPiece(address: number, length: number): void {
    this.vector.addPiece(this.length - 1, address, length);
  }

  /** Makes the datagram begun last several, each of `size` bytes but the last, which the kernel or the device cuts. */
  cutInto(size: number): void {
    const at = this.vector.addControl(this.length - 1, LEVEL.udp, UDP.segment, 2);
    this.vector.view.setUint16(at, size, true);
  }

  #addInt(i: number, level: number, type: number, value: number): void {
    this.vector.view.setInt32(this.vector.addControl(i, level, type, 4), value, true);
  }
}
