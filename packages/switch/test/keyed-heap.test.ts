/** The heap against a list that is looked through whole. */
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { KeyedHeap, type Placed } from "../src/table/keyed-heap.ts";

interface Member extends Placed {
  readonly name: number;
}

const N_MEMBERS = 40;
const step = fc.record({
  isGoing: fc.nat(3).map((n) => n === 0),
  name: fc.nat(N_MEMBERS - 1),
  key: fc.integer({ min: -20, max: 20 }),
});

test("the first has the least key, whoever came, went or got another key, and each knows its place", () => {
  const property = fc.property(fc.array(step, { maxLength: 100, size: "max" }), (steps) => {
    const heap = new KeyedHeap<Member>();
    const keyOf = new Map<Member, number>();
    const members: readonly Member[] = Array.from({ length: N_MEMBERS }, (_, name) => ({ name, place: 7 * name - 3 }));
    for (const { isGoing, name, key } of steps) {
      const member = members[name] as Member;
      if (isGoing) {
        heap.delete(member);
        keyOf.delete(member);
      } else {
        heap.set(member, key);
        keyOf.set(member, key);
      }
      expect([heap.size, heap.first && keyOf.get(heap.first)]).toEqual([
        keyOf.size,
        keyOf.size === 0 ? undefined : Math.min(...keyOf.values()),
      ]);
    }
    const held = members.filter((each) => heap.has(each));
    expect(held).toEqual(members.filter((each) => keyOf.has(each)));
    expect(held.map(({ place }) => heap.keyAt(place))).toEqual(held.map((each) => keyOf.get(each)));
  });
  fc.assert(property, { seed: inject("seed"), numRuns: 20 * inject("effort") });
});

test("members leave in the order of their keys, also of very many", () => {
  const heap = new KeyedHeap<Member>();
  const keys = Array.from({ length: 3000 }, (_, name) => (name * 7919) % 3001);
  for (const [name, key] of keys.entries()) heap.set({ name, place: -1 }, key);
  const left: number[] = [];
  for (let first = heap.first; first !== undefined; first = heap.first) {
    left.push(keys[first.name] as number);
    heap.delete(first);
  }
  expect(left).toEqual(keys.toSorted((a, b) => a - b));
});
