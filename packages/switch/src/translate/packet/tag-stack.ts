/**
 * The VLAN tags of a FlowKey as one list.
 *
 *   a tag: | Ethernet type 16 | TCI 16, with the bit that says "present" |
 */
import { FIELDS, getField, setField, VLAN_PRESENT } from "@tenet/net";

const DEFAULT_ETH_TYPE = 0x8100;
const PLACES = [
  { ethType: FIELDS.vlan_tpid, tci: FIELDS.vlan_tci },
  { ethType: FIELDS.vlan_tpid1, tci: FIELDS.vlan_tci1 },
] as const;

/** How many tags a FlowKey shows. */
export const N_TAGS_SHOWN: number = PLACES.length;

/** The first word that holds tags, and one past the last. */
export const TAGS_START: number = FIELDS.vlan_tci.word;
export const TAGS_END: number = FIELDS.vlan_tpid1.word + 1;

/** The bits of tags in each of those words. */
export const TAG_BITS: readonly number[] = tagBits();

function tagBits(): number[] {
  const ones = new Uint32Array(TAGS_END);
  setTags(ones, [0xffff_ffff, 0xffff_ffff]);
  return [...ones.subarray(TAGS_START)];
}

/** The tags that a FlowKey shows, outermost first. */
export function tagsIn(words: Uint32Array): number[] {
  const tags: number[] = [];
  for (const { ethType, tci } of PLACES) {
    if ((getField(words, tci) & VLAN_PRESENT) !== 0) tags.push(makeTag(getField(words, ethType), getField(words, tci)));
  }
  return tags;
}

/** Has a FlowKey show the first of these tags, and no others. */
export function setTags(words: Uint32Array, tags: readonly number[]): void {
  for (const [i, { ethType, tci }] of PLACES.entries()) {
    const tag = tags[i] ?? 0;
    setField(words, ethType, tag >>> 16);
    setField(words, tci, tag & 0xffff);
  }
}

/** A tag; `ethType` 0 stands for the usual one. */
export function makeTag(ethType: number, tci: number): number {
  return (((ethType || DEFAULT_ETH_TYPE) << 16) | tci | VLAN_PRESENT) >>> 0;
}
