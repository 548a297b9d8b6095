import { parseFlow, parseGroup } from "@tenet/openflow";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LongMap } from "../src/long-map.ts";
import { Bench } from "./bench-switch.ts";

/** More than are kept unparted. */
const MANY = 3000;

/** The most entries that any map or set of the language comes to while something is done. */
function largestWhile(act: () => void): number {
  let largest = 0;
  const restore = [[Map.prototype, "set"] as const, [Set.prototype, "add"] as const].map(([prototype, name]) => {
    const original: unknown = Reflect.get(prototype, name);
    if (typeof original !== "function") throw new TypeError(`no ${name}`);
    Reflect.set(prototype, name, function (this: { readonly size: number }, ...entry: unknown[]) {
      Reflect.apply(original, this, entry);
      largest = Math.max(largest, this.size);
      return this;
    });
    return () => Reflect.set(prototype, name, original);
  });
  try {
    act();
  } finally {
    for (const each of restore) each();
  }
  return largest;
}

test("it holds what a map of the language holds", () => {
  const changes = fc.array(fc.tuple(fc.nat(3000), fc.nat(2)), { minLength: 3000, maxLength: 4000, size: "max" });
  const property = fc.property(changes, (steps) => {
    const [long, plain] = [new LongMap<number, number>((key) => key), new Map<number, number>()];
    for (const [i, [key, kind]] of steps.entries()) {
      if (kind === 0) expect(long.delete(key)).toBe(plain.delete(key));
      else {
        long.set(key, i);
        plain.set(key, i);
      }
    }
    expect(long.size).toBe(plain.size);
    expect([...long.values()].sort()).toEqual([...plain.values()].sort());
    for (const [key] of steps) if (long.get(key) !== plain.get(key)) expect.fail(`not the same of ${key}`);
  });
  fc.assert(property, { numRuns: 5 });
});

test("values that stay are seen while others come and go", () => {
  const map = new LongMap<number, number>((key) => key);
  for (let n = 0; n < 1000; n++) map.set(n, n);
  const seen = new Set<number>();
  for (const value of map.values()) {
    seen.add(value);
    if (value % 2 === 1) map.delete(value);
    if (map.size < MANY) for (let n = 0; n < 20; n++) map.set(10_000 + 20 * seen.size + n, n);
  }
  for (let n = 0; n < 1000; n++) if (!seen.has(n)) expect.fail(`${n} was left out`);
});

test("no map or set of the language grows with the flows of a bridge", () => {
  const bench = new Bench(2, []);
  const { pipeline } = bench.bridge;
  pipeline.apply([parseGroup("group_id=1,type=all,bucket=output:1")]);
  const flow = (n: number): string => `priority=${n},idle_timeout=9,actions=group:1`;
  const largest = largestWhile(() => {
    bench.add(...Array.from({ length: MANY }, (_, n) => flow(n)));
    pipeline.apply([parseGroup("group_id=1", { command: "delete" })]);
  });
  expect(largest).toBeLessThan(MANY / 2);
  expect(pipeline.nRules).toBe(0);
  const learner = (n: number): string => `priority=${n},actions=learn(table=1,cookie=${n + 1},delete_learned,NXM_OF_IN_PORT[])`;
  const remove = parseFlow("", { purpose: "delete" });
  const largestOfLearners = largestWhile(() => {
    bench.add(...Array.from({ length: MANY }, (_, n) => learner(n)));
    pipeline.apply([{ command: "delete", flow: remove }]);
  });
  expect(largestOfLearners).toBeLessThan(MANY / 2);
});
