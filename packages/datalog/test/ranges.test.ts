/** Interval joins: what a sorted index finds is what nested loops find, and it is found without looking at the rest. */
import { type Change, compile, Engine, scalar, type Tuple, type Value } from "@tenet/datalog";
import fc from "fast-check";
import { expect, inject, test } from "vitest";

/** Values of several kinds; within a kind in ascending order. */
const KINDS: readonly (readonly Value[])[] = [
  [null],
  [false, true],
  [-(2n ** 62n), -(2 ** 40), -3, -0.5, 0, 1, 1.5, 2, 3, 4, 5, 6, 7.25, 8, 2 ** 31, 2n ** 60n],
  ["", "a", "ab", "b", "zz"],
  [[], [1], [1, 2], [2]],
  ["0.0.0.1", "9.255.255.255", "10.0.0.0", "10.0.0.1", "255.0.0.0", "::1", "2001:db8::", "2001:db8::1"].map((text) =>
    typed("ip", text),
  ),
  ["2024-01-01", "2024-01-02T03:04:05Z", "2025-01-01"].map((text) => typed("time", text)),
];
const OPS = ["<", "<=", ">", ">=", "=="] as const;
type Op = (typeof OPS)[number];

function typed(type: "ip" | "time", text: string): Value {
  const value = scalar(type, text);
  if (value === undefined) throw new Error(`${text} is no ${type}`);
  return value;
}

const RANKS = new Map(KINDS.flatMap((values, kind) => values.map((value, rank) => [shown([value]), { kind, rank }] as const)));

/** Comparisons hold between values of one kind only. */
function holds(a: Value, op: Op, b: Value): boolean {
  const [x, y] = [RANKS.get(shown([a])), RANKS.get(shown([b]))];
  if (x === undefined || y === undefined) throw new Error("a value from elsewhere");
  if (x.kind !== y.kind) return false;
  const order = x.rank - y.rank;
  return { "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0, "==": order === 0 }[op];
}

/** Columns by variable: s(k, l, h), p(m, x). */
const PLACES = { k: ["s", 0], l: ["s", 1], h: ["s", 2], m: ["p", 0], x: ["p", 1] } as const;
type Variable = keyof typeof PLACES;
type Operand = { readonly v: Variable } | { readonly i: number };
interface Test {
  readonly left: Operand;
  readonly op: Op;
  readonly right: Operand;
}
interface Body {
  readonly tests: readonly Test[];
  readonly isKeyed: boolean;
}

const constants: readonly Value[] = [0, 3, "ab", null];
const numbers = fc.constantFrom(...(KINDS[2] as Value[]));
const value = fc.oneof({ arbitrary: numbers, weight: 4 }, fc.constantFrom(...KINDS.flat()));
const variable = fc.constantFrom<Variable>("l", "h", "x", "x", "m");
const operand: fc.Arbitrary<Operand> = fc.oneof(
  { arbitrary: fc.record({ v: variable }), weight: 9 },
  fc.record({ i: fc.nat(constants.length - 1) }),
);
const between: readonly Test[] = [
  { left: { v: "l" }, op: "<=", right: { v: "x" } },
  { left: { v: "h" }, op: ">", right: { v: "x" } },
];
const body: fc.Arbitrary<Body> = fc.record({
  tests: fc.oneof(
    fc.constant(between),
    fc.array(fc.record({ left: operand, op: fc.constantFrom(...OPS), right: operand }), { minLength: 1, maxLength: 3 }),
  ),
  isKeyed: fc.boolean(),
});
const key = fc.nat(3);
const row = fc.oneof(
  fc.tuple(fc.constant("s"), fc.tuple(key, value, value)),
  fc.tuple(fc.constant("p"), fc.tuple(key, value)),
) as fc.Arbitrary<[string, Value[]]>;

/** Enough rows that indexes are worth it. */
function manyRows(seed: number): Change[] {
  let state = seed;
  const random = (n: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const any = (): Value => {
    const values = random(5) > 0 ? KINDS[2] : KINDS[random(KINDS.length)];
    return values?.[random(values.length)] as Value;
  };
  return Array.from(
    { length: 240 },
    (_, i): Change =>
      i % 2 === 0
        ? { relation: "s", tuple: [random(4), any(), any()], weight: 1 }
        : { relation: "p", tuple: [random(4), any()], weight: 1 },
  );
}

const changes = (max: number): fc.Arbitrary<[[string, Value[]], boolean][]> =>
  fc.array(fc.tuple(row, fc.boolean()), { maxLength: max });

function print({ tests, isKeyed }: Body, head: string): string {
  const show = (side: Operand): string => ("v" in side ? side.v : JSON.stringify(constants[side.i]));
  const literals = tests.map(({ left, op, right }) => `${show(left)} ${op} ${show(right)}`);
  return `${head} :- s(k, l, h), p(m, x)${isKeyed ? ", k == m, p(k, x)" : ""}${literals.map((text) => `, ${text}`).join("")}`;
}

type Tables = Readonly<Record<"s" | "p", readonly Tuple[]>>;

/** What the body gives, by nested loops. */
function solve({ tests, isKeyed }: Body, { s, p }: Tables): Value[][] {
  const found: Value[][] = [];
  for (const left of s) {
    for (const right of p) {
      const valueOf = (side: Operand): Value => {
        if (!("v" in side)) return constants[side.i] as Value;
        const [table, column] = PLACES[side.v];
        return (table === "s" ? left : right)[column] as Value;
      };
      const isIn = tests.every((each) => holds(valueOf(each.left), each.op, valueOf(each.right)));
      if (isIn && (!isKeyed || left[0] === right[0])) found.push([...left, ...right]);
    }
  }
  return found;
}

function expectState(engine: Engine, { first, second }: { first: Body; second: Body }, rows: Tables, text: string): void {
  const pairs = solve(first, rows);
  expect(sorted(engine.rows("pair")), text).toEqual(sorted(pairs));
  const matched = new Set(solve(second, rows).map((tuple) => shown(tuple.slice(3))));
  expect(sorted(engine.rows("free")), text).toEqual(sorted(rows.p.filter((tuple) => !matched.has(shown(tuple)))));
  const counts = new Map<string, number>();
  for (const tuple of pairs) counts.set(shown(tuple.slice(3)), (counts.get(shown(tuple.slice(3))) ?? 0) + 1);
  const counted = engine.rows("n").map((tuple) => [shown(tuple.slice(0, 2)), tuple[2]]);
  expect(new Map(counted as [string, number][]), text).toEqual(counts);
}

function shown(tuple: Tuple): string {
  return tuple.map((each) => `${typeof each}:${String(each)}`).join(" ");
}

function sorted(rows: readonly Tuple[]): string[] {
  return rows.map(shown).sort();
}

test("comparisons over tables of mixed values give what nested loops give, through changes, forks and rollbacks", {
  timeout: 300_000 * inject("effort"),
}, () => {
  const steps = fc.array(fc.tuple(fc.nat(3), changes(30)), { minLength: 3, maxLength: 6 });
  fc.assert(
    fc.property(body, body, fc.nat(), steps, (first, second, seed, transactions) => {
      const rules = [print(first, "pair(k, l, h, m, x)"), print(first, "n(m, x, count())")];
      const group = print(second, "").slice(" :- ".length);
      const text = [`input s(k, l, h)`, `input p(m, x)`, ...rules, `free(m, x) :- p(m, x), not (${group})`].join("\n");
      const engine = new Engine(compile([{ name: "ranges.dl", text }]), { minValuesToSweep: 4 });
      const tables = (): Tables => ({ s: engine.rows("s"), p: engine.rows("p") });
      const bodies = { first, second };
      engine.transact(manyRows(seed));
      expectState(engine, bodies, tables(), text);
      for (const [kind, changed] of transactions) {
        const all = changed.map(([[relation, tuple], isIn]): Change => ({ relation, tuple, weight: isIn ? 1 : -1 }));
        const before = [...sorted(engine.rows("pair")), ...sorted(engine.rows("free"))];
        if (kind < 2) engine.transact(all);
        else if (kind === 2) engine.fork(all).delta();
        else {
          const transaction = engine.begin();
          for (const change of all) {
            transaction.apply([change]);
            transaction.evaluate();
          }
          transaction.rollback();
        }
        expectState(engine, bodies, tables(), text);
        if (kind >= 2) expect([...sorted(engine.rows("pair")), ...sorted(engine.rows("free"))]).toEqual(before);
      }
      engine.transact(engine.rows("s").map((tuple): Change => ({ relation: "s", tuple, weight: -1 })));
      expectState(engine, bodies, tables(), text);
    }),
    { numRuns: 15 * inject("effort") },
  );
});

/** A filter that lets all pass and counts what it is shown; what it saw before it does not see again. */
function counter(): { fn: { name: string; nArgs: number; call: (a: Value, b: Value) => boolean }; taken: () => number } {
  let n = 0;
  const fn = { name: "seen", nArgs: 2, call: (a: Value, b: Value): boolean => ++n > 0 && a !== undefined && b !== undefined };
  return {
    fn,
    taken: () => {
      const taken = n;
      n = 0;
      return taken;
    },
  };
}

const N = 20_000;

test.each([
  ["lo <= p, p <= hi", 0],
  ["p in lo..hi", 0],
  ["hi >= p, !(p < lo) == true, p >= lo", 0],
  ["p + 0 >= lo, lo <= p && p <= hi", 0],
  ["gteq(p, lo), lteq(p, hi)", 0],
  ["lo < p, p < hi", 2],
])("of 20,000 intervals and points only those that meet are looked at: %s", { timeout: 60_000 }, (tests, nEnds) => {
  const seen = counter();
  const text = `input rule(lo: int, hi: int, act: int)
input packet(p: int)
hit(p, act) :- rule(lo, hi, act), packet(p), seen(lo, p), ${tests}`;
  const engine = new Engine(compile([{ name: "ranges.dl", text }], { functions: [seen.fn] }));
  // Interval i holds the points 10i + 2 to 10i + 8 and two more at its ends; every hundredth is a thousand times as long.
  const endOf = (i: number): number => 10 * i + (i % 100 === 0 ? 8000 : 8);
  const load: Change[] = [];
  for (let i = 0; i < N; i++) {
    load.push({ relation: "rule", tuple: [10 * i, endOf(i), i], weight: 1 });
    load.push({ relation: "packet", tuple: [10 * i + 5], weight: 1 });
  }
  engine.transact(load);
  const nFound = engine.size("hit");
  expect(nFound).toBeGreaterThan(N);
  expect(seen.taken()).toBe(nFound);
  const point = engine.transact([{ relation: "packet", tuple: [77_700], weight: 1 }]).get("hit")?.inserted ?? [];
  expect(seen.taken() - point.length).toBe(nEnds / 2);
  expect(point.map(([, act]) => act).sort()).toEqual(
    [...Array(8).keys()]
      .map((k) => 7000 + 100 * k)
      .concat(nEnds === 0 ? 7770 : [])
      .sort(),
  );
  const interval = engine.transact([{ relation: "rule", tuple: [50_005, 50_045, -1], weight: 1 }]).get("hit");
  expect(interval?.inserted).toHaveLength(5 - nEnds);
  expect(seen.taken()).toBe(5);
  const gone = engine.transact([{ relation: "rule", tuple: [0, 8000, 0], weight: -1 }]).get("hit");
  expect(gone?.deleted).toHaveLength(800);
  expect(seen.taken()).toBeLessThanOrEqual(800);
});
