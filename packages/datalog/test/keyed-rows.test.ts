import { compile } from "@tenet/datalog";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { checkStore } from "../src/engine/checks/check-store.ts";
import { Evaluation, type Step } from "../src/engine/evaluate/evaluation.ts";
import type { RowStore } from "../src/engine/rows/row-store.ts";
import { OLD } from "../src/engine/rows/views.ts";

const TEXT = "input r(k: int, a: int, b: int)  input s(k: int)  pair(k, a) :- s(k), r(k, a, _)";
const N_KEYS = 200;

type Row = readonly [k: number, a: number, b: number];

interface Change {
  readonly row: Row;
  readonly isThere: boolean;
}

/** `r` as rows and as a model; `s` has all keys, so that rules need an index on the keys of `r`. */
class Table {
  readonly evaluation = new Evaluation(compile([{ name: "keyed.dl", text: TEXT }]), {});
  readonly store: RowStore = this.evaluation.store("r");
  #rows = new Map<string, Row>();

  constructor() {
    const { evaluation } = this;
    evaluation.begin();
    for (let k = 0; k < N_KEYS; k++) {
      evaluation.setInput(evaluation.store("s"), Int32Array.of(k), true);
      this.set([k, 0, 0], true);
    }
    this.#end(evaluation.run(new Set([this.store, evaluation.store("s")])), false);
    evaluation.prepare();
  }

  set(row: Row, isThere: boolean): void {
    this.evaluation.setInput(this.store, Int32Array.from(row), isThere);
    if (isThere) this.#rows.set(row.join(), row);
    else this.#rows.delete(row.join());
  }

  /** Changes rows in one evaluation, and undoes that if it is not to stay. */
  change(changes: readonly Change[], stays: boolean): void {
    const before = new Map(this.#rows);
    this.evaluation.begin();
    for (const { row, isThere } of changes) this.set(row, isThere);
    this.#end(this.evaluation.run(new Set([this.store])), !stays);
    if (!stays) this.#rows = before;
  }

  #end(step: Step, isUndone: boolean): void {
    if (isUndone) this.evaluation.undo(step);
    this.evaluation.release([step]);
  }

  /** Throws unless store, indexes and derived rows are what the model says. */
  check(): void {
    const { evaluation, store } = this;
    checkStore(store, evaluation.interner);
    expect(rowsOf(store)).toEqual([...this.#rows.keys()].sort());
    const pairs = new Set([...this.#rows.values()].map(([k, a]) => `${k},${a}`));
    expect(rowsOf(evaluation.store("pair"))).toEqual([...pairs].sort());
  }
}

function rowsOf({ data, stride, arity, flags, end }: RowStore): string[] {
  const rows = Array.from({ length: end }, (_, row) => row).filter((row) => ((flags[row] as number) & OLD) !== 0);
  return rows.map((row) => data.slice(row * stride, row * stride + arity).join()).sort();
}

/** Even draws: fast-check prefers few values. */
function drawFrom(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const ROUNDS = fc.array(
  fc.record({
    /** Few keys: then keys have many rows, and the index no longer tells rows apart. */
    nKeys: fc.constantFrom(N_KEYS, N_KEYS, 40, 1),
    nChanges: fc.constantFrom(3, 60, 400),
    seed: fc.nat(),
    stays: fc.boolean(),
    isPrepared: fc.boolean(),
  }),
  { maxLength: 8 },
);

test("rows that a key tells apart are found by it, until they are not told apart any more", () => {
  let nLeft = 0;
  fc.assert(
    fc.property(ROUNDS, (rounds) => {
      const table = new Table();
      expect(table.store.set.keyed).toBeDefined();
      for (const { nKeys, nChanges, seed, stays, isPrepared } of rounds) {
        const draw = drawFrom(seed);
        const change = (): Change => ({ row: [draw(nKeys), draw(3), draw(80)], isThere: draw(4) > 0 });
        table.change(Array.from({ length: nChanges }, change), stays);
        table.check();
        if (table.store.set.keyed === undefined) nLeft++;
        if (isPrepared) table.evaluation.prepare();
      }
    }),
    { numRuns: 60 },
  );
  expect(nLeft, "times that the key did not tell rows apart").toBeGreaterThan(0);
});

test("a row that takes the place of another one of its key is found, and the other one not", () => {
  const table = new Table();
  const present = new Int32Array(N_KEYS);
  for (let i = 1; i < 1000; i++) {
    const k = i % N_KEYS;
    const stays = i % 3 === 0;
    table.change(
      [
        { row: [k, present[k] as number, 0], isThere: false },
        { row: [k, i, 0], isThere: true },
      ],
      stays,
    );
    if (stays) present[k] = i;
  }
  table.check();
  expect(table.store.set.keyed).toBeDefined();
});

/** Rows of one key more than it may have. */
const CROWD = Array.from({ length: 70 }, (_, b): Row => [7, 1, b]);

test("rows are found by their key again when it tells them apart again, after as many changes as there are rows", () => {
  const table = new Table();
  const { set } = table.store;
  table.change(
    CROWD.map((row) => ({ row, isThere: true })),
    true,
  );
  expect(set.keyed).toBeUndefined();
  table.change(
    CROWD.map((row) => ({ row, isThere: false })),
    true,
  );
  let nChanges = 2 * CROWD.length;
  for (let i = 0; set.keyed === undefined; i++, nChanges++) {
    table.change([{ row: [5, 2, 2], isThere: i % 2 === 0 }], true);
    expect(i, "changes").toBeLessThan(3 * N_KEYS);
  }
  expect(nChanges).toBeGreaterThanOrEqual(N_KEYS);
  table.check();
  table.change(
    CROWD.map((row) => ({ row, isThere: true })),
    false,
  );
  table.check();
});

test("a key that a crowd of rows shares is not taken because a sample does not meet it", () => {
  const table = new Table();
  const many = Array.from({ length: 150_000 }, (_, k): Row => [1000 + k, 0, 0]);
  table.change(
    [...many, ...CROWD].map((row) => ({ row, isThere: true })),
    true,
  );
  expect(table.store.set.keyed).toBeUndefined();
  table.evaluation.prepare();
  expect(table.store.set.keyed, "a key may not have so many rows").toBeUndefined();
  checkStore(table.store, table.evaluation.interner);
});

test("rows that others replaced, all at once or when gaps are closed, are found by their key as before", () => {
  const table = new Table();
  const all = Array.from({ length: N_KEYS }, (_, k): Row => [k, 0, 0]);
  const many = Array.from({ length: 6000 }, (_, k): Row => [1000 + k, 0, 0]);
  const put = (rows: readonly Row[], isThere: boolean): void =>
    table.change(
      rows.map((row) => ({ row, isThere })),
      true,
    );
  put(all, false);
  expect(table.store.size).toBe(0);
  put(all, true);
  expect(table.store.set.keyed).toBeDefined();
  put(many, true);
  put(many, false);
  expect(table.store.end, "gaps are closed").toBe(N_KEYS);
  expect(table.store.set.keyed).toBeDefined();
  table.check();
});
