/** A classifier that grows large: no array is copied whole, and at every moment it finds what it holds. */
import { Classifier, type ClassifierRule } from "@tenet/classifier";
import { FIELDS, fieldOnes, type FieldSpec, makeFlowKey, setField, setFieldBig } from "@tenet/net";
import { afterEach, expect, test, vi } from "vitest";
import { Heap } from "../src/heap.ts";
import { LongList } from "../src/long-list.ts";

const N_RULES = 40_000;
/** Of sixteen rules so many match on each field: their tables outgrow their places one after the other, and take those that others left. */
const SHARES: readonly (readonly [field: FieldSpec, share: number])[] = [
  [FIELDS.nw_dst, 9],
  [FIELDS.ipv6_src, 4],
  [FIELDS.metadata, 2],
  [FIELDS.reg3, 1],
];
const FIELD_OF_TURN = SHARES.flatMap(([field, share]) => Array<FieldSpec>(share).fill(field));

afterEach(() => {
  vi.unstubAllGlobals();
});

/** Memory that grows is refused, at once or when it is to grow. */
function refuseMemory(isAtOnce: boolean): void {
  class Refused {
    readonly buffer: SharedArrayBuffer;
    constructor({ initial }: { initial: number }) {
      if (isAtOnce) throw new RangeError("could not allocate memory");
      this.buffer = new SharedArrayBuffer(initial * 2 ** 16);
    }
    grow(): never {
      throw new RangeError("Unable to grow shared memory");
    }
  }
  vi.stubGlobal("WebAssembly", { Memory: Refused });
}

/** Arrays of more words are refused, and memory that grows. */
function limitWords(maxWords: number): void {
  const { Int32Array } = globalThis;
  refuseMemory(true);
  class Limited extends Int32Array {
    static get [Symbol.species](): Int32ArrayConstructor {
      return Int32Array; // parts of what there is take no memory
    }
    constructor(nWords: number) {
      if (nWords > maxWords) throw new RangeError("Array buffer allocation failed");
      super(nWords);
    }
  }
  vi.stubGlobal("Int32Array", Limited);
}

function ruleOf(n: number): ClassifierRule {
  const field = FIELD_OF_TURN[n % FIELD_OF_TURN.length] as FieldSpec;
  const match = { key: makeFlowKey(), mask: makeFlowKey() };
  const value = Math.imul(n + 1, 0x9e3779b1) >>> 0; // no two share it
  if (field.nWords === 1) setField(match.key, field, value);
  else setFieldBig(match.key, field, BigInt(value) << 20n);
  setFieldBig(match.mask, field, fieldOnes(field));
  return { match, priority: n & 0xff };
}

test("while tables and tries move to larger places, every rule that is there is found, and none that went", () => {
  const rules = Array.from({ length: N_RULES }, (_, n) => ruleOf(n));
  const classifier = new Classifier();
  const isHeld = (n: number, nInserted: number): boolean => n < nInserted && !(n % 5 === 0 && n < nInserted - 1000);
  const expectFound = (nInserted: number, step: number): void => {
    const wrong = rules.filter((rule, n) => {
      if (n % step !== nInserted % step) return false;
      return classifier.lookup(rule.match.key) !== (isHeld(n, nInserted) ? rule : undefined);
    });
    expect(wrong).toEqual([]);
  };
  for (const [n, rule] of rules.entries()) {
    classifier.insert(rule);
    const old = n - 1000;
    if (old >= 0 && old % 5 === 0) classifier.remove(rules[old] as ClassifierRule);
    if (n % 1009 === 0) expectFound(n + 1, 101);
  }
  expectFound(N_RULES, 1);
});

test("a large heap grows in its place: who holds the array of before still holds what is there", () => {
  const heap = new Heap();
  let nWords = 8;
  while (heap.words.length < 2 ** 16) heap.take((nWords *= 2));
  const before = heap.words;
  const place = heap.take(2 ** 20);
  expect(heap.words.length).toBeGreaterThan(before.length);
  before[77] = 4711;
  expect(heap.words[77]).toBe(4711);
  heap.words[place] = 0x01020304;
  expect(heap.bytes[4 * place]).toBe(4);
});

test.each([true, false])("where memory that grows is refused (at once: %s), a classifier grows nevertheless", (isAtOnce) => {
  refuseMemory(isAtOnce);
  const rules = Array.from({ length: 5000 }, (_, n) => ruleOf(n));
  const classifier = new Classifier();
  for (const rule of rules) classifier.insert(rule);
  expect(rules.filter((rule) => classifier.lookup(rule.match.key) !== rule)).toEqual([]);
});

/** Rules that match on fields which have no tries. */
function unprefixedRule(n: number): ClassifierRule {
  const match = { key: makeFlowKey(), mask: makeFlowKey() };
  for (const [i, field] of [FIELDS.metadata, FIELDS.reg3, FIELDS.reg4, FIELDS.eth_src, FIELDS.tcp_flags].entries()) {
    setFieldBig(match.key, field, BigInt(n + 1 + i));
    setFieldBig(match.mask, field, fieldOnes(field));
  }
  return { match, priority: 7 };
}

/** Rules of forty masks that match on prefixes of two kinds of addresses. */
function prefixedRule(n: number): ClassifierRule {
  const match = { key: makeFlowKey(), mask: makeFlowKey() };
  const address = Math.imul(n + 1, 0x9e3779b1) >>> 0;
  const mask = (-1 << (n % 5)) >>> 0;
  setField(match.key, FIELDS.nw_dst, (address & mask) >>> 0);
  setField(match.mask, FIELDS.nw_dst, mask);
  setFieldBig(match.key, FIELDS.ipv6_src, BigInt(address) << 90n);
  setFieldBig(match.mask, FIELDS.ipv6_src, (fieldOnes(FIELDS.ipv6_src) >> BigInt(n % 8)) << BigInt(n % 8));
  return { match, priority: n % 5 };
}

test.each([
  ["no prefixes", unprefixedRule],
  ["prefixes", prefixedRule],
])("a rule of %s that there is no memory for leaves nothing behind; with more memory it comes in", (_, ruleNumbered) => {
  const rules = Array.from({ length: 1000 }, (__, n) => ruleNumbered(n));
  const looked = (classifier: Classifier<ClassifierRule>, { match }: ClassifierRule): string => {
    const mask = makeFlowKey();
    classifier.lookup(match.key, mask);
    return mask.join();
  };
  const expectAsAnew = (classifier: Classifier<ClassifierRule>, held: readonly ClassifierRule[]): void => {
    const anew = new Classifier();
    for (const rule of held) anew.insert(rule);
    expect(classifier.nSubtables).toBe(anew.nSubtables);
    const differing = rules.slice(0, held.length + 50).filter((rule) => looked(classifier, rule) !== looked(anew, rule));
    expect(differing).toEqual([]);
  };
  for (let maxWords = 2000; maxWords <= 16_000; maxWords += 1300) {
    limitWords(maxWords);
    const classifier = new Classifier();
    let nHeld = 0;
    const insertAll = (): void => {
      for (const rule of rules.slice(nHeld)) {
        classifier.insert(rule);
        nHeld++;
        if (classifier.lookup(rule.match.key) !== rule) throw new Error(`the rule numbered ${nHeld - 1} is not found`);
      }
    };
    expect(insertAll).toThrow(RangeError);
    const held = new Set(classifier.rules());
    expect([held.size, rules.slice(0, nHeld).filter((rule) => !held.has(rule))]).toEqual([nHeld, []]);
    expect(rules.filter((rule, n) => classifier.lookup(rule.match.key) !== (n < nHeld ? rule : undefined))).toEqual([]);
    vi.unstubAllGlobals();
    expectAsAnew(classifier, rules.slice(0, nHeld));
    insertAll();
    const others = rules.slice(1).reverse(); // back from other places in the tables
    for (const rule of others) classifier.remove(rule);
    expect([...classifier.rules()]).toEqual(rules.slice(0, 1));
    for (const rule of others) classifier.insert(rule);
    expect(rules.filter((rule) => classifier.lookup(rule.match.key) !== rule)).toEqual([]);
  }
});

test("places of a heap share no word, and those that were left are taken again", () => {
  const heap = new Heap();
  const places = new Map<number, number>();
  let end = 0;
  for (let n = 0; n < 3000; n++) {
    const nWords = 2 ** ((n * 7) % 12);
    const at = heap.take(nWords);
    heap.words.fill(n, at, at + nWords);
    places.set(n, at);
    end = Math.max(end, at + nWords);
  }
  for (const [n, at] of places) expect(heap.words.subarray(at, at + 2 ** ((n * 7) % 12)).every((word) => word === n)).toBe(true);
  for (const [n, at] of places) heap.leave(at, 2 ** ((n * 7) % 12));
  for (const n of places.keys()) expect(heap.take(2 ** ((n * 7) % 12))).toBeLessThan(end);
});

test("a heap that cannot give a place gives those there is room for, to its last word", () => {
  const heap = new Heap();
  expect(() => heap.take(2 ** 28)).toThrow(RangeError);
  limitWords(5000);
  expect(() => heap.take(2 ** 13)).toThrow(RangeError);
  const places = Array.from({ length: Math.floor(5000 / 16) - 1 }, () => heap.take(16));
  expect(places.at(-1)).toBeLessThanOrEqual(5000 - 16);
  expect(() => heap.take(16)).toThrow(RangeError);
  expect(heap.take(8)).toBe(5000 - 8);
});

test("a long list is a list", () => {
  const list = new LongList<number>();
  for (let n = 0; n < 5000; n++) list.push(n);
  list.set(4000, -1);
  for (let n = 4999; n >= 2048; n--) expect(list.pop()).toBe(n === 4000 ? -1 : n);
  list.push(7);
  expect([...list]).toEqual([...Array.from({ length: 2048 }, (_, n) => n), 7]);
  expect([list.get(2048), list.get(2049), list.length]).toEqual([7, undefined, 2049]);
  while (list.length > 0) list.pop();
  expect([list.pop(), ...list]).toEqual([undefined]);
});
