/** What stops a transaction that goes wrong: limits and functions that fail; each names the rule, and nothing of it stays. */
import {
  type Change,
  compile,
  DivergenceError,
  Engine,
  type EngineOptions,
  FunctionError,
  type FunctionDef,
} from "@tenet/datalog";
import { describe, expect, test, vi } from "vitest";

const insert = (relation: string, ...tuple: (string | number)[]): Change => ({ relation, tuple, weight: 1 });

const FUNCTIONS: FunctionDef[] = [
  { name: "picky", nArgs: 2, call: (x, y) => (x === "bad" ? fail("no such thing") : [x, y]) },
  { name: "wrong", nArgs: 1, call: (x) => (x === "bad" ? (new Date(0) as never) : x) },
  { name: "list_of", nArgs: 1, call: (x) => [x === "bad" ? Number.NaN : x] },
  { name: "parts", nArgs: 1, isSet: true, call: partsOf },
  { name: "naturals", nArgs: 1, isSet: true, call: naturals },
];

function fail(message: string): never {
  throw new Error(message);
}

function* partsOf(x: unknown): Generator<string> {
  yield "first";
  if (x === "bad") fail("no second part");
}

function* naturals(): Generator<number> {
  for (let n = 0; ; n++) yield n;
}

const BASE = `input go(x: string)
input wide(x: int)
near(x) :- go(x)
n(count()) :- near(_)
`;

interface Case {
  readonly what: string;
  /** Goes wrong once there is a row go("bad"). */
  readonly rule: string;
  readonly limits?: EngineOptions;
  readonly error: typeof DivergenceError | typeof FunctionError;
  readonly message: string;
}

const CASES: readonly Case[] = [
  {
    what: "a recursion without end, by rows",
    rule: 'p(x, 0) :- near(x), x == "bad"\np(x, k + 1) :- p(x, k)',
    limits: { maxTuples: 500 },
    error: DivergenceError,
    message: 'p.dl:6: rule for "p" derives more than 500 rows in one transaction: p(x, k + 1) :- p(x, k)',
  },
  {
    what: "a recursion without end, by time",
    rule: 'p(x, 0) :- near(x), x == "bad"\np(x, k + 1) :- p(x, k)',
    limits: { maxTuples: 1e9, maxMs: 50 },
    error: DivergenceError,
    message: 'p.dl:6: rule for "p" is not done after 50 ms in one transaction: p(x, k + 1) :- p(x, k)',
  },
  {
    what: "texts that grow",
    rule: 'p(x) :- near(x), x == "bad"\np(x + x) :- p(x)',
    limits: { maxValueUnits: 10_000 },
    error: DivergenceError,
    message: 'p.dl:6: rule for "p" derives more than 10000 characters of new values in one transaction: p(x + x) :- p(x)',
  },
  {
    what: "a join that derives little from much",
    rule: 'p(x) :- near(x), x == "bad", wide(a), wide(b), wide(c), wide(d), a + b + c + d < 0',
    limits: { maxMs: 50 },
    error: DivergenceError,
    message: 'p.dl:5: rule for "p" is not done after 50 ms in one transaction',
  },
  {
    what: "a join with many derivations of one row",
    rule: 'p(x) :- near(x), x == "bad", wide(_a), wide(_b), wide(_c), wide(_d)',
    limits: { maxMs: 50 },
    error: DivergenceError,
    message: 'p.dl:5: rule for "p" is not done after 50 ms in one transaction',
  },
  {
    what: "a set without end",
    rule: 'p(k) :- near(x), x == "bad", k in naturals(x)',
    limits: { maxTuples: 500 },
    error: DivergenceError,
    message: 'p.dl:5: rule for "p" derives more than 500 rows in one transaction',
  },
  {
    what: "a function that throws",
    rule: "p(y) :- near(x), y = picky(x, 7)",
    error: FunctionError,
    message: 'p.dl:5: function picky("bad", 7) failed: no such thing',
  },
  {
    what: "a function that gives what is no value",
    rule: "p(y) :- near(x), y = wrong(x)",
    error: FunctionError,
    message: 'p.dl:5: function wrong("bad") failed: Cannot store [object Date] in a row',
  },
  {
    what: "a function that hides what is no value in a list",
    rule: "p(y) :- near(x), y = list_of(x)",
    error: FunctionError,
    message: 'p.dl:5: function list_of("bad") failed: Cannot store NaN in a row',
  },
  {
    what: "a set function that throws half-way",
    rule: "p(x, y) :- near(x), y in parts(x)",
    error: FunctionError,
    message: 'p.dl:5: function parts("bad") failed: no second part',
  },
  {
    what: "a function inside an aggregate",
    rule: "p(m) :- m = max { y : near(x), y = picky(x, 1) }",
    error: FunctionError,
    message: 'p.dl:5: function picky("bad", 1) failed: no such thing',
  },
  {
    what: "a function inside a recursion",
    rule: "p(x) :- near(x)\np(y) :- p(x), [y, _] = picky(x, 1)",
    error: FunctionError,
    message: 'p.dl:6: function picky("bad", 1) failed: no such thing',
  },
];

const good = [insert("go", "good"), ...Array.from({ length: 300 }, (_, i) => insert("wide", i))];

function stateOf(engine: Engine): unknown {
  return engine.relations().map(({ name }) => [name, engine.rows(name)]);
}

describe.each(CASES)("$what", ({ rule, limits = {}, error, message }) => {
  const program = compile([{ name: "p.dl", text: BASE + rule }], { functions: FUNCTIONS });
  // Checking a join of 300 to the fourth would take hours: the clock is not its own.
  const options = { ...limits, checks: !rule.includes("wide") };

  test("is named, and the transaction rolled back", () => {
    const engine = new Engine(program, options);
    engine.transact(good);
    engine.prepare();
    const before = stateOf(engine);
    const run = () => engine.transact([insert("go", "other"), insert("go", "bad")]);
    expect(run).toThrow(error);
    expect(run).toThrow(message);
    expect(() => engine.whatIf([insert("go", "bad")])).toThrow(message);
    expect(stateOf(engine)).toEqual(before);
    expect(engine.transact([insert("go", "fine")]).get("n")).toEqual({ inserted: [[2]], deleted: [[1]] });
  });

  test("keeps a program from taking over, and the old one goes on", () => {
    const engine = new Engine(compile([{ name: "old.dl", text: BASE }]), options);
    engine.transact([...good, insert("go", "bad")]);
    const before = stateOf(engine);
    expect(() => engine.replaceProgram(program)).toThrow(message);
    expect(stateOf(engine)).toEqual(before);
    expect(engine.transact([insert("go", "fine")]).get("n")).toEqual({ inserted: [[3]], deleted: [[2]] });
  });

  test("leaves an open transaction as if it had not begun", () => {
    const engine = new Engine(program, options);
    engine.transact(good);
    const before = stateOf(engine);
    const transaction = engine.begin();
    transaction.insert("go", ["other"]);
    transaction.evaluate();
    transaction.insert("go", ["bad"]);
    expect(() => transaction.evaluate()).toThrow(message);
    expect(transaction.isOpen).toBe(false);
    expect(stateOf(engine)).toEqual(before);
  });
});

test("time runs while rules do, not while a transaction is open or a proof is sought", () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  try {
    const engine = new Engine(compile([{ name: "p.dl", text: BASE }]), { maxMs: 1000, checks: true });
    const transaction = engine.begin();
    transaction.insert("go", ["a"]);
    transaction.evaluate();
    vi.advanceTimersByTime(5000);
    transaction.insert("go", ["b"]);
    expect(transaction.commit().get("n")?.inserted).toEqual([[2]]);
    vi.advanceTimersByTime(5000);
    expect(engine.explain("n", [2])).toBeDefined();
  } finally {
    vi.useRealTimers();
  }
});
