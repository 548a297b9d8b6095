/** Recursions through min and max under random changes, against improving values until nothing gets better. */
import { type Change, compareValues, compile, Engine, type Proof, type Tuple, type Value } from "@tenet/datalog";
import fc from "fast-check";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, inject, test } from "vitest";

type Edge = readonly [number, number, number];
/** A table that keeps an extreme: the value of each group, by the group's columns as text. */
type State = ReadonlyMap<string, ReadonlyMap<string, number>>;
/** What the rules derive from a state: table, group, value. */
type Derive = (inputs: Inputs, get: (table: string) => [number[], number][]) => (readonly [string, readonly number[], number])[];

interface Inputs {
  readonly e: readonly Edge[];
  readonly s: readonly number[];
  readonly closed: readonly number[];
}

interface Case {
  readonly text: string;
  readonly isMin: boolean;
  /** The least column counts as the kept one unless it says otherwise. */
  readonly tables: readonly string[];
  readonly derive: Derive;
  /** Values may get so much better on the way that a row rests on itself; such rows need no proof. */
  readonly mayRestOnItself?: true;
}

const INPUTS = "input e(x, y, w)\ninput s(x)\ninput closed(x)\n";

const CASES: Readonly<Record<string, Case>> = {
  "shortest paths with a limit around closed nodes": {
    text: `d(x, 0) :- s(x)\nd(y, min(v + w)) :- d(x, v), e(x, y, w), not closed(y), v < 6`,
    isMin: true,
    tables: ["d"],
    derive: ({ e, s, closed }, get) => [
      ...s.map((x) => ["d", [x], 0] as const),
      ...get("d").flatMap(([[x], v]) =>
        e.filter(([a, b]) => a === x && !closed.includes(b) && v < 6).map(([, y, w]) => ["d", [y], v + w] as const),
      ),
    ],
  },
  "two tables that take turns": {
    text: `a(x, 1) :- s(x)\na(y, min(v + w)) :- b(x, v), e(x, y, w)\nb(y, min(v)) :- a(x, v), e(x, y, _)\nb(x, 4) :- closed(x)`,
    isMin: true,
    tables: ["a", "b"],
    derive: ({ e, s, closed }, get) => [
      ...s.map((x) => ["a", [x], 1] as const),
      ...closed.map((x) => ["b", [x], 4] as const),
      ...get("b").flatMap(([[x], v]) => e.filter(([a]) => a === x).map(([, y, w]) => ["a", [y], v + w] as const)),
      ...get("a").flatMap(([[x], v]) => e.filter(([a]) => a === x).map(([, y]) => ["b", [y], v] as const)),
    ],
  },
  "paths between all pairs, by two halves": {
    text: `p(min(w), x, y) :- e(x, y, w)\np(min(v + u), x, z) :- p(v, x, y), p(u, y, z)`,
    isMin: true,
    tables: ["p"],
    derive: ({ e }, get) => [
      ...e.map(([x, y, w]) => ["p", [x, y], w] as const),
      ...get("p").flatMap(([[x = 0, y], v]) =>
        get("p")
          .filter(([[a]]) => a === y)
          .map(([[, z = 0], u]) => ["p", [x, z], v + u] as const),
      ),
    ],
  },
  "widest paths": {
    text: `wide(x, 3) :- s(x)\nwide(y, max(min(v, w))) :- wide(x, v), e(x, y, w)`,
    isMin: false,
    tables: ["wide"],
    derive: ({ e, s }, get) => [
      ...s.map((x) => ["wide", [x], 3] as const),
      ...get("wide").flatMap(([[x], v]) => e.filter(([a]) => a === x).map(([, y, w]) => ["wide", [y], Math.min(v, w)] as const)),
    ],
  },
  "the least name of all nodes before": {
    text: `l(x, x) :- s(x)\nl(y, min(v)) :- l(x, v), e(x, y, _), not closed(x)`,
    isMin: true,
    tables: ["l"],
    derive: ({ e, s, closed }, get) => [
      ...s.map((x) => ["l", [x], x] as const),
      ...get("l").flatMap(([[x = 0], v]) =>
        e.filter(([a]) => a === x && !closed.includes(x)).map(([, y]) => ["l", [y], v] as const),
      ),
    ],
  },
  "longest paths upwards": {
    text: `d(x, 0) :- s(x)\nd(y, max(v + w)) :- d(x, v), e(x, y, w), x < y`,
    isMin: false,
    tables: ["d"],
    derive: ({ e, s }, get) => [
      ...s.map((x) => ["d", [x], 0] as const),
      ...get("d").flatMap(([[x = 0], v]) => e.filter(([a, b]) => a === x && a < b).map(([, y, w]) => ["d", [y], v + w] as const)),
    ],
  },
  "paths with gains upwards and costs back": {
    text: `d(x, 0) :- s(x)\nd(y, min(v - w)) :- d(x, v), e(x, y, w), x < y\nd(y, min(v + 20)) :- d(x, v), e(x, y, _), x >= y`,
    isMin: true,
    tables: ["d"],
    derive: ({ e, s }, get) => [
      ...s.map((x) => ["d", [x], 0] as const),
      ...get("d").flatMap(([[x], v]) =>
        e.filter(([a]) => a === x).map(([a, y, w]) => ["d", [y], a < y ? v - w : v + 20] as const),
      ),
    ],
  },
  "the last step decides": {
    text: `d(x, 2) :- s(x)\nd(y, min(w)) :- d(x, _), e(x, y, w)`,
    isMin: true,
    mayRestOnItself: true,
    tables: ["d"],
    derive: ({ e, s }, get) => [
      ...s.map((x) => ["d", [x], 2] as const),
      ...get("d").flatMap(([[x]]) => e.filter(([a]) => a === x).map(([, y, w]) => ["d", [y], w] as const)),
    ],
  },
  "one group that rests on what rests on it": {
    text: `t(min(v)) :- e(_, _, v)\nt(min(v - 2)) :- h(v)\nh(min(max(v, 2))) :- t(v)\nh(min(v + x)) :- h(v), s(x)`,
    isMin: true,
    mayRestOnItself: true,
    tables: ["t", "h"],
    derive: ({ e, s }, get) => [
      ...e.map(([, , v]) => ["t", [], v] as const),
      ...get("h").map(([, v]) => ["t", [], v - 2] as const),
      ...get("t").map(([, v]) => ["h", [], Math.max(v, 2)] as const),
      ...get("h").flatMap(([, v]) => s.map((x) => ["h", [], v + x] as const)),
    ],
  },
};

function evaluate({ tables, isMin, derive }: Case, inputs: Inputs): State {
  const state = new Map(tables.map((table) => [table, new Map<string, number>()]));
  const get = (table: string): [number[], number][] =>
    [...(state.get(table) ?? [])].map(([key, value]) => [key === "" ? [] : key.split(",").map(Number), value]);
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false;
    for (const [table, group, value] of derive(inputs, get)) {
      const before = state.get(table)?.get(group.join());
      if (before !== undefined && (isMin ? before <= value : before >= value)) continue;
      state.get(table)?.set(group.join(), value);
      hasChanged = true;
    }
  }
  return state;
}

class Run {
  readonly #case: Case;
  readonly #name: string;
  #engine: Engine;

  constructor(name: string, one: Case) {
    this.#name = name;
    this.#case = one;
    this.#engine = this.#start();
  }

  #start(state?: string): Engine {
    const program = compile([{ name: "net.dl", text: INPUTS + this.#case.text }]);
    return new Engine(program, { minValuesToSweep: 4, checks: true, ...(state !== undefined && { state }) });
  }

  step(changes: readonly Change[], kind: number): void {
    const before = this.#state();
    if (kind === 2) {
      const file = join(folder, "state");
      this.#engine.save(file);
      this.#engine = this.#start(file);
      expect(this.#state(), this.#name).toEqual(before);
    }
    if (kind <= 2) {
      const delta = this.#engine.transact(changes);
      const now = new Set(before);
      for (const table of this.#case.tables) {
        for (const tuple of delta.get(table)?.deleted ?? []) expect(now.delete(shown(table, tuple)), this.#name).toBe(true);
        for (const tuple of delta.get(table)?.inserted ?? []) now.add(shown(table, tuple));
      }
      expect([...now].sort(), this.#name).toEqual(this.#state());
    } else if (kind === 3) {
      this.#expectTables((table) => this.#engine.whatIf(changes).rows(table), applied(this.#inputs(), changes));
      expect(this.#state(), this.#name).toEqual(before);
    } else {
      const transaction = this.#engine.begin();
      for (const change of changes) {
        transaction.apply([change]);
        transaction.evaluate();
      }
      this.#expectTables((table) => transaction.rows(table), applied(this.#inputs(), changes));
      if (kind === 4) transaction.commit();
      else transaction.rollback();
      if (kind > 4) expect(this.#state(), this.#name).toEqual(before);
    }
    this.#expectTables((table) => this.#engine.rows(table), this.#inputs());
    for (const table of this.#case.tables) for (const row of this.#engine.rows(table)) this.#checkProof(table, row);
  }

  #state(): string[] {
    return this.#case.tables.flatMap((table) => this.#engine.rows(table).map((row) => shown(table, row))).sort();
  }

  #inputs(): Inputs {
    const [e, s, closed] = ["e", "s", "closed"].map((name) => this.#engine.rows(name) as unknown as number[][]);
    return { e: (e ?? []) as unknown as Edge[], s: (s ?? []).flat(), closed: (closed ?? []).flat() };
  }

  #expectTables(rowsOf: (table: string) => Tuple[], inputs: Inputs): void {
    const expected = evaluate(this.#case, inputs);
    for (const table of this.#case.tables) {
      const rows = [...(expected.get(table) ?? [])].map(([key, value]): Value[] => {
        const group = key === "" ? [] : key.split(",").map(Number);
        return table === "p" ? [value, ...group] : [...group, value];
      });
      expect(sorted(rowsOf(table)), `${table}: ${this.#name}`).toEqual(sorted(rows));
    }
  }

  /** No row stands above itself. */
  #checkProof(table: string, row: Tuple): void {
    const visit = (proof: Proof, above: readonly string[]): void => {
      const key = shown(proof.relation, proof.tuple);
      expect(above, this.#name).not.toContain(key);
      if (proof.note === "no derivation found") expect(this.#case.mayRestOnItself, this.#name).toBe(true);
      for (const child of proof.because) visit(child, [...above, key]);
    };
    const proof = this.#engine.explain(table, row);
    expect(proof, this.#name).toBeDefined();
    if (proof !== undefined) visit(proof, []);
  }
}

function applied(inputs: Inputs, changes: readonly Change[]): Inputs {
  const sets = { e: new Map<string, Tuple>(), s: new Map<string, Tuple>(), closed: new Map<string, Tuple>() };
  for (const edge of inputs.e) sets.e.set(edge.join(), edge);
  for (const name of ["s", "closed"] as const) for (const x of inputs[name]) sets[name].set(String(x), [x]);
  for (const { relation, tuple, weight } of changes) {
    const set = sets[relation as keyof typeof sets];
    if (weight > 0) set.set(tuple.join(), tuple);
    else set.delete(tuple.join());
  }
  const flat = (set: Map<string, Tuple>): number[] => [...set.values()].flat().map(Number);
  return { e: [...sets.e.values()] as unknown as Edge[], s: flat(sets.s), closed: flat(sets.closed) };
}

function shown(table: string, tuple: Tuple): string {
  return `${table}(${tuple.join()})`;
}

function sorted(rows: readonly Tuple[]): Tuple[] {
  return [...rows].sort((a, b) => compareValues(a, b));
}

const folder = mkdtempSync(join(tmpdir(), "shortest-"));
afterAll(() => rmSync(folder, { recursive: true }));

const node = fc.integer({ min: 0, max: 4 });
const change: fc.Arbitrary<Change> = fc
  .tuple(
    fc.oneof(
      { weight: 7, arbitrary: fc.tuple(fc.constant("e"), fc.tuple(node, node, fc.integer({ min: 0, max: 3 }))) },
      { weight: 1, arbitrary: fc.tuple(fc.constantFrom("s", "closed"), fc.tuple(node)) },
    ),
    fc.boolean(),
  )
  .map(([[relation, tuple], isIn]) => ({ relation, tuple, weight: isIn ? 1 : -1 }));
const load = fc.array(change, { maxLength: 24 }).map((changes) => changes.map((each): Change => ({ ...each, weight: 1 })));
/** A change, or a row of the load that goes. */
const changeOrRemoval = fc.oneof(change, fc.nat());
const steps = fc.array(fc.tuple(fc.array(changeOrRemoval, { maxLength: 5 }), fc.integer({ min: 0, max: 5 })), { maxLength: 8 });

for (const [name, one] of Object.entries(CASES)) {
  test(`${name} agree with improving values, after commits, forks and rollbacks, and have proofs`, () => {
    fc.assert(
      fc.property(load, steps, (first, others) => {
        const run = new Run(name, one);
        const rows: Change[] = [...first, { relation: "s", tuple: [0], weight: 1 }];
        run.step(rows, 0);
        for (const [changes, kind] of others) {
          const toChange = (each: Change | number): Change =>
            typeof each === "number" ? { ...(rows[each % rows.length] as Change), weight: -1 } : each;
          run.step(changes.map(toChange), kind);
        }
      }),
      { numRuns: 40 * inject("effort") },
    );
  });
}

/** A generator of its own, so that a failure repeats. */
function randomOf(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const ROADS = compile([
  { name: "net.dl", text: "input e(x, y, w)\ninput s(x)\nd(x, 0) :- s(x)\nd(y, min(v + w)) :- d(x, v), e(x, y, w)" },
]);

test("a large network that changes is that of a fresh engine", () => {
  const random = randomOf(5);
  const newEdge = (): Tuple => [random(2000), random(2000), random(20)];
  const edges = Array.from({ length: 6000 }, newEdge);
  const engine = new Engine(ROADS);
  const toChange = (tuple: Tuple, weight: 1 | -1): Change => ({ relation: "e", tuple, weight });
  engine.transact([{ relation: "s", tuple: [0], weight: 1 }, ...edges.map((tuple) => toChange(tuple, 1))]);
  for (let i = 0; i < 300; i++) {
    const changes = Array.from({ length: 1 + random(3) }, () => {
      const at = random(edges.length);
      if (random(2) === 0) return toChange(edges[at] as Tuple, -1);
      edges[at] = newEdge();
      return toChange(edges[at] as Tuple, 1);
    });
    if (random(3) === 0) engine.whatIf(changes);
    else engine.transact(changes);
    if (i % 50 !== 49) continue;
    const fresh = new Engine(ROADS);
    fresh.transact([
      ...engine.rows("s").map((tuple) => ({ relation: "s", tuple, weight: 1 }) as const),
      ...engine.rows("e").map((tuple) => toChange(tuple, 1)),
    ]);
    expect(sorted(engine.rows("d"))).toEqual(sorted(fresh.rows("d")));
  }
});

test("a link that all paths use goes, comes back, and goes in a fork", () => {
  const n = 4000;
  const engine = new Engine(ROADS);
  const edge = (x: number, y: number, w: number, weight: 1 | -1): Change => ({ relation: "e", tuple: [x, y, w], weight });
  const chain = Array.from({ length: n }, (_, x) => edge(x, x + 1, 1, 1));
  engine.transact([{ relation: "s", tuple: [0], weight: 1 }, ...chain, edge(0, 2, 9, 1)]);
  expect(engine.match("d", [n])).toEqual([[n, n]]);
  const gone = engine.whatIf([edge(1, 2, 1, -1)]);
  expect(gone.delta.get("d")?.deleted).toHaveLength(n - 1);
  expect(engine.match("d", [n])).toEqual([[n, n]]);
  engine.transact([edge(1, 2, 1, -1)]);
  expect(engine.match("d", [n])).toEqual([[n, n + 7]]);
  engine.transact([edge(1, 2, 1, 1)]);
  expect(engine.match("d", [n])).toEqual([[n, n]]);
  const delta = engine.transact([edge(0, 1, 1, -1), edge(0, 2, 9, -1)]);
  expect(engine.rows("d")).toEqual([[0, 0]]);
  expect(delta.get("d")?.deleted).toHaveLength(n);
});
