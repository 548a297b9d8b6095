/**
 * Writes translated addresses and ports into packets, and keeps every checksum true.
 *
 * An ordinary packet is a matter of the {@link Rewriter}. In an ICMP error the packet that it is about is translated
 * too, the other way round: its addresses, its ports, its checksums as far as they are there, and then the error's own.
 */
import {
  addToSum,
  FIELDS,
  FLOW_WORDS,
  foldSum,
  getU16,
  getU32,
  pseudoSum6,
  putU16,
  putU32,
  transportChecksumAt,
  updateChecksum,
} from "@tenet/net";
import type { Rewriter } from "../packet/rewrite.ts";
import { isPartial } from "../packet/vnet-header.ts";
import type { PacketReader } from "./packet-reader.ts";
import { familyOf, isIcmp, protoOf, TUPLE, TUPLE_WORDS, reverseTuple } from "./tuple.ts";

const ICMP6 = 58;
const UDP = 17;

/** Where a frame lies. */
export interface FramePlace {
  readonly headerAt: number;
  readonly at: number;
  readonly length: number;
}

/** Translates packets; one per datapath. */
export class PacketTranslator {
  readonly #rewriter: Rewriter;
  readonly #key = new Uint32Array(FLOW_WORDS);
  readonly #mask = new Uint32Array(FLOW_WORDS);
  readonly #target = new Uint32Array(TUPLE_WORDS);
  readonly #innerBefore = new Uint32Array(TUPLE_WORDS);
  readonly #innerAfter = new Uint32Array(TUPLE_WORDS);

  constructor(rewriter: Rewriter) {
    this.#rewriter = rewriter;
  }

  /**
   * Makes the packet in `reader`, whose tuple is `before`, one whose answers have the tuple `answers`.
   *
   * @returns whether source or destination changed: 1 = source, 2 = destination, 0 = neither
   */
  translate(bytes: Uint8Array, frame: FramePlace, reader: PacketReader, before: Uint32Array, answers: Uint32Array): number {
    const after = this.#target;
    reverseTuple(answers, after);
    const changed = (isChanged(before, after, TUPLE.src, 16) ? 1 : 0) | (isChanged(before, after, TUPLE.dst, 0) ? 2 : 0);
    if (changed === 0) return 0;
    this.#setHeaders(bytes, frame, before, after, reader.isError ? 0 : 0xffffffff);
    if (reader.isError) this.#translateInner(bytes, frame, reader, before, after);
    return changed;
  }

  /** Sets addresses that differ, and ports under a mask. */
  #setHeaders(bytes: Uint8Array, frame: FramePlace, before: Uint32Array, after: Uint32Array, portMask: number): void {
    const key = this.#key;
    const mask = this.#mask.fill(0);
    const isIp4 = familyOf(after) === 4;
    setAddress(key, mask, before, after, TUPLE.src, isIp4 ? FIELDS.nw_src.word : FIELDS.ipv6_src.word, isIp4 ? 1 : 4);
    setAddress(key, mask, before, after, TUPLE.dst, isIp4 ? FIELDS.nw_dst.word : FIELDS.ipv6_dst.word, isIp4 ? 1 : 4);
    if (!isIcmp(protoOf(after)) && before[TUPLE.ports] !== after[TUPLE.ports]) {
      key[FIELDS.tp_src.word] = after[TUPLE.ports] ?? 0;
      mask[FIELDS.tp_src.word] = portMask;
    }
    this.#rewriter.apply(bytes, frame.headerAt, frame.at, frame.length, key, mask);
  }

  #translateInner(bytes: Uint8Array, frame: FramePlace, reader: PacketReader, before: Uint32Array, after: Uint32Array): void {
    const { innerL3At, innerL4At, l3At, l4At, end } = reader;
    const inner = this.#innerBefore;
    const target = this.#innerAfter;
    reverseTuple(before, inner);
    reverseTuple(after, target);
    const isIp4 = familyOf(after) === 4;
    const proto = protoOf(after);
    const n = isIp4 ? 1 : 4;
    const field = transportChecksumAt(proto, isIp4 ? 4 : 6);
    const hasField = field >= 0 && end - innerL4At >= field + 2 && !(proto === UDP && getU16(bytes, innerL4At + field) === 0);
    let checksum = isIp4 ? getU16(bytes, innerL3At + 10) : 0;
    let transport = hasField ? getU16(bytes, innerL4At + field) : 0;
    for (const [part, offset] of [
      [TUPLE.src, isIp4 ? 12 : 8],
      [TUPLE.dst, isIp4 ? 16 : 24],
    ] as const) {
      for (let i = 0; i < n; i++) {
        const at = innerL3At + offset + 4 * i;
        const was = getU32(bytes, at);
        const is = target[part + i] ?? 0;
        putU32(bytes, at, is);
        checksum = updateChecksum(updateChecksum(checksum, was >>> 16, is >>> 16), was & 0xffff, is & 0xffff);
        transport = updateChecksum(updateChecksum(transport, was >>> 16, is >>> 16), was & 0xffff, is & 0xffff);
      }
    }
    if (isIp4) putU16(bytes, innerL3At + 10, checksum);
    if (!isIcmp(proto) && inner[TUPLE.ports] !== target[TUPLE.ports]) {
      const was = getU32(bytes, innerL4At);
      const is = target[TUPLE.ports] ?? 0;
      putU32(bytes, innerL4At, is);
      transport = updateChecksum(updateChecksum(transport, was >>> 16, is >>> 16), was & 0xffff, is & 0xffff);
    }
    if (hasField) putU16(bytes, innerL4At + field, proto === UDP && transport === 0 ? 0xffff : transport);
    if (isPartial(bytes, frame.headerAt)) return; // completed when it leaves
    const nBytes = end - l4At;
    putU16(bytes, l4At + 2, 0);
    const sum = addToSum(isIp4 ? 0 : pseudoSum6(bytes, l3At, ICMP6, nBytes), bytes, l4At, nBytes);
    putU16(bytes, l4At + 2, ~foldSum(sum) & 0xffff);
  }
}

/** Whether an address, or the port in these bits of the last word, differs. */
function isChanged(before: Uint32Array, after: Uint32Array, part: number, portShift: number): boolean {
  for (let i = part; i < part + 4; i++) if (before[i] !== after[i]) return true;
  if (isIcmp(protoOf(after))) return false;
  return ((((before[TUPLE.ports] ?? 0) ^ (after[TUPLE.ports] ?? 0)) >>> portShift) & 0xffff) !== 0;
}

function setAddress(
  key: Uint32Array,
  mask: Uint32Array,
  before: Uint32Array,
  after: Uint32Array,
  part: number,
  word: number,
  n: number,
): void {
  for (let i = 0; i < n; i++) {
    if (before[part + i] === after[part + i]) continue;
    key[word + i] = after[part + i] ?? 0;
    mask[word + i] = 0xffffffff;
  }
}
