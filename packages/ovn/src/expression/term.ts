/**
 * Terms: conjunctions of masked FlowKey words, and sums (disjunctions) of them.
 *
 * What: the normal form of a match is a sum of terms; each term becomes one OpenFlow match.
 * How: a term is sparse, a list of (word, value, mask) cells in word order, so that a conjunction is one merge of two
 * short lists, and a contradiction is found while merging. Sums drop duplicates and terms that another one covers.
 * Limits: a conjunction of two sums is their product; the caller bounds its size.
 */
import { FLOW_WORDS } from "@tenet/net";
import type { BitRange } from "./syntax.ts";

/** Bits of one FlowKey word: `value` has no bit outside `mask`, both unsigned. */
export interface Cell {
  readonly word: number;
  readonly value: number;
  readonly mask: number;
}

/** A conjunction; cells in word order, no cell with an empty mask. The empty term is always true. */
export type Term = readonly Cell[];

/** A disjunction of terms; the empty sum is always false. */
export type Sum = readonly Term[];

/** The sum that is always true. */
export const TRUE: Sum = [[]];
/** The sum that is always false. */
export const FALSE: Sum = [];

/** The term "these bits, under the mask, are this value"; `value` and `mask` are relative to the range's lowest bit. */
export function termOf(bits: BitRange, value: bigint, mask: bigint): Term {
  const cells: Cell[] = [];
  const ones = (1n << BigInt(bits.nBits)) - 1n;
  const wideMask = (mask & ones) << BigInt(bits.shift);
  const wideValue = (value << BigInt(bits.shift)) & wideMask;
  for (let i = 0; i < bits.nWords; i++) {
    const down = BigInt(32 * (bits.nWords - 1 - i));
    const wordMask = Number((wideMask >> down) & 0xffffffffn);
    if (wordMask !== 0) cells.push({ word: bits.word + i, value: Number((wideValue >> down) & 0xffffffffn), mask: wordMask });
  }
  return cells;
}

/** Both terms at once; `undefined` when they contradict each other. */
export function intersectTerms(a: Term, b: Term): Term | undefined {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const cells: Cell[] = [];
  let i = 0;
  let j = 0;
  for (let x = a[i], y = b[j]; x !== undefined || y !== undefined; x = a[i], y = b[j]) {
    if (y === undefined || (x !== undefined && x.word < y.word)) {
      if (x !== undefined) cells.push(x);
      i += 1;
    } else if (x === undefined || y.word < x.word) {
      cells.push(y);
      j += 1;
    } else {
      if (((x.value ^ y.value) & x.mask & y.mask) !== 0) return undefined;
      cells.push({ word: x.word, value: (x.value | y.value) >>> 0, mask: (x.mask | y.mask) >>> 0 });
      i += 1;
      j += 1;
    }
  }
  return cells;
}

/** Conjunction of two sums: the product of their terms without contradictions. Cost: the product of their lengths. */
export function intersectSums(a: Sum, b: Sum): Sum {
  const terms: Term[] = [];
  for (const x of a) {
    for (const y of b) {
      const both = intersectTerms(x, y);
      if (both !== undefined) terms.push(both);
    }
  }
  return terms;
}

/**
 * Drops duplicates, and every term that another term covers (its bits are a subset, with equal values).
 *
 * Cost: one hash probe per term and per distinct mask that is a subset of its own.
 */
export function simplify(sum: Sum): Sum {
  if (sum.length < 2) return sum;
  const groups = new Map<string, { masks: Term; keys: Set<string>; terms: Term[] }>();
  for (const term of sum) {
    const shape = shapeOf(term);
    let group = groups.get(shape);
    if (group === undefined) groups.set(shape, (group = { masks: term, keys: new Set(), terms: [] }));
    const key = keyUnder(term, group.masks);
    if (group.keys.has(key)) continue;
    group.keys.add(key);
    group.terms.push(term);
  }
  const kept: Term[] = [];
  for (const group of groups.values()) {
    const wider = [...groups.values()].filter((other) => other !== group && isSubset(other.masks, group.masks));
    for (const term of group.terms) {
      if (!wider.some((other) => other.keys.has(keyUnder(term, other.masks)))) kept.push(term);
    }
  }
  return kept;
}

/** A term as the two word arrays of an OpenFlow match. */
export function matchOf(term: Term): { key: Uint32Array; mask: Uint32Array } {
  const key = new Uint32Array(FLOW_WORDS);
  const mask = new Uint32Array(FLOW_WORDS);
  for (const cell of term) {
    key[cell.word] = cell.value;
    mask[cell.word] = cell.mask;
  }
  return { key, mask };
}

function shapeOf(term: Term): string {
  return term.map((cell) => `${cell.word}:${cell.mask}`).join(",");
}

/** The values of `term` under the masks of another term, as a hashable key. */
function keyUnder(term: Term, masks: Term): string {
  let key = "";
  let i = 0;
  for (const { word, mask } of masks) {
    while ((term[i]?.word ?? FLOW_WORDS) < word) i += 1;
    key += `${((term[i]?.value ?? 0) & mask) >>> 0},`;
  }
  return key;
}

function isSubset(narrow: Term, wide: Term): boolean {
  return narrow.every(({ word, mask }) => wide.some((cell) => cell.word === word && (mask & ~cell.mask) === 0));
}
