/** Tables that grow in steps against plain maps and arrays: at every moment they hold what those hold. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { HashTable, RecordTable } from "../src/hash-tables.ts";
import { Heap } from "../src/heap.ts";

/** Enough for two moves in steps. */
const N = 12_000;
const N_STEPS = 40_000;

/** Adds more than it removes, so that tables grow; a run of removals now and then. */
function isRemoval(random: number, step: number): boolean {
  return random % 100 < (step % 5000 > 4000 ? 70 : 25);
}

/** Numbers of a seed, 0 to 2^31. */
function numbersOf(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9;
    return (state >>> 1) ^ (state >>> 17);
  };
}

test("a hash table finds, counts and removes what it holds, wherever it is on its way to a larger place", () => {
  const property = fc.property(fc.integer(), fc.constantFrom(0x7fffffff, 0xfff), (seed, hashMask) => {
    const next = numbersOf(seed);
    const heap = new Heap();
    const table = new HashTable(heap);
    const beside = new HashTable(heap);
    const heldBeside = new Map<number, number>();
    const held = new Map<number, number>();
    const hashes: number[] = [];
    let nMoves = 0;
    for (let step = 0; step < N_STEPS; step++) {
      const random = next();
      const hash = ((random & hashMask) << 1) | 0;
      if (isRemoval(random, step) && hashes.length > 0) {
        const gone = hashes.splice(random % hashes.length, 1)[0] as number;
        const place = table.find(gone);
        if (table.count(place, -1) === 0) table.remove(place);
        held.set(gone, (held.get(gone) as number) - 1);
      } else {
        const place = table.find(hash);
        if (place >= 0) expect(table.count(place, 1)).toBe((held.get(hash) as number) + 1);
        else if (table.add(hash, 1)) nMoves++;
        held.set(hash, (held.get(hash) ?? 0) + 1);
        hashes.push(hash);
      }
      if (step % 64 === 0) {
        beside.add(step, 1 + step);
        heldBeside.set(step, 1 + step);
      }
      if (step % 4999 === 0) expectHeld(table, heap, held);
    }
    expectHeld(table, heap, held);
    expect(nMoves).toBeGreaterThan(4);
    expectHeld(beside, heap, heldBeside);
  });
  fc.assert(property, { numRuns: 3, endOnFailure: true });
});

function expectHeld(table: HashTable, heap: Heap, held: ReadonlyMap<number, number>): void {
  const found = new Map<number, number>();
  for (const hash of held.keys()) {
    const place = table.find(hash);
    found.set(hash, place < 0 ? 0 : (heap.words[place + 1] as number));
  }
  expect(found).toEqual(held);
}

test("pairs with one hash are all found, and each gets its own value", () => {
  const heap = new Heap();
  const table = new HashTable(heap);
  for (let value = 1; value <= N; value++) {
    table.add(value % 1000, value);
    const earlier = value - 3000;
    if (earlier > 0) table.setValue(table.find(earlier % 1000, earlier), N + earlier);
  }
  for (let hash = 0; hash < 1000; hash++) {
    const values = new Set<number>();
    for (let place = table.find(hash); place >= 0; place = table.findNext(place)) values.add(heap.words[place + 1] as number);
    const wanted = Array.from({ length: N / 1000 }, (_, i) => (hash === 0 ? 1000 : hash) + 1000 * i);
    expect(values).toEqual(new Set(wanted.map((value) => (value <= N - 3000 ? N + value : value))));
  }
});

test("records keep what was written, wherever their table is on its way to a larger place", () => {
  const property = fc.property(fc.integer(), (seed) => {
    const next = numbersOf(seed);
    const heap = new Heap();
    const table = new RecordTable(heap, 3);
    const held: number[] = [];
    const write = (n: number, value: number): void => {
      held[n] = value;
      heap.words.fill(value, table.place(n), table.place(n + 1));
      table.wrote(n);
    };
    for (let step = 0; step < N_STEPS; step++) {
      const random = next();
      if (isRemoval(random, step)) held.pop();
      else {
        table.reserve(held.length);
        write(held.length, random & 0xffff);
      }
      if (held.length > 0) write(random % held.length, step);
      if (step % 4999 === 0) {
        const found = held.map((_, n) => [...heap.words.subarray(table.place(n), table.place(n + 1))]);
        expect(found).toEqual(held.map((value) => [value, value, value]));
      }
    }
  });
  fc.assert(property, { numRuns: 3, endOnFailure: true });
});
