/** Rules change while an engine runs: the state, each delta and what comes after are those of an engine that began with the new rules. */
import {
  compile,
  type Delta,
  DivergenceError,
  Engine,
  FunctionError,
  type FunctionDef,
  KeyError,
  type Program,
  ProgramError,
  type Proof,
  RelationError,
  type Tuple,
} from "@tenet/datalog";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { Generator, INPUTS } from "./generate.ts";
import { print, type Rule, writtenAs } from "./naive.ts";

const N_PROGRAMS = 100 * inject("effort");
const DECLARATIONS = "input a(x, y)  input b(x)  input c(x, y)";
const REFUSED = /inside a cycle|is an? \w+ in column|is compared with|not monotone|takes part in a recursion|unknown table/;
const FUNCTIONS: readonly FunctionDef[] = [
  {
    name: "fails",
    nArgs: 1,
    call: () => {
      throw new Error("as it should");
    },
  },
  { name: "up_to", nArgs: 1, isSet: true, call: (n) => Array.from({ length: Number(n) }, (_, i) => i) },
];

/** An engine whose rules change, beside new engines that begin with them. */
class Twin {
  readonly #engine: Engine;
  readonly #heard: Delta[] = [];
  #fresh: Engine;
  #text: string;

  constructor(text: string) {
    this.#text = text;
    this.#engine = new Engine(programOf(text), LIMITS);
    this.#fresh = new Engine(programOf(text), LIMITS);
    this.#engine.onDelta((delta) => this.#heard.push(delta));
  }

  transact(changes: Parameters<Engine["transact"]>[0]): void {
    const before = stateOf(this.#engine);
    const after = this.#fresh.transact(changes);
    expect(readable(this.#engine.transact(changes)), this.#text).toEqual(readable(after));
    expect(stateOf(this.#engine), this.#text).toEqual(stateOf(this.#fresh));
    const undone = changes.map(({ relation, tuple, weight }) => ({ relation, tuple, weight: weight > 0 ? -1 : 1 }) as const);
    expect(readable(this.#engine.whatIf(undone).delta), this.#text).toEqual(readable(this.#fresh.whatIf(undone).delta));
    expect(stateOf(this.#engine), `${this.#text}\nafter ${JSON.stringify([...before])}`).toEqual(stateOf(this.#fresh));
  }

  /** A program that is refused changes nothing and is passed over. */
  change(text: string): void {
    const program = programOrNone(text);
    if (program === undefined) return;
    const before = stateOf(this.#engine);
    const fresh = new Engine(program, LIMITS);
    fresh.transact(
      [...inputsOf(this.#engine)].flatMap(([relation, rows]) => rows.map((tuple) => ({ relation, tuple, weight: 1 }))),
    );
    this.#heard.length = 0;
    const shown = `from\n${this.#text}\nto\n${text}`;
    const delta = this.#engine.replaceProgram(program);
    expect(this.#engine.program).toBe(program);
    expect(stateOf(this.#engine), shown).toEqual(stateOf(fresh));
    const expected = difference(before, stateOf(fresh));
    expect(readable(delta), shown).toEqual(expected);
    expect(this.#heard.map(readable), shown).toEqual(expected.size === 0 ? [] : [expected]);
    this.#fresh = fresh;
    this.#text = text;
    this.#checkProofs();
  }

  /** The text holds a rule that fails on some row or never ends: nothing happens. */
  failToChange(text: string): void {
    const program = programOrNone(text);
    if (program === undefined) return;
    const before = stateOf(this.#engine);
    const { program: old, version } = this.#engine;
    this.#heard.length = 0;
    try {
      this.#engine.replaceProgram(program);
    } catch (error) {
      if (!(error instanceof FunctionError) && !(error instanceof DivergenceError)) throw error;
      expect(this.#engine.program).toBe(old);
      expect(this.#engine.version).toBe(version);
      expect(this.#heard).toEqual([]);
      expect(stateOf(this.#engine), `${this.#text}\nnot to\n${text}`).toEqual(before);
      this.#checkProofs();
      return;
    }
    this.#engine.replaceProgram(old);
    expect(stateOf(this.#engine), `${this.#text}\nand back from\n${text}`).toEqual(before);
  }

  /** Proofs rest on the rules of the new text, at their lines. */
  #checkProofs(): void {
    const lines = this.#text.split("\n");
    const check = ({ tuple, relation, rule, because, note }: Proof): void => {
      expect(note, `${relation}${JSON.stringify(tuple)}\n${this.#text}`).not.toBe("no derivation found");
      if (rule !== undefined) expect(lines[rule.line - 1], this.#text).toContain(rule.text);
      for (const proof of because) check(proof);
    };
    for (const { name, kind } of this.#engine.relations()) {
      if (kind !== "derived") continue;
      for (const tuple of this.#engine.rows(name).slice(0, 2)) {
        const proof = this.#engine.explain(name, tuple);
        expect(proof).toBeDefined();
        if (proof !== undefined) check(proof);
      }
    }
  }
}

/** A tiny threshold makes the engine forget unused values all the time. */
const LIMITS = { minValuesToSweep: 4, maxTuples: 4000, checks: true };

function programOf(text: string): Program {
  return compile([{ name: "p.dl", text }], { functions: FUNCTIONS });
}

function programOrNone(text: string): Program | undefined {
  try {
    return programOf(text);
  } catch (error) {
    if (error instanceof ProgramError && error.errors.every(({ message }) => REFUSED.test(message))) return undefined;
    throw error;
  }
}

type State = ReadonlyMap<string, readonly string[]>;

function stateOf(engine: Engine): State {
  return new Map(engine.relations().map(({ name }) => [name, sorted(engine.rows(name))]));
}

function inputsOf(engine: Engine): Map<string, readonly Tuple[]> {
  const inputs = engine.relations().filter(({ kind }) => kind === "input");
  return new Map(inputs.map(({ name }) => [name, engine.rows(name)]));
}

function readable(delta: Delta): Map<string, unknown> {
  const entries = [...delta].map(([name, { inserted, deleted }]) => [name, [sorted(inserted), sorted(deleted)]] as const);
  return new Map(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function difference(before: State, after: State): Map<string, unknown> {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  const entries = names.map((name) => {
    const [old, now] = [before.get(name) ?? [], after.get(name) ?? []];
    return [name, [now.filter((row) => !old.includes(row)), old.filter((row) => !now.includes(row))]] as const;
  });
  return new Map(entries.filter(([, [come = [], gone = []]]) => come.length + gone.length > 0));
}

function sorted(rows: readonly unknown[]): string[] {
  return rows.map(writtenAs).sort();
}

test("any change of any rules gives the state and the deltas of an engine that began with them", {
  timeout: N_PROGRAMS * 6_000,
}, () => {
  fc.assert(
    fc.property(fc.gen(), (g) => {
      const generator = new Generator(g);
      const { arity, levels } = generator.program();
      const outputs = [...arity].filter(([name]) => !INPUTS.has(name));
      const declared = outputs.map(([name, n]) => `output ${name}(${["x", "y"].slice(0, n).join(", ")})`).join("  ");
      let rules: Rule[] = levels.flat();
      // Lines before the rules move their origins.
      const write = (of: readonly Rule[], more: readonly string[] = []): string =>
        ["#".repeat(generator.choice(2)).split("").join("\n"), DECLARATIONS, declared, ...of.map(print), ...more].join("\n");
      const first = write(rules);
      fc.pre(programOrNone(first) !== undefined);
      const twin = new Twin(first);
      twin.transact(generator.changes(true));
      for (let i = 0; i < 6; i++) {
        const next = changed(rules, outputs, generator);
        if (generator.choice(4) === 0) {
          const [name, n] = outputs[generator.choice(outputs.length - 1)] ?? ["b", 1];
          const args = ["x", "_"].slice(0, n).join(", ");
          const endless = ["endless(x, 0) :- b(x)", "endless(x, n + 1) :- endless(x, n)"];
          twin.failToChange(write(next, generator.choice(1) === 0 ? [`z(y) :- ${name}(${args}), y = fails(x)`] : endless));
        } else {
          const text = write(next);
          if (programOrNone(text) === undefined) continue;
          twin.change(text);
          rules = next;
        }
        twin.transact(generator.changes());
      }
    }),
    { numRuns: N_PROGRAMS, endOnFailure: true },
  );
});

/** Up to three changes: a rule less, more, in the place of another, somewhere else. */
function changed(rules: readonly Rule[], outputs: readonly (readonly [string, number])[], generator: Generator): Rule[] {
  const next = [...rules];
  for (let i = generator.choice(2); i >= 0; i--) {
    const [name = "p0a"] = outputs[generator.choice(outputs.length - 1)] ?? [];
    const at = generator.choice(Math.max(0, next.length - 1));
    const kind = generator.choice(3);
    if (kind === 0) next.splice(at, 1);
    else if (kind === 1) next.splice(at, 0, generator.ruleFor(name));
    else if (kind === 2) next.splice(at, 1, generator.ruleFor(name));
    else next.push(...next.splice(at, 1));
  }
  return next;
}

/** Each may be there or not: relations that become recursive and cease to be, change hands, keep extremes, vanish. */
const POOL: readonly string[] = [
  "reach(x, y) :- a(x, y)",
  "reach(x, y) :- c(x, y), not b(x)",
  "reach(x, z) :- reach(x, y), a(y, z)",
  "reach(x, z) :- reach(x, y), reach(y, z)",
  "reach(x, y) :- back(y, x)",
  "back(x, y) :- reach(y, x), b(x)",
  "back(x, y) :- c(x, y)",
  "dist(x, x, min(0)) :- b(x)",
  "dist(x, z, min(d + 1)) :- dist(x, y, d), a(y, z)",
  "dist(x, z, min(d + 2)) :- dist(x, y, d), c(y, z), not b(z)",
  "far(x, max(d)) :- dist(x, _, d)",
  "far(x, 9) :- b(x), not dist(x, x, _)",
  "many(x, n) :- a(x, _), n = count { reach(x, _) }",
  "many(x, n) :- b(x), n = count { reach(x, _) }, n > 1",
  "many(x, n) :- n = count { back(x, _) }, b(x)",
  "all(l) :- l = collect { [x, n] : many(x, n) }",
  "lonely(x) :- b(x), not (reach(x, y), y != x)",
  "lonely(x) :- a(_, x), not reach(x, _)",
  "even(x) :- b(x), not a(_, x)",
  "even(y) :- odd(x), a(x, y)",
  "odd(y) :- even(x), a(x, y)",
  "odd(4)",
  "some() :- not odd(4), not lonely(3)",
  "digit(i, x) :- b(x), i in up_to(x)",
  "digit(i, x) :- b(x), i in up_to(3), x > i",
  "sum_of(x, s) :- s = sum { i : digit(i, x) }, b(x)",
  "pair(x, y) :- b(x), b(y), x < y, not digit(x, y)",
];

test("rules of a pool come and go in any combination", { timeout: N_PROGRAMS * 6_000 }, () => {
  fc.assert(
    fc.property(fc.gen(), (g) => {
      const generator = new Generator(g);
      let chosen: readonly string[] = POOL.filter(() => generator.choice(1) === 0);
      const declared =
        "output reach(x, y)  output back(x, y)  output dist(x, y, d)  output far(x, d)  output many(x, n)  output lonely(x)  " +
        "output even(x)  output odd(x)  output digit(i, x)";
      const write = (rules: readonly string[]): string => [DECLARATIONS, declared, ...rules].join("\n");
      fc.pre(programOrNone(write(chosen)) !== undefined);
      const twin = new Twin(write(chosen));
      twin.transact(generator.changes(true));
      for (let i = 0; i < 8; i++) {
        const rate = generator.choice(3) === 0 ? 1 : 9;
        const next = POOL.filter((rule) => chosen.includes(rule) !== (generator.choice(rate) === 0));
        if (generator.choice(4) === 0)
          twin.failToChange(write([...next, "z(y) :- reach(x, _), y = fails(x)", "z(x) :- many(x, _)"]));
        else if (programOrNone(write(next)) !== undefined) {
          twin.change(write(next));
          chosen = next;
        }
        twin.transact(generator.changes());
      }
    }),
    { numRuns: N_PROGRAMS, endOnFailure: true },
  );
});

const SLOW = `input junk(x)
input vm(name, host, size)
input host(name key, address: ip)
rated(v, r) :- vm(v, _, s), r = rate(s)
heavy(h, n) :- host(h, _), n = sum { r : vm(v, h, _), rated(v, r) }
next(h) :- heavy(h, n), n > 10
reach(a, b) :- vm(_, a, _), vm(_, b, _), a != b
alarm(h) :- heavy(h, n), n > 20`;

/** An engine with rows, and how often its function was called since. */
function rated(): { engine: Engine; nCalls: () => number; program: (text: string) => Program } {
  let n = 0;
  const rate: FunctionDef = {
    name: "rate",
    nArgs: 1,
    call: (size) => {
      n++;
      return Number(size) * 2;
    },
  };
  const program = (text: string): Program => compile([{ name: "p.dl", text }], { functions: [rate, ...FUNCTIONS] });
  const engine = new Engine(program(SLOW), { minValuesToSweep: 1 });
  engine.transact([
    { relation: "vm", tuple: ["a", "h1", 3], weight: 1 },
    { relation: "vm", tuple: ["b", "h1", 4], weight: 1 },
    { relation: "vm", tuple: ["c", "h2", 9], weight: 1 },
    { relation: "host", tuple: ["h1", "10.0.0.1"], weight: 1 },
    { relation: "host", tuple: ["h2", "10.0.0.2"], weight: 1 },
  ]);
  // So many new values that the engine cleans up, and forgets the function's results.
  engine.transact(Array.from({ length: 500 }, (_, i) => ({ relation: "junk", tuple: [`junk ${i}`], weight: 1 }) as const));
  const before = n;
  return { engine, nCalls: () => n - before, program };
}

test("strata whose rules are the same are not computed again, whatever else changes", () => {
  const { engine, nCalls, program } = rated();
  const moved = SLOW.replace("alarm(h) :- heavy(h, n), n > 20", "alarm(h) :- heavy(h, n), n > 15");
  const delta = engine.replaceProgram(program(`# on other lines\n\n${moved}\nwarn(h) :- heavy(h, n), n > 1, not alarm(h)`));
  expect([...delta]).toEqual([
    ["alarm", { inserted: [["h2"]], deleted: [] }],
    ["warn", { inserted: [["h1"]], deleted: [] }],
  ]);
  engine.replaceProgram(program(SLOW.replace("reach(a, b) :- ", "reach(a, b) :- reach(b, a)\nreach(a, b) :- ")));
  engine.replaceProgram(program(SLOW.replace("n > 10", "n > 10, h != 5")));
  expect(nCalls()).toBe(0);
  engine.transact([{ relation: "vm", tuple: ["d", "h1", 1], weight: 1 }]);
  expect(nCalls()).toBe(1);
  expect(engine.rows("heavy").sort()).toEqual([
    ["h1", 16],
    ["h2", 18],
  ]);
  engine.replaceProgram(program(SLOW.replace("rate(s)", "rate(s + 1)")));
  expect(nCalls()).toBe(5);
});

test("a rule more or less runs alone, and what it does not change is not touched", () => {
  const { engine, nCalls, program } = rated();
  const more = "rated(v, r) :- vm(v, _, s), s > 5, r = 2 * s";
  expect(engine.replaceProgram(program(`${SLOW}\n${more}`)).size).toBe(0);
  expect(engine.replaceProgram(program(SLOW)).size).toBe(0);
  expect(nCalls()).toBe(0);
  const other = `${SLOW}\nrated(v, 100) :- vm(v, "h2", _)`;
  expect(engine.replaceProgram(program(other)).get("heavy")).toEqual({ inserted: [["h2", 118]], deleted: [["h2", 18]] });
  expect(nCalls()).toBe(0);
});

test("rule files come, change and go by name", () => {
  const engine = new Engine(programOf("input a(x)\nb(x) :- a(x)"));
  engine.transact([{ relation: "a", tuple: [3], weight: 1 }]);
  expect(engine.addRules({ name: "q.dl", text: "c(i) :- b(x), i in up_to(x)" }).get("c")?.inserted).toEqual([[0], [1], [2]]);
  const smaller = engine.addRules({ name: "q.dl", text: "c(i) :- b(x), i in up_to(x - 1)" });
  expect([...smaller]).toEqual([["c", { inserted: [], deleted: [[2]] }]]);
  expect(() => engine.addRules({ name: "r.dl", text: "d(x) :- e(x)" })).toThrow(ProgramError);
  expect(() => engine.removeRules("p.dl")).toThrow(ProgramError);
  expect(() => engine.removeRules("p.d")).toThrow('Cannot remove "p.d"');
  expect(engine.rows("c")).toEqual([[0], [1]]);
  expect(engine.removeRules("q.dl").get("c")?.deleted).toEqual([[0], [1]]);
  expect(engine.relations().map(({ name }) => name)).toEqual(["a", "b"]);
});

test("errors after a change of rules name the lines of the new text", () => {
  const text = "input a(x)\nc(y) :- a(x), x > 1, y = fails(x)";
  const engine = new Engine(programOf(text));
  engine.transact([{ relation: "a", tuple: [1], weight: 1 }]);
  const run = () => engine.transact([{ relation: "a", tuple: [2], weight: 1 }]);
  expect(run).toThrow("p.dl:2: function fails(2) failed: as it should");
  engine.replaceProgram(programOf(`\n\n${text}`));
  expect(run).toThrow("p.dl:4: function fails(2) failed: as it should");
  expect(() => engine.replaceProgram(programOf(`${text}\nd(y) :- a(x), y = fails(x)`))).toThrow("p.dl:3");
  expect(run).toThrow("p.dl:4: function fails(2) failed: as it should");
});

test("tables change their kind, columns, types and keys", () => {
  const { engine, program } = rated();
  const narrower = program("input host(name, address: ip)\nvm(n, a) :- host(n, a)\nreach(n) :- vm(n, _)");
  const before = stateOf(engine);
  const delta = engine.replaceProgram(narrower);
  expect(readable(delta)).toEqual(difference(before, stateOf(engine)));
  expect(delta.get("vm")?.inserted).toHaveLength(2);
  expect(delta.get("vm")?.deleted).toHaveLength(3);
  engine.transact([{ relation: "host", tuple: ["h1", "10.0.0.9"], weight: 1 }]);
  const kept = stateOf(engine);
  expect(() => engine.replaceProgram(program(`${SLOW}\nz(x) :- reach(x, _)`))).toThrow(KeyError);
  const keyed = 'input host(name key, address: ip)\nvm(n, a) :- host(n, a)\nreach(n) :- vm(n, _), n != "h1"';
  expect(() => engine.replaceProgram(program(keyed))).toThrow(KeyError);
  expect(() => engine.replaceProgram(program("input host(name)"))).toThrow(RelationError);
  expect(() => engine.replaceProgram(program("input host(name: mac, address)\nz(n) :- host(n, _)"))).toThrow(RelationError);
  expect(stateOf(engine)).toEqual(kept);
  expect(engine.transact([{ relation: "host", tuple: ["h1", "10.0.0.9"], weight: -1 }]).get("reach")).toBeUndefined();
  const input = program("input vm(name, address)\ninput host(name, address)\nz(n) :- vm(n, _)");
  expect(engine.replaceProgram(input).get("vm")?.deleted).toHaveLength(2);
  expect(engine.rows("z")).toEqual([]);
  expect(engine.transact([{ relation: "vm", tuple: ["x", 1], weight: 1 }]).get("z")?.inserted).toEqual([["x"]]);
});

test("deltas read late, subscriptions and forks live through a change of rules", () => {
  const engine = new Engine(programOf("input a(x)\np(x) :- a(x)"), { minValuesToSweep: 4 });
  const rows = Array.from({ length: 1000 }, (_, i) => ({ relation: "a", tuple: [`value ${i}`], weight: 1 }) as const);
  const late = engine.transact(rows);
  const fork = engine.fork([{ relation: "a", tuple: ["forked"], weight: 1 }]);
  expect(fork.delta().has("q")).toBe(false);
  const heard: string[] = [];
  const stop = engine.onDelta((delta) => heard.push([...delta.keys()].sort().join()));
  const gone = engine.replaceProgram(programOf("input a(x)\nq(x) :- a(x)"));
  expect(fork.delta().get("q")?.inserted).toEqual([["forked"]]);
  engine.transact(rows.map(({ relation, tuple }) => ({ relation, tuple, weight: -1 })));
  engine.transact([...rows, ...rows].map(({ relation }, i) => ({ relation, tuple: [`other ${i}`], weight: 1 })));
  expect(sorted(late.get("p")?.inserted ?? [])).toEqual(sorted(rows.map(({ tuple }) => tuple)));
  expect(sorted(gone.get("p")?.deleted ?? [])).toEqual(sorted(rows.map(({ tuple }) => tuple)));
  expect(heard).toEqual(["p,q", "a,q", "a,q"]);
  stop();
});

test("rules that come and go again and again leave nothing behind", () => {
  const engine = new Engine(programOf(`${DECLARATIONS}\np(x, y) :- a(x, y)`));
  engine.transact(Array.from({ length: 50 }, (_, i) => ({ relation: "a", tuple: [i, i + 1], weight: 1 })));
  const small = programOf(`${DECLARATIONS}\np(x, y) :- a(x, y)`);
  const large = programOf([DECLARATIONS, ...POOL, "p(x, y) :- a(x, y)"].join("\n"));
  for (let i = 0; i < 20; i++) {
    engine.replaceProgram(large);
    engine.replaceProgram(small);
  }
  expect(engine.rows("p")).toHaveLength(50);
  expect(engine.relations().map(({ name }) => name)).toEqual(["a", "b", "c", "p"]);
});
