/**
 * Geneve options between the datapath, where they lie as on the wire, and the pipeline, where each that is mapped lies in
 * the words of its `tun_metadata` field.
 */
import { FIELDS, MAX_OPTIONS_BYTES, optionsSizeOf, tunnelFamily } from "@tenet/net";
import type { TlvTable } from "../table/tlv-table.ts";

const FIRST = FIELDS.tun_options.word;
const PRESENT = FIELDS.tun_options_present.word; //  | bits 32-63 | bits 0-31, or in the datapath the size |
/** Class, type and length of an option. */
const HEADER_BITS = 0xffffff1f;

/** Turns the options of `key`, a key of the datapath, into those that the pipeline of a bridge sees. */
export function toPipelineOptions(key: Uint32Array, table: TlvTable): void {
  const size = optionsSizeOf(key);
  if (size === 0) return;
  const raw = key.slice(FIRST, FIRST + size / 4);
  key.fill(0, FIRST, FIRST + raw.length);
  key[PRESENT + 1] = 0;
  for (let at = 0; at < raw.length; ) {
    const header = raw[at] ?? 0;
    const nWords = header & 0x1f;
    const field = table.fieldOfOption(header >>> 16, (header >>> 8) & 0xff);
    if (field !== undefined && field.nWords === nWords) {
      for (let i = 0; i < nWords; i++) key[field.word + i] = raw[at + 1 + i] ?? 0;
      setPresent(key, field.presentBit ?? 0);
    }
    at += 1 + nWords;
  }
}

/**
 * Turns what a translation looked at of the pipeline's options into what a megaflow matches of the datapath's.
 *
 * When any was looked at, all headers count: with another option before it, a value would lie elsewhere.
 *
 * @param key - of the datapath
 */
export function toDatapathOptionsMask(mask: Uint32Array, key: Uint32Array, table: TlvTable): void {
  if (tunnelFamily(key) === 0 || !looksAtOptions(mask)) return;
  const looked = mask.slice(FIRST, FIRST + FIELDS.tun_options.nWords);
  mask.fill(0, FIRST, FIRST + looked.length);
  mask[PRESENT] = 0;
  mask[PRESENT + 1] = 0xffffffff;
  const nWords = optionsSizeOf(key) / 4;
  for (let at = 0; at < nWords; ) {
    const header = key[FIRST + at] ?? 0;
    const length = header & 0x1f;
    mask[FIRST + at] = HEADER_BITS;
    const field = table.fieldOfOption(header >>> 16, (header >>> 8) & 0xff);
    if (field !== undefined && field.nWords === length) {
      for (let i = 0; i < length; i++) mask[FIRST + at + 1 + i] = looked[field.word - FIRST + i] ?? 0;
    }
    at += 1 + length;
  }
}

/**
 * Writes the pipeline's options into `key` as on the wire, in the order of their fields.
 *
 * @param present - two words, most significant first
 * @param valueOf - a word of the pipeline's options
 * @returns whether they fit into a header
 */
export function toWireOptions(
  key: Uint32Array,
  present: readonly number[],
  valueOf: (word: number) => number,
  table: TlvTable,
): boolean {
  const there = [...table.placed()].filter(
    ({ mapping: { index } }) => (((present[index < 32 ? 1 : 0] ?? 0) >>> (index & 31)) & 1) !== 0,
  );
  there.sort((a, b) => a.mapping.index - b.mapping.index);
  let at = 0;
  for (const { mapping, field } of there) {
    if (4 * (at + 1 + field.nWords) > MAX_OPTIONS_BYTES) return false;
    key[FIRST + at] = (mapping.optionClass << 16) | (mapping.optionType << 8) | field.nWords;
    for (let i = 0; i < field.nWords; i++) key[FIRST + at + 1 + i] = valueOf(field.word + i);
    at += 1 + field.nWords;
  }
  key[PRESENT + 1] = 4 * at;
  return true;
}

function setPresent(key: Uint32Array, bit: number): void {
  const word = PRESENT + (bit < 32 ? 1 : 0);
  key[word] = (key[word] ?? 0) | (1 << (bit & 31));
}

function looksAtOptions(mask: Uint32Array): boolean {
  for (let i = PRESENT; i < FIRST + FIELDS.tun_options.nWords; i++) if (mask[i] !== 0) return true;
  return false;
}
