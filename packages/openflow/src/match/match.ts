/** Making and comparing matches. */
import { FIELDS, FLOW_WORDS, fieldOnes, getField, getFieldBig, setField, setFieldBig } from "@tenet/net";
import type { Match } from "../action.ts";
import type { MatchField } from "./match-field.ts";
import { isOfIcmp } from "./prerequisite.ts";

const PORTS_WORD = FIELDS.tp_src.word;
const PACKET_TYPE_WORD = FIELDS.packet_type.word;
/** Matches that lie in one buffer: a buffer of its own costs the collector more than all else of a match. */
const MATCHES_PER_SLAB = 32;

let slab = new Uint32Array(0);
let slabEnd = 0;

/** A match on nothing: every packet. */
export function makeMatch(): Match {
  return { key: takeFlowKey(), mask: takeFlowKey(), options: undefined };
}

/** Makes a match one on nothing again. */
export function clearMatch(match: Match): void {
  match.key.fill(0);
  match.mask.fill(0);
  match.options = undefined;
}

function takeFlowKey(): Uint32Array {
  if (slabEnd === slab.length) {
    slab = new Uint32Array(2 * MATCHES_PER_SLAB * FLOW_WORDS);
    slabEnd = 0;
  }
  const at = slabEnd;
  slabEnd += FLOW_WORDS;
  return slab.subarray(at, slabEnd);
}

/** Adds a field under a mask; bits of `value` outside `mask` are dropped, bits matched before stay matched. */
export function setMatchField(match: Match, field: MatchField, value: bigint, mask: bigint = fieldOnes(field)): void {
  if (field.option !== undefined) {
    const option = { index: field.option, value: value & mask, mask };
    match.options = [...(match.options ?? []).filter(({ index }) => index !== option.index), option];
    return;
  }
  const oldMask = getFieldBig(match.mask, field);
  const old = getFieldBig(match.key, field);
  setFieldBig(match.key, field, (old & ~mask) | (value & mask));
  setFieldBig(match.mask, field, oldMask | mask);
}

/** As {@link setMatchField}, for a field of at most 32 bits. */
export function setNarrowField(match: Match, { word, shift }: MatchField, value: number, mask: number): void {
  const bits = mask << shift;
  match.key[word] = ((match.key[word] ?? 0) & ~bits) | ((value << shift) & bits);
  match.mask[word] = (match.mask[word] ?? 0) | bits;
}

/** Whether two matches accept the same packets. */
export function isSameMatch(a: Match, b: Match): boolean {
  const isSame = a.key.every((word, i) => word === b.key[i]) && a.mask.every((word, i) => word === b.mask[i]);
  return isSame && textOfOptions(a) === textOfOptions(b);
}

function textOfOptions({ options = [] }: Match): string {
  const texts = options.map(({ index, value, mask }) => `${index}=${value}/${mask}`);
  return texts.sort().join();
}

/** Cuts what means nothing: bits outside the mask, the packet type of Ethernet, and the high half of the ports of an ICMP match. */
export function trimMatch(match: Match): void {
  trimFields(match);
  for (let i = 0; i < match.key.length; i++) match.key[i] = (match.key[i] ?? 0) & (match.mask[i] ?? 0);
}

/** Of {@link trimMatch} what a match needs that has no bits outside its mask. */
export function trimFields(match: Match): void {
  const { key, mask } = match;
  if (key[PACKET_TYPE_WORD] === 0) mask[PACKET_TYPE_WORD] = 0; // what a match without one is about
  if (mask[PORTS_WORD] === 0 || !isOfIcmp(match)) return;
  for (const field of [FIELDS.tp_src, FIELDS.tp_dst]) setField(mask, field, getField(mask, field) & 0xff);
  key[PORTS_WORD] = (key[PORTS_WORD] ?? 0) & (mask[PORTS_WORD] ?? 0);
}
