import {
  compile,
  DivergenceError,
  Engine,
  formatProof,
  formatWhyNot,
  FunctionError,
  type FunctionDef,
  RelationError,
  TransactionError,
} from "@tenet/datalog";
import { expect, test } from "vitest";

const NETWORK = `input link(a, b)
input blocked(a)
reach(a, b) :- link(a, b), not blocked(a)
reach(a, c) :- reach(a, b), link(b, c), not blocked(b)
fan_out(a, n) :- n = count { b : reach(a, b) }`;

function engineOf(text: string, functions: readonly FunctionDef[] = []): Engine {
  return new Engine(compile([{ name: "p.dl", text }], { functions }), { maxTuples: 5000 });
}

function change(weight: 1 | -1, relation: string, ...tuple: (string | number)[]) {
  return { relation, tuple, weight };
}

function stateOf(engine: Engine): unknown {
  return engine.relations().map(({ name }) => [name, engine.rows(name)]);
}

const loaded = (): Engine => {
  const engine = engineOf(NETWORK);
  engine.transact([change(1, "link", "a", "b"), change(1, "link", "b", "c"), change(1, "link", "c", "a")]);
  return engine;
};

test("a delta holds real changes only", () => {
  const engine = loaded();
  expect(engine.transact([change(1, "link", "a", "b")]).size).toBe(0);
  expect(engine.transact([change(-1, "link", "x", "y")]).size).toBe(0);
  expect(engine.transact([change(-1, "link", "a", "b"), change(1, "link", "a", "b")]).size).toBe(0);
  expect([...engine.transact([change(1, "blocked", "z")]).keys()]).toEqual(["blocked"]);
});

test("listeners hear of commits, not of what-ifs, until they stop", () => {
  const engine = loaded();
  const heard: string[][] = [];
  const stop = engine.onDelta((delta) => heard.push([...delta.keys()]));
  engine.whatIf([change(-1, "link", "a", "b")]);
  engine.transact([change(1, "blocked", "q")]);
  stop();
  engine.transact([change(-1, "blocked", "q")]);
  expect(heard).toEqual([["blocked"]]);
});

test("match looks rows up by any columns", () => {
  const engine = loaded();
  expect(engine.match("reach", ["a"])).toHaveLength(3);
  expect(engine.match("reach", [undefined, "a"])).toHaveLength(3);
  expect(engine.match("reach", ["a", "b"])).toEqual([["a", "b"]]);
  expect(engine.match("reach", [])).toHaveLength(9);
  expect(engine.has("reach", ["a", "z"])).toBe(false);
  expect(() => engine.rows("reech")).toThrow(RelationError);
});

test("only inputs change, with the right number of values of the language", () => {
  const engine = loaded();
  const before = stateOf(engine);
  expect(() => engine.transact([change(1, "blocked", "a"), change(1, "reach", "a", "b")])).toThrow(
    'Cannot change "reach": it is derived',
  );
  expect(() => engine.transact([change(1, "link", "a")])).toThrow("the row has 1 columns");
  expect(() => engine.transact([change(1, "blocked", Number.NaN)])).toThrow("Cannot store NaN");
  expect(stateOf(engine)).toEqual(before);
});

test("one transaction is open at a time, and an ended one is refused", () => {
  const engine = loaded();
  const transaction = engine.begin();
  transaction.delete("link", ["a", "b"]);
  expect(engine.has("link", ["a", "b"])).toBe(true);
  transaction.evaluate();
  expect(engine.has("link", ["a", "b"])).toBe(false);
  expect(engine.explain("reach", ["c", "a"])).toBeDefined();
  expect(() => engine.begin()).toThrow(TransactionError);
  transaction.rollback();
  expect(engine.has("link", ["a", "b"])).toBe(true);
  expect(() => transaction.insert("link", ["a", "b"])).toThrow(TransactionError);
});

test("a fork follows its engine and can be committed", () => {
  const engine = loaded();
  const fork = engine.fork([change(1, "link", "c", "d")]);
  expect(fork.rows("reach")).toHaveLength(12);
  engine.transact([change(1, "blocked", "c")]);
  expect(fork.delta().get("reach")).toBeUndefined();
  engine.transact([change(-1, "blocked", "c")]);
  expect(fork.explain("reach", ["a", "d"])).toBeDefined();
  expect(fork.commit().get("reach")?.inserted).toHaveLength(3);
  expect(engine.rows("reach")).toHaveLength(12);
});

test("a rule without end is stopped, named and rolled back", () => {
  const engine = engineOf(`${NETWORK}\ninput start(n)\ncounter(n) :- start(n)\ncounter(n + 1) :- counter(n)`);
  const before = stateOf(engine);
  const run = () => engine.transact([change(1, "link", "a", "b"), change(1, "start", 0)]);
  expect(run).toThrow(DivergenceError);
  expect(run).toThrow('p.dl:8: rule for "counter" derives more than 5000 rows in one transaction: counter(n + 1) :- counter(n)');
  expect(stateOf(engine)).toEqual(before);
  expect(engine.transact([change(1, "link", "a", "b")]).get("reach")?.inserted).toEqual([["a", "b"]]);
});

test("a function that throws is named with its rule and arguments, and the transaction is rolled back", () => {
  const check: FunctionDef = {
    name: "check",
    nArgs: 1,
    call: (x) => {
      if (x === "bad") throw new Error("no such thing");
      return x;
    },
  };
  const engine = engineOf(`${NETWORK}\nchecked(y) :- reach(x, _), y = check(x)\nn(count()) :- checked(_)`, [check]);
  engine.transact([change(1, "link", "good", "x")]);
  const before = stateOf(engine);
  const run = () => engine.transact([change(1, "link", "bad", "good")]);
  expect(run).toThrow(FunctionError);
  expect(run).toThrow('p.dl:6: function check("bad") failed: no such thing');
  expect(stateOf(engine)).toEqual(before);
  expect(engine.transact([change(1, "link", "x", "y")]).get("n")).toEqual({ inserted: [[2]], deleted: [[1]] });
});

test("set functions and functions without a result", () => {
  const functions: FunctionDef[] = [
    { name: "letters", nArgs: 1, isSet: true, call: (s) => [...String(s)] },
    { name: "pairs", nArgs: 1, isSet: true, call: (s) => [...String(s)].map((c, i) => [i, c]) },
    { name: "positive", nArgs: 1, call: (n) => (Number(n) > 0 ? n : undefined) },
  ];
  const engine = engineOf(
    "input w(s)\nc(x) :- w(s), x in letters(s)\nd(i, x) :- w(s), [i, x] in pairs(s)\npos(n) :- w(s), n = positive(len(s))",
    functions,
  );
  engine.transact([change(1, "w", "aba"), change(1, "w", "")]);
  expect(engine.rows("c")).toEqual([["a"], ["b"]]);
  expect(engine.rows("d")).toEqual([
    [0, "a"],
    [1, "b"],
    [2, "a"],
  ]);
  expect(engine.rows("pos")).toEqual([[3]]);
  engine.transact([change(-1, "w", "aba")]);
  expect(engine.rows("c")).toEqual([]);
});

test("replacing the program keeps inputs and reports what changed", () => {
  const engine = loaded();
  const heard: string[] = [];
  engine.onDelta((delta) => heard.push(...delta.keys()));
  const next = compile([{ name: "q.dl", text: 'input link(a, b)\nreach(a, b) :- link(a, b)\nnew(x) :- reach(x, "a")' }]);
  const delta = engine.replaceProgram(next);
  expect(delta.get("new")).toEqual({ inserted: [["c"]], deleted: [] });
  expect(delta.get("reach")?.deleted).toHaveLength(6);
  expect(delta.get("fan_out")?.deleted).toHaveLength(3);
  expect(delta.has("link")).toBe(false);
  expect(heard.sort()).toEqual(["fan_out", "new", "reach"]);
  expect(engine.transact([change(-1, "link", "c", "a")]).get("new")).toEqual({ inserted: [], deleted: [["c"]] });
});

test("a program that fails on the present rows is not put in place", () => {
  const engine = loaded();
  const before = stateOf(engine);
  const endless = compile([{ name: "q.dl", text: "input link(a, b)\np(x, 0) :- link(x, _)\np(x, n + 1) :- p(x, n)" }]);
  expect(() => engine.replaceProgram(endless)).toThrow(DivergenceError);
  const wider = compile([{ name: "q.dl", text: "input link(a, b, c)" }]);
  expect(() => engine.replaceProgram(wider)).toThrow('input "link" has other columns now');
  expect(stateOf(engine)).toEqual(before);
});

test("a proof goes down to inputs, names rules and what is absent", () => {
  const engine = loaded();
  const proof = engine.explain("fan_out", ["a", 3]);
  expect(proof && formatProof(proof).split("\n").slice(0, 9)).toEqual([
    'fan_out("a", 3)',
    "  by p.dl:5: fan_out(a, n) :- n = count { b : reach(a, b) }",
    '  3 = count { b : reach(a, b) } for "a"   (3 rows)',
    ...(proof ? formatProof(proof).split("\n").slice(3, 9) : []),
  ]);
  const direct = engine.explain("reach", ["a", "c"]);
  expect(direct && formatProof(direct)).toBe(
    [
      'reach("a", "c")',
      "  by p.dl:4: reach(a, c) :- reach(a, b), link(b, c), not blocked(b)",
      '  reach("a", "b")',
      "    by p.dl:3: reach(a, b) :- link(a, b), not blocked(a)",
      '    link("a", "b")   (input)',
      '    absent: blocked("a")',
      '  link("b", "c")   (input)',
      '  absent: blocked("b")',
    ].join("\n"),
  );
  expect(engine.explain("reach", ["a", "z"])).toBeUndefined();
});

test("why-not names the literal at which the nearest rule stops", () => {
  const engine = loaded();
  const missing = engine.whyNot("reach", ["a", "d"]);
  expect(missing.attempts.map(({ rule, failing }) => [rule.line, failing.text])).toEqual([
    [3, "link(a, b)"],
    [4, "link(b, c)"],
  ]);
  engine.transact([change(1, "blocked", "a")]);
  const [nearest] = engine.whyNot("reach", ["a", "b"]).attempts;
  expect(nearest?.failing).toEqual({ text: "not blocked(a)", relation: "blocked", pattern: ["a"], present: [["a"]] });
  expect(formatWhyNot(engine.whyNot("reach", ["a", "b"]))).toContain(
    '    holds: link("a", "b")\n    fails: not blocked(a)   (blocked("a"))\n      present: blocked("a")',
  );
  expect(engine.whyNot("reach", ["b", undefined]).exists).toBeDefined();
  expect(engine.whyNot("link", ["q", undefined]).attempts).toEqual([]);
});

test("why-not shows the values of aggregates", () => {
  const engine = engineOf("input vm(v, h)\ncrowded(h) :- vm(_, h), n = count { vm(_, h) }, n > 2");
  engine.transact([change(1, "vm", "a", "h1"), change(1, "vm", "b", "h1")]);
  expect(formatWhyNot(engine.whyNot("crowded", ["h1"]))).toBe(
    [
      'crowded("h1")',
      "  by p.dl:2: crowded(h) :- vm(_, h), n = count { vm(_, h) }, n > 2",
      '    holds: vm(_, "h1")',
      "    holds: 2 = count { vm(_, h) }",
      "    holds: n = count { vm(_, h) }",
      "    fails: n > 2",
    ].join("\n"),
  );
});

test("why-not asks on for derived tables", () => {
  const engine = engineOf("input a(x)\ninput b(x)\nlow(x) :- a(x), b(x)\nhigh(x) :- low(x), x > 1");
  engine.transact([change(1, "a", 5)]);
  const because = engine.whyNot("high", [5]).attempts[0]?.failing.because;
  expect(because?.relation).toBe("low");
  expect(because?.attempts[0]).toMatchObject({ passed: ["a(5)"], failing: { relation: "b", pattern: [5] } });
});

test("relations tell their columns, kind and rules", () => {
  const engine = engineOf(`${NETWORK}\noutput alarm(port: string, why: string)\nalarm(a, "x") :- blocked(a)`);
  expect(engine.relations().find(({ name }) => name === "alarm")).toEqual({
    name: "alarm",
    columns: [
      { name: "port", type: "string" },
      { name: "why", type: "string" },
    ],
    kind: "derived",
    isOutput: true,
    rules: [{ file: "p.dl", line: 7, text: 'alarm(a, "x") :- blocked(a)' }],
  });
  expect(engine.relations().filter(({ kind }) => kind === "input")).toHaveLength(2);
});

test("values that no row holds any more are forgotten, and nothing else", () => {
  const text = 'input w(s)\nl(x) :- w(s), x = [s, [s + "!"]]\nn(x, count(y)) :- l(y), [x, _] = y\nup(u) :- w(s), u = upper(s)';
  const engine = new Engine(compile([{ name: "p.dl", text }]), { minValuesToSweep: 50 });
  for (let i = 0; i < 500; i++) {
    engine.transact([change(1, "w", `s${i}`), change(-1, "w", `s${i - 3}`)]);
    const alive = [i, i - 1, i - 2].filter((n) => n >= 0);
    expect(engine.rows("l").sort()).toEqual(alive.map((n) => [[`s${n}`, [`s${n}!`]]]).sort());
    expect(engine.rows("n").sort()).toEqual(alive.map((n) => [`s${n}`, 1]).sort());
    expect(engine.rows("up").sort()).toEqual(alive.map((n) => [`S${n}`]).sort());
  }
});

test("sums beyond exact whole numbers do not depend on history", () => {
  const engine = engineOf("input v(id, n)\ns(t) :- t = sum { n : v(_, n) }");
  const big = 2 ** 53 - 1;
  engine.transact([change(1, "v", "a", big), change(1, "v", "b", 7)]);
  engine.transact([change(1, "v", "c", big), change(1, "v", "d", 0.5)]);
  engine.transact([change(-1, "v", "a", big), change(-1, "v", "d", 0.5)]);
  engine.transact([change(-1, "v", "c", big), change(1, "v", "e", "no number")]);
  expect(engine.rows("s")).toEqual([[7]]);
});
