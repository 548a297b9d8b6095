/** Every aggregate under random changes, in small groups and in large ones, against plain functions over the rows. */
import { type Change, compareValues, compile, Engine, formatValue, scalar, textOf, type Tuple, type Value } from "@tenet/datalog";
import fc from "fast-check";
import { expect, test } from "vitest";

const PROGRAM = compile([
  {
    name: "aggregates.dl",
    text: `input r(g, k, v)
input g(g)
count_ways(x, count()) :- r(x, _, _)
count_values(x, count(v)) :- r(x, _, v)
count_pairs(x, n) :- g(x), n = count { k, v : r(x, k, v) }
sum(x, sum(v)) :- r(x, _, v)
avg(x, avg(v)) :- r(x, _, v)
least(x, min(v)) :- r(x, _, v)
greatest(x, max(v)) :- r(x, _, v)
min_pair(x, p) :- p = min { v, k : r(x, k, v) }
argmin(x, argmin(k, v)) :- r(x, k, v)
argmax(x, argmax(k, v)) :- r(x, k, v)
top(x, top(3, k, v)) :- r(x, k, v)
top_there(x, t) :- g(x), t = top { 40, k, v : r(x, k, v) }
top_given(x, t) :- g(x), r(x, _, _), n = 1 + 1, t = top { n, k, v : r(x, k, v) }
collect(x, collect(v)) :- r(x, _, v)
pairs(x, l) :- l = collect { v, k : r(x, k, v) }
list(x, l) :- g(x), l = list { v : r(x, _, v) }
by_key(x, m) :- m = map { str(k), v : r(x, k, v) }
joined(x, t) :- t = join { v, "," : r(x, _, v) }
all_least(min(v)) :- r(_, _, v)
all_top(top(2, k, v)) :- r(_, k, v)
all_sum(sum(v)) :- r(_, _, v)`,
  },
]);

type Row = readonly [Value, Value, Value];

/** The rows of a derived table, from those of one group; `undefined` if the group has none there. */
const PLAIN: Readonly<Record<string, (rows: readonly Row[]) => Value | undefined>> = {
  count_ways: (rows) => rows.length || undefined,
  count_values: (rows) => distinct(values(rows)).length || undefined,
  count_pairs: (rows) => rows.length,
  sum: (rows) => (rows.length === 0 ? undefined : sumOf(rows)),
  avg: (rows) => {
    const n = values(rows).filter((v) => typeof v === "number").length;
    return n === 0 ? undefined : sumOf(rows) / n;
  },
  least: (rows) => distinct(values(rows))[0],
  greatest: (rows) => distinct(values(rows)).at(-1),
  min_pair: (rows) => pairs(rows)[0],
  argmin: (rows) => pairs(rows)[0]?.[1],
  argmax: (rows) => pairs(rows).at(-1)?.[1],
  top: (rows) => (rows.length === 0 ? undefined : topOf(rows, 3)),
  top_there: (rows) => topOf(rows, 40),
  top_given: (rows) => (rows.length === 0 ? undefined : topOf(rows, 2)),
  collect: (rows) => (rows.length === 0 ? undefined : distinct(values(rows))),
  pairs: (rows) => (rows.length === 0 ? undefined : pairs(rows)),
  list: (rows) => values(rows).sort(compareValues),
  by_key: (rows) =>
    rows.length === 0
      ? undefined
      : Object.fromEntries([...rows].sort((a, b) => compareValues(a[2], b[2])).map(([, k, v]) => [String(k), v])),
  joined: (rows) => (rows.length === 0 ? undefined : distinct(values(rows)).map(textOf).join(",")),
};

function values(rows: readonly Row[]): Value[] {
  return rows.map(([, , v]) => v);
}

function distinct(list: readonly Value[]): Value[] {
  return [...new Map(list.map((v) => [formatValue(v), v])).values()].sort(compareValues);
}

function pairs(rows: readonly Row[]): [Value, Value][] {
  return distinct(rows.map(([, k, v]) => [v, k])) as [Value, Value][];
}

function topOf(rows: readonly Row[], n: number): Value[] {
  return pairs(rows)
    .slice(-n)
    .reverse()
    .map(([, k]) => k);
}

/** Generated fractions are quarters, so that floats add up without rounding. */
function sumOf(rows: readonly Row[]): number {
  return values(rows).reduce<number>((sum, v) => sum + (typeof v === "number" ? v : 0), 0);
}

function shown(rows: readonly Tuple[]): string[] {
  return rows.map(formatValue).sort();
}

class Model {
  readonly engine: Engine;
  rows = new Map<string, Row>();
  groups = new Set<Value>();

  constructor(minValuesToSweep: number) {
    this.engine = new Engine(PROGRAM, { minValuesToSweep, checks: minValuesToSweep < 1000 });
  }

  /** Changes the model's copy of the inputs; returns the former one. */
  apply(changes: readonly Change[]): () => void {
    const [rows, groups] = [this.rows, this.groups];
    this.rows = new Map(rows);
    this.groups = new Set(groups);
    for (const { relation, tuple, weight } of changes) {
      if (relation === "g") this.groups[weight > 0 ? "add" : "delete"](tuple[0] ?? null);
      else if (weight > 0) this.rows.set(formatValue(tuple), tuple as unknown as Row);
      else this.rows.delete(formatValue(tuple));
    }
    return () => {
      this.rows = rows;
      this.groups = groups;
    };
  }

  expectState(rowsOf: (relation: string) => Tuple[] = (relation) => this.engine.rows(relation)): void {
    const byGroup = new Map<Value, Row[]>([...this.groups].map((g) => [g, []]));
    for (const row of this.rows.values()) {
      const rows = byGroup.get(row[0]);
      if (rows === undefined) byGroup.set(row[0], [row]);
      else rows.push(row);
    }
    for (const [name, plain] of Object.entries(PLAIN)) {
      const needsGroup = name === "count_pairs" || name === "top_there" || name === "top_given" || name === "list";
      const expected = [...byGroup].flatMap(([g, rows]) => {
        const value = needsGroup && !this.groups.has(g) ? undefined : plain(rows);
        return value === undefined ? [] : [[g, value]];
      });
      expect(shown(rowsOf(name)), name).toEqual(shown(expected));
    }
    const all = [...this.rows.values()];
    expect(rowsOf("all_least")).toEqual(all.length === 0 ? [] : [[distinct(values(all))[0]]]);
    expect(rowsOf("all_top")).toEqual([[topOf(all, 2)]]);
    expect(rowsOf("all_sum")).toEqual([[sumOf(all)]]);
  }

  step(changes: readonly Change[], kind: number): void {
    const back = this.apply(changes);
    if (kind <= 1) {
      const transaction = this.engine.begin();
      for (const part of kind === 0 ? [changes] : changes.map((change) => [change])) {
        transaction.apply(part);
        transaction.evaluate();
      }
      this.expectState((relation) => transaction.rows(relation));
      transaction.rollback();
      back();
    } else this.engine.transact(changes);
    this.expectState();
  }
}

const value: fc.Arbitrary<Value> = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -6, max: 6 }) },
  { weight: 2, arbitrary: fc.integer({ min: -9, max: 9 }).map((n) => n / 4) },
  { weight: 1, arbitrary: fc.constantFrom<Value>(null, true, "a", "b", [1, 2], [1], scalar("ip", "10.0.0.1") ?? null, { a: 1 }) },
);
const change: fc.Arbitrary<Change> = fc
  .tuple(
    fc.constantFrom("r", "r", "r", "r", "g"),
    fc.integer({ min: 0, max: 2 }),
    fc.integer({ min: 0, max: 3 }),
    value,
    fc.boolean(),
  )
  .map(([relation, g, k, v, isIn]) => ({ relation, tuple: relation === "g" ? [g] : [g, k, v], weight: isIn ? 1 : -1 }));

test("small groups hold what plain functions over their rows give, after commits and rollbacks", { timeout: 120_000 }, () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.array(change, { maxLength: 8 }), fc.integer({ min: 0, max: 3 })), { maxLength: 12 }),
      (steps) => {
        const model = new Model(64);
        for (const [changes, kind] of steps) model.step(changes, kind);
      },
    ),
    { numRuns: 40 },
  );
});

/** A generator of its own, so that a failure repeats. */
function randomOf(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

test.each([1, 2])("large groups do so while their extremes come and go (seed %i)", { timeout: 120_000 }, (seed) => {
  const random = randomOf(seed);
  const model = new Model(20_000);
  const newRow = (): Row => [random(2), random(50), random(4) === 0 ? `t${random(400)}` : random(4000) / 4];
  const load = Array.from({ length: 2400 }, newRow);
  model.step(
    [0, 1].map((g): Change => ({ relation: "g", tuple: [g], weight: 1 })),
    2,
  );
  model.step(
    load.map((tuple): Change => ({ relation: "r", tuple, weight: 1 })),
    2,
  );
  for (let i = 0; i < 30; i++) {
    const sorted = [...model.rows.values()].sort((a, b) => compareValues([...a].reverse(), [...b].reverse()));
    const changes = Array.from({ length: 1 + random(4) }, (): Change => {
      const kind = random(4);
      if (kind === 0 || sorted.length === 0) return { relation: "r", tuple: newRow(), weight: 1 };
      const at = kind === 1 ? random(4) : kind === 2 ? sorted.length - 1 - random(4) : random(sorted.length);
      return { relation: "r", tuple: sorted[Math.max(0, at)] as Row, weight: -1 };
    });
    model.step(changes, random(4));
  }
  // Down to a few rows, to none, and up again.
  const rows = [...model.rows.values()];
  const gone = (from: number, to: number): Change[] =>
    rows.slice(from, to).map((tuple) => ({ relation: "r", tuple, weight: -1 }));
  for (let i = 0; i < 4; i++) model.step(gone(i * 500, (i + 1) * 500), 2);
  model.step(gone(2000, rows.length), 0);
  model.step(gone(2000, rows.length), 2);
  model.step(
    load.slice(0, 100).map((tuple): Change => ({ relation: "r", tuple, weight: 1 })),
    2,
  );
});

test("many groups come and go", () => {
  const engine = new Engine(
    compile([{ name: "a.dl", text: "input r(g, v)\nlo(g, min(v)) :- r(g, v)\ns(g, sum(v)) :- r(g, v)" }]),
  );
  const changes = (from: number, to: number, weight: 1 | -1): Change[] =>
    Array.from({ length: (to - from) * 2 }, (_, i) => ({ relation: "r", tuple: [`g${from + (i >> 1)}`, i & 1], weight }));
  engine.transact(changes(0, 10_000, 1));
  engine.transact(changes(100, 10_000, -1));
  expect([engine.size("lo"), engine.size("s")]).toEqual([100, 100]);
  engine.transact([...changes(0, 1, -1), { relation: "r", tuple: ["g99", 7], weight: 1 }, ...changes(20_000, 20_003, 1)]);
  expect([engine.size("lo"), engine.size("s")]).toEqual([102, 102]);
  expect(engine.match("s", ["g99"])).toEqual([["g99", 8]]);
  expect(engine.match("lo", ["g50"])).toEqual([["g50", 0]]);
  expect(engine.match("s", ["g20002"])).toEqual([["g20002", 1]]);
});

test("a large group keeps its order when the table gives its rows other numbers", () => {
  const engine = new Engine(
    compile([{ name: "a.dl", text: "input r(v)\nlo(min(v)) :- r(v)\nhi(max(v)) :- r(v)\nt(top(2, v, v)) :- r(v)" }]),
  );
  const rows = (from: number, to: number, weight: 1 | -1): Change[] =>
    Array.from({ length: to - from }, (_, i) => ({ relation: "r", tuple: [from + i], weight }));
  const state = () => ["lo", "hi", "t"].map((name) => engine.rows(name)[0]?.[0]);
  engine.transact(rows(0, 8000, 1));
  engine.transact([...rows(0, 1, -1), ...rows(7999, 8000, -1)]);
  expect(state()).toEqual([1, 7998, [7998, 7997]]);
  engine.transact(rows(500, 7500, -1));
  engine.transact([...rows(1, 3, -1), ...rows(7990, 7999, -1)]);
  expect(state()).toEqual([3, 7989, [7989, 7988]]);
  engine.whatIf([...rows(3, 400, -1), ...rows(9000, 9001, 1)]);
  expect(state()).toEqual([3, 7989, [7989, 7988]]);
  engine.transact([...rows(3, 400, -1), ...rows(7600, 7990, -1)]);
  expect(state()).toEqual([400, 7599, [7599, 7598]]);
});

test("a new program keeps groups whose aggregate is the same, and makes others anew", () => {
  const program = (k: number, more: string) =>
    compile([{ name: "a.dl", text: `input r(k, v)\nt(top(${k}, k, v)) :- r(k, v)\ns(sum(v)) :- r(_, v)\n${more}` }]);
  const engine = new Engine(program(2, ""), { checks: true });
  const row = (v: number, weight: 1 | -1): Change => ({ relation: "r", tuple: [-v, v], weight });
  engine.transact(Array.from({ length: 50 }, (_, v) => row(v, 1)));
  engine.transact([row(49, -1)]);
  expect(engine.rows("t")).toEqual([[[-48, -47]]]);
  engine.replaceProgram(program(3, "p(x) :- x = min { v, k : r(k, v) }"));
  expect([engine.rows("t"), engine.rows("s"), engine.rows("p")]).toEqual([[[[-48, -47, -46]]], [[1176]], [[[0, 0]]]]);
  engine.transact([row(48, -1), row(0, -1)]);
  engine.replaceProgram(program(3, "p(x) :- x = max { v, k : r(k, v) }"));
  engine.transact([row(1, -1)]);
  expect([engine.rows("t"), engine.rows("s"), engine.rows("p")]).toEqual([[[[-47, -46, -45]]], [[1127]], [[[47, -47]]]]);
});

const numbers: fc.Arbitrary<number | bigint> = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.double({ noNaN: true, min: -2, max: 2 }),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.integer(),
);

test("a sum of any numbers is that of the numbers that are there, whatever came and went", () => {
  const program = compile([{ name: "s.dl", text: "input q(i, v)\ns(x) :- x = sum { v : q(_, v) }" }]);
  const total = (engine: Engine): Value | undefined => engine.rows("s")[0]?.[0];
  fc.assert(
    fc.property(fc.array(numbers, { maxLength: 12 }), fc.array(numbers, { maxLength: 12 }), (stay, go) => {
      const toChange = (v: Value, i: number): Change => ({ relation: "q", tuple: [i, v], weight: 1 });
      const [kept, gone] = [stay.map(toChange), go.map((v, i) => toChange(v, 100 + i))];
      const engine = new Engine(program);
      for (const [i, each] of gone.entries()) engine.transact([each, ...kept.slice(i, i + 1)]);
      engine.transact(kept);
      engine.whatIf(gone.map((each) => ({ ...each, weight: -1 }))).rows("s");
      for (const each of [...gone].reverse()) engine.transact([{ ...each, weight: -1 }]);
      const fresh = new Engine(program);
      fresh.transact([...kept].reverse());
      expect(total(engine)).toEqual(total(fresh));
      expect(total(engine)).toEqual(exactSum(stay));
    }),
    { numRuns: 300 },
  );
});

/** Over multiples of 2^-1074, which all numbers are; digits are cut to what decides the rounding. */
function exactSum(list: readonly (number | bigint)[]): Value {
  const unit = 1074n;
  let sum = 0n;
  for (const v of list) {
    if (typeof v === "bigint") sum += v << unit;
    else {
      const bits = new BigUint64Array(Float64Array.of(v).buffer)[0] ?? 0n;
      const exponent = (bits >> 52n) & 0x7ffn;
      const mantissa = bits & ((1n << 52n) - 1n);
      const size = exponent === 0n ? mantissa : (mantissa | (1n << 52n)) << (exponent - 1n);
      sum += bits >> 63n === 1n ? -size : size;
    }
  }
  const whole = sum >> unit;
  if (whole << unit === sum && whole >= -(2n ** 63n) && whole < 2n ** 63n) {
    return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
  }
  const float = nearestFloat(sum < 0n ? -sum : sum, unit) * (sum < 0n ? -1 : 1);
  if (!Number.isFinite(float)) return float < 0 ? -Number.MAX_VALUE : Number.MAX_VALUE;
  return Number.isInteger(float) && !Number.isSafeInteger(float) && float >= -(2 ** 63) && float < 2 ** 63
    ? BigInt(float)
    : float;
}

/** units / 2^shift, to the nearest float, ties to even: the bits are put together by hand. */
function nearestFloat(units: bigint, shift: bigint): number {
  const length = BigInt(units.toString(2).length);
  const cut = length > 53n ? length - 53n : 0n;
  let mantissa = units >> cut;
  const rest = units - (mantissa << cut);
  const half = cut === 0n ? 0n : 1n << (cut - 1n);
  if (cut > 0n && (rest > half || (rest === half && (mantissa & 1n) === 1n))) mantissa += 1n;
  // 2^(cut - shift), where the mantissa has 53 bits unless cut is 0: never rounded again.
  let float = Number(mantissa);
  for (let e = Number(cut - shift); e !== 0; ) {
    const step = Math.max(-500, Math.min(500, e));
    float *= 2 ** step;
    e -= step;
  }
  return float;
}

test.each<[string, Value[], Value]>([
  ["whole numbers beyond 2^53", [2 ** 53 - 1, 1, 1], 2n ** 53n + 1n],
  ["and back", [2n ** 60n, 5, -(2n ** 60n)], 5],
  ["beyond 64 bits", [2n ** 63n - 1n, 2n ** 63n - 1n], 2 ** 64],
  ["small beside large", [1e300, 1, -1e300], 1],
  ["fractions", Array.from({ length: 10 }, () => 0.1), 1],
  ["the least float", [5e-324, 5e-324], 1e-323],
  ["too large on the way", [1.7e308, 1.7e308, -1.7e308], 1.7e308],
  ["more than the largest float", [-1.7e308, -1.7e308], -Number.MAX_VALUE],
  ["nothing that is a number", ["a", null], 0],
])("a sum of %s", (_, list, expected) => {
  const engine = new Engine(compile([{ name: "s.dl", text: "input q(i, v)\ns(sum(v)) :- q(_, v)" }]));
  engine.transact(list.map((v, i): Change => ({ relation: "q", tuple: [i, v], weight: 1 })));
  expect(engine.rows("s")).toEqual([[expected]]);
});

test("an error takes an evaluation back in groups with and without an order of their own", () => {
  const text = `input r(v)\ninput bad(s)\nlo(min(v)) :- r(v)\nt(top(2, v, v)) :- r(v)\nl(collect(v)) :- r(v)\ns(sum(v)) :- r(v)
many(x) :- lo(v), bad(n), x in range(v, n)`;
  const engine = new Engine(compile([{ name: "e.dl", text }]), { maxTuples: 500 });
  const rows = Array.from({ length: 100 }, (_, i): Change => ({ relation: "r", tuple: [i], weight: 1 }));
  engine.transact(rows);
  engine.transact([{ relation: "r", tuple: [0], weight: -1 }]);
  const state = () => ["lo", "t", "l", "s", "many"].map((name) => engine.rows(name));
  const before = state();
  for (let i = 0; i < 3; i++) {
    const changes: Change[] = [1, 2, 99].map((v) => ({ relation: "r", tuple: [v], weight: -1 }));
    expect(() => engine.transact([...changes, { relation: "bad", tuple: [9000], weight: 1 }])).toThrow("range");
    expect(state()).toEqual(before);
  }
  engine.transact([1, 98, 99].map((v): Change => ({ relation: "r", tuple: [v], weight: -1 })));
  expect([engine.rows("lo"), engine.rows("t"), engine.rows("s")]).toEqual([[[2]], [[[97, 96]]], [[4752]]]);
});
