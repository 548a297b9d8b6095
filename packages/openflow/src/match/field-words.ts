/** A field's value as it lies in a FlowKey: `nWords` words, shifted to the field's place. */
import { type FieldSpec, fieldOnes } from "@tenet/net";

/** Lays `value` out as the words of a field. */
export function toFieldWords(field: FieldSpec, value: bigint): Uint32Array {
  const words = new Uint32Array(field.nWords);
  let rest = value << BigInt(field.nWords === 1 ? field.shift : 0);
  for (let i = field.nWords - 1; i >= 0; i--) {
    words[i] = Number(rest & 0xffff_ffffn);
    rest >>= 32n;
  }
  return words;
}

/** The number that the words of a field hold. */
export function fromFieldWords(field: FieldSpec, words: Uint32Array): bigint {
  let value = 0n;
  for (const word of words) value = (value << 32n) | BigInt(word);
  return (value >> BigInt(field.nWords === 1 ? field.shift : 0)) & fieldOnes(field);
}

/** Ones in bits `start .. start+nBits-1`. */
export function onesAt(start: number, nBits: number): bigint {
  return ((1n << BigInt(nBits)) - 1n) << BigInt(start);
}

/** Runs of ones in a mask, lowest first. */
export function runsOfOnes(mask: bigint): { start: number; nBits: number }[] {
  const runs: { start: number; nBits: number }[] = [];
  let start = 0;
  for (let rest = mask; rest !== 0n; ) {
    if ((rest & 1n) === 0n) {
      rest >>= 1n;
      start++;
      continue;
    }
    let nBits = 0;
    for (; (rest & 1n) === 1n; rest >>= 1n) nBits++;
    runs.push({ start, nBits });
    start += nBits;
  }
  return runs;
}
