/**
 * Reads from a frame what connection tracking needs: the tuple, and where the headers are.
 *
 * An ICMP error is about another packet, a part of which it carries: its tuple is then the reverse of that packet's.
 * What contradicts itself or has a wrong checksum has no tuple, nor have fragments that are shorter than any that a host
 * makes. The checksum of a first fragment is that of the whole packet, and not looked at; of a later one the tuple has no
 * ports. One object is reused for all packets.
 */
import { addToSum, foldSum, getU8, getU16, getU32, pseudoSum4, pseudoSum6 } from "@tenet/net";
import { isPartial } from "../packet/vnet-header.ts";
import type { FragmentCounts, Fragments } from "./fragments.ts";
import { headOf, icmpAnswer, reverseTuple, TUPLE, TUPLE_WORDS } from "./tuple.ts";

const TCP = 6;
const UDP = 17;
const SCTP = 132;
const ICMP = 1;
const ICMP6 = 58;
const FRAGMENT = 44;
/** The virtio-net header says that the kernel has verified the checksum. */
const CHECKSUM_IS_VALID = 2;

const MAX_PACKET_BYTES = 0xffff;

/** Destination unreachable, source quench, redirect, time exceeded, parameter problem. */
const ICMP_ERRORS: ReadonlySet<number> = new Set([3, 4, 5, 11, 12]);
/** Destination unreachable, packet too big, time exceeded, parameter problem. */
const ICMP6_ERRORS: ReadonlySet<number> = new Set([1, 2, 3, 4]);

/** Which part of a packet a frame carries. */
export type PacketPart = "whole" | "first" | "later";

/** Reads one packet after another. */
export class PacketReader {
  readonly tuple: Uint32Array = new Uint32Array(TUPLE_WORDS);
  /** Whether it is an ICMP error; the `inner` positions are then those of the packet it is about. */
  isError = false;
  /** Which part of a packet it is. */
  part: PacketPart = "whole";
  /** Of a fragment: where in the packet's payload it begins. */
  fragmentOffset = 0;
  l3At = 0;
  l4At = 0;
  /** Where the IP packet ends. */
  end = 0;
  innerL3At = 0;
  innerL4At = 0;
  /** Of a fragment: what is asked of those of its kind, and counted. */
  fragments: FragmentCounts;
  readonly #rules: Pick<Fragments, "ip4" | "ip6">;
  #bytes: Uint8Array = new Uint8Array(0);
  #family = 0;
  #proto = 0;
  /** Of a fragment: the packet's identification, and the header that its payload begins with. */
  #id = 0;
  #firstProto = 0;
  /** Where the fragment's part of the payload begins. */
  #payloadAt = 0;

  constructor(rules: Pick<Fragments, "ip4" | "ip6">) {
    this.#rules = rules;
    this.fragments = rules.ip4;
  }

  /**
   * Reads a frame.
   *
   * @param headerAt - its virtio-net header
   * @returns false when it belongs to no connection; the tuple then means nothing
   */
  read(bytes: Uint8Array, headerAt: number, at: number, length: number, zone: number): boolean {
    this.#bytes = bytes;
    this.#forgetLast();
    let typeAt = at + 12;
    let type = getU16(bytes, typeAt);
    if (type === 0x8100 || type === 0x88a8) {
      typeAt += 4;
      type = getU16(bytes, typeAt);
    }
    const l3At = typeAt + 2;
    const frameEnd = at + length;
    if (type === 0x0800) {
      if (!this.#readIp4(l3At, frameEnd, true)) return false;
    } else if (type !== 0x86dd || !this.#readIp6(l3At, frameEnd, true)) return false;
    if (this.part === "later") {
      this.tuple[TUPLE.head] = headOf(this.#family, this.#proto, zone);
      this.tuple[TUPLE.ports] = 0;
      return true;
    }
    const isTrusted = this.part === "first" || isPartial(bytes, headerAt) || ((bytes[headerAt] ?? 0) & CHECKSUM_IS_VALID) !== 0;
    if (!isTrusted && !this.#hasRightChecksum()) return false;
    return this.#readTransport(zone);
  }

  #forgetLast(): void {
    this.isError = false;
    this.part = "whole";
  }

  /** Of a fragment: bytes of the packet's payload in it. */
  get nFragmentBytes(): number {
    return this.end - this.#payloadAt;
  }

  /** Of a fragment: what all fragments of the packet have in common. @param tuple - with its addresses, when it has others by now */
  fragmentKey(zone: number, tuple: Uint32Array = this.tuple): string {
    return `${zone} ${this.#family} ${this.#firstProto} ${this.#id} ${tuple.subarray(TUPLE.src, TUPLE.ports).join()}`;
  }

  #readIp4(at: number, frameEnd: number, isOuter: boolean): boolean {
    const bytes = this.#bytes;
    if (frameEnd - at < 20) return false;
    const first = getU8(bytes, at);
    const headerBytes = (first & 15) * 4;
    const totalBytes = getU16(bytes, at + 2);
    if (first >>> 4 !== 4 || headerBytes < 20 || totalBytes < headerBytes || frameEnd - at < headerBytes) return false;
    if (isOuter && totalBytes > frameEnd - at) return false;
    const flags = getU16(bytes, at + 6);
    const isFragment = (flags & 0x3fff) !== 0;
    if (isFragment && !isOuter) return false;
    if (isOuter && foldSum(addToSum(0, bytes, at, headerBytes)) !== 0xffff) return false;
    this.#setPlaces(at, at + headerBytes, Math.min(frameEnd, at + totalBytes), 4, getU8(bytes, at + 9), isOuter);
    const { tuple } = this;
    tuple.fill(0);
    tuple[TUPLE.src] = getU32(bytes, at + 12);
    tuple[TUPLE.dst] = getU32(bytes, at + 16);
    if (!isFragment) return true;
    this.#id = getU16(bytes, at + 4);
    this.fragments = this.#rules.ip4;
    return this.#setFragment(this.l4At, this.#proto, (flags & 0x1fff) * 8, {
      isLast: (flags & 0x2000) === 0,
      isLongEnough: totalBytes >= this.fragments.minBytes,
    });
  }

  #readIp6(at: number, frameEnd: number, isOuter: boolean): boolean {
    const bytes = this.#bytes;
    if (frameEnd - at < 40 || getU8(bytes, at) >>> 4 !== 6) return false;
    const stop = at + 40 + getU16(bytes, at + 4);
    if (isOuter && stop > frameEnd) return false;
    const end = Math.min(stop, frameEnd);
    let proto = getU8(bytes, at + 6);
    let cursor = at + 40;
    let fragmentAt = -1;
    while (proto === 0 || proto === 43 || proto === 51 || proto === 60 || proto === FRAGMENT) {
      if (end - cursor < 8) return false;
      const isLater = proto === FRAGMENT && (getU16(bytes, cursor + 2) & 0xfff8) !== 0;
      if (proto === FRAGMENT && (getU16(bytes, cursor + 2) & 0xfff9) !== 0) {
        if (!isOuter || fragmentAt >= 0) return false;
        fragmentAt = cursor;
      }
      const units = getU8(bytes, cursor + 1);
      const next = getU8(bytes, cursor);
      cursor += proto === FRAGMENT ? 8 : proto === 51 ? (units + 2) * 4 : (units + 1) * 8;
      proto = next;
      if (isLater) break; // what follows is payload
    }
    if (cursor > end) return false;
    this.#setPlaces(at, cursor, end, 6, proto, isOuter);
    for (let i = 0; i < 8; i++) this.tuple[TUPLE.src + i] = getU32(bytes, at + 8 + 4 * i); // source, then destination
    if (fragmentAt < 0) return true;
    this.#id = getU32(bytes, fragmentAt + 4);
    const flags = getU16(bytes, fragmentAt + 2);
    this.fragments = this.#rules.ip6;
    return this.#setFragment(fragmentAt + 8, getU8(bytes, fragmentAt), flags & 0xfff8, {
      isLast: (flags & 1) === 0,
      isLongEnough: stop - at >= this.fragments.minBytes,
    });
  }

  /** Notes that the packet is a fragment. @returns whether it can be one */
  #setFragment(
    payloadAt: number,
    firstProto: number,
    offset: number,
    { isLast, isLongEnough }: { readonly isLast: boolean; readonly isLongEnough: boolean },
  ): boolean {
    this.part = offset === 0 ? "first" : "later";
    this.fragmentOffset = offset;
    this.#payloadAt = payloadAt;
    this.#firstProto = firstProto;
    const n = this.nFragmentBytes;
    const { fragments } = this;
    if (!fragments.isEnabled || n <= 0 || offset + n > MAX_PACKET_BYTES || (!isLast && n % 8 !== 0)) return false;
    if (!isLast && !isLongEnough) fragments.nTooSmall++;
    else fragments.nAccepted++;
    return isLast || isLongEnough;
  }

  #setPlaces(l3At: number, l4At: number, end: number, family: number, proto: number, isOuter: boolean): void {
    if (isOuter) {
      this.l3At = l3At;
      this.l4At = l4At;
      this.end = end;
    } else {
      this.innerL3At = l3At;
      this.innerL4At = l4At;
    }
    this.#family = family;
    this.#proto = proto;
  }

  #hasRightChecksum(): boolean {
    const bytes = this.#bytes;
    const { l3At, l4At, end } = this;
    const proto = this.#proto;
    const n = end - l4At;
    if (proto === ICMP) return n >= 8 && foldSum(addToSum(0, bytes, l4At, n)) === 0xffff;
    if (proto !== TCP && proto !== UDP && proto !== ICMP6) return true;
    if (proto === UDP && n >= 8 && getU16(bytes, l4At + 6) === 0) return this.#family === 4;
    const pseudo = this.#family === 4 ? pseudoSum4(bytes, l3At, proto, n) : pseudoSum6(bytes, l3At, proto, n);
    return foldSum(addToSum(pseudo, bytes, l4At, n)) === 0xffff;
  }

  #readTransport(zone: number): boolean {
    const bytes = this.#bytes;
    const { tuple, l4At, end } = this;
    const proto = this.#proto;
    const n = end - l4At;
    tuple[TUPLE.head] = headOf(this.#family, proto, zone);
    if (proto === TCP) {
      const headerBytes = n < 20 ? 0 : (getU8(bytes, l4At + 12) >>> 4) * 4;
      if (headerBytes < 20 || headerBytes > n) return false;
    } else if (proto === UDP) {
      const length = n < 8 ? 0 : getU16(bytes, l4At + 4);
      if (length < 8 || (this.part !== "first" && length > n)) return false;
    } else if (proto === SCTP) {
      if (n < 12) return false;
    } else if ((proto === ICMP && this.#family === 4) || (proto === ICMP6 && this.#family === 6)) {
      return n >= 8 && this.#readIcmp(zone);
    } else {
      tuple[TUPLE.ports] = 0;
      return true;
    }
    const ports = getU32(bytes, l4At);
    tuple[TUPLE.ports] = ports;
    return ports >>> 16 !== 0 && (ports & 0xffff) !== 0;
  }

  #readIcmp(zone: number): boolean {
    const bytes = this.#bytes;
    const { l4At } = this;
    const type = getU8(bytes, l4At);
    if (icmpAnswer(this.#proto, type) !== undefined) {
      this.tuple[TUPLE.ports] = (getU16(bytes, l4At + 4) << 16) | (type << 8) | getU8(bytes, l4At + 1);
      return true;
    }
    if (!(this.#family === 4 ? ICMP_ERRORS : ICMP6_ERRORS).has(type)) return false;
    this.isError = true;
    return this.#readInner(zone);
  }

  /** Reads the packet that an error is about; the error goes to its sender. */
  #readInner(zone: number): boolean {
    const bytes = this.#bytes;
    const { tuple, end, l4At } = this;
    const receiver = tuple.slice(TUPLE.dst, TUPLE.ports);
    const family = this.#family;
    const isRead = family === 4 ? this.#readIp4(l4At + 8, end, false) : this.#readIp6(l4At + 8, end, false);
    if (!isRead || receiver.some((word, i) => tuple[TUPLE.src + i] !== word)) return false;
    const proto = this.#proto;
    const at = this.innerL4At;
    tuple[TUPLE.head] = headOf(family, proto, zone);
    if (proto === TCP || proto === UDP || proto === SCTP) {
      if (end - at < 8) return false;
      tuple[TUPLE.ports] = getU32(bytes, at);
    } else if (proto === ICMP || proto === ICMP6) {
      const type = getU8(bytes, at);
      if (end - at < 8 || icmpAnswer(proto, type) === undefined) return false;
      tuple[TUPLE.ports] = (getU16(bytes, at + 4) << 16) | (type << 8) | getU8(bytes, at + 1);
    } else tuple[TUPLE.ports] = 0;
    reverseTuple(tuple, tuple);
    return true;
  }
}
