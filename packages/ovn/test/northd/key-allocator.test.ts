import fc from "fast-check";
import { expect, test } from "vitest";
import { KeyAllocator } from "../../src/northd/key-allocator.ts";

test("an owner keeps its key", () => {
  const keys = new KeyAllocator(1, 9);
  expect([keys.allocate("a", undefined), keys.allocate("b", undefined), keys.allocate("a", undefined)]).toEqual([1, 2, 1]);
});

test("a released key rests until the others were given", () => {
  const keys = new KeyAllocator(1, 3);
  keys.allocate("a", undefined);
  keys.release("a");
  expect([keys.allocate("b", undefined), keys.allocate("c", undefined), keys.allocate("d", undefined)]).toEqual([2, 3, 1]);
});

test("a wish is granted when the key is free", () => {
  const keys = new KeyAllocator(1, 9);
  expect([keys.allocate("a", 7), keys.allocate("b", 7), keys.allocate("b", 8)]).toEqual([7, 1, 8]);
});

test("adopted keys are not given to others", () => {
  const keys = new KeyAllocator(1, 3);
  keys.adopt("old", 1);
  keys.adopt("far", 99);
  expect([keys.allocate("new", undefined), keys.allocate("old", undefined)]).toEqual([2, 1]);
});

test("without a free key there is no answer", () => {
  const keys = new KeyAllocator(1, 1);
  expect([keys.allocate("a", undefined), keys.allocate("b", undefined)]).toEqual([1, undefined]);
});

test("no two owners ever share a key", () => {
  const owner = fc.constantFrom("a", "b", "c", "d", "e", "f");
  const step = fc.oneof(
    fc.record({
      op: fc.constant("allocate" as const),
      owner,
      wish: fc.option(fc.integer({ min: 0, max: 7 }), { nil: undefined }),
    }),
    fc.record({ op: fc.constant("release" as const), owner }),
    fc.record({ op: fc.constant("adopt" as const), owner, key: fc.integer({ min: 0, max: 7 }) }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const keys = new KeyAllocator(1, 6);
      const held = new Map<string, number>();
      for (const each of steps) {
        if (each.op === "adopt") keys.adopt(each.owner, each.key);
        else if (each.op === "release") {
          keys.release(each.owner);
          held.delete(each.owner);
        } else {
          const key = keys.allocate(each.owner, each.wish);
          if (key !== undefined) held.set(each.owner, key);
        }
        expect(new Set(held.values()).size).toBe(held.size);
      }
    }),
  );
});
