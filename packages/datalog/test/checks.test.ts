/** The engine's checks of itself find what is wrong, and say where. */
import { compile, Engine, type FunctionDef, InvariantError } from "@tenet/datalog";
import { expect, test } from "vitest";

/** An engine with a function that breaks its promise to give the same for the same, once `breakIt` is called. */
function engineOf(text: string): { engine: Engine; breakIt: () => void } {
  let isBroken = false;
  const fickle: FunctionDef = { name: "fickle", nArgs: 1, call: (x) => (isBroken ? undefined : x) };
  const engine = new Engine(compile([{ name: "p.dl", text }], { functions: [fickle] }), { checks: true });
  return { engine, breakIt: () => (isBroken = true) };
}

const insert = (relation: string, ...tuple: number[]) => ({ relation, tuple, weight: 1 }) as const;

test("a count that is not the number of derivations is found", () => {
  const { engine, breakIt } = engineOf("input a(x: int)\ninput other(x: int)\np(y) :- a(x), y = fickle(x)");
  engine.transact([insert("a", 1)]);
  breakIt();
  const run = () => engine.transact([insert("other", 1)]);
  expect(run).toThrow(InvariantError);
  expect(run).toThrow("The engine's state is wrong: p(1) has the count 1, but 0 derivations");
});

test("a row of a recursive relation without a derivation from smaller ranks is found, after rollbacks too", () => {
  const { engine, breakIt } = engineOf("input a(x: int, y: int)\nr(x, y) :- a(x, y)\nr(x, z) :- r(x, y), a(y, w), z = fickle(w)");
  engine.transact([insert("a", 1, 2), insert("a", 2, 3)]);
  breakIt();
  expect(() => engine.whatIf([])).toThrow("r(1, 3) has the count 1, but 0 derivations from smaller ranks (I1)");
});

test("a derivation whose head is missing is found, with the rule", () => {
  const shy: FunctionDef = { name: "shy", nArgs: 1, call: (x) => (calls++ === 0 ? undefined : x) };
  let calls = 0;
  const program = compile([{ name: "p.dl", text: "input a(x: int)\np(y) :- a(x), y = shy(x)" }], { functions: [shy] });
  const engine = new Engine(program, { checks: true });
  expect(() => engine.transact([insert("a", 7)])).toThrow('relation "p" lacks (7), which p.dl:2 derives (I5)');
});

test("least values that are not the least are found", () => {
  const text =
    "input e(a, b, l: int)\ndist(b, min(l)) :- e(0, b, l)\ndist(c, min(d + m)) :- dist(b, d), e(b, c, l), m = fickle(l)";
  const { engine, breakIt } = engineOf(text);
  engine.transact([insert("e", 0, 1, 4), insert("e", 1, 2, 3)]);
  expect(engine.rows("dist")).toEqual([
    [1, 4],
    [2, 7],
  ]);
  breakIt();
  expect(() => engine.whatIf([])).toThrow("dist(2, 7) does not follow from rows before it");
});

test("nothing is found in a sound engine", () => {
  const { engine } = engineOf(
    "input a(x: int, y: int)\nr(x, y) :- a(x, y)\nr(x, z) :- r(x, y), a(y, z)\nn(x, count(y)) :- r(x, y)",
  );
  for (let i = 0; i < 20; i++) engine.transact([insert("a", i, (i * 7) % 20)]);
  engine.replaceProgram(
    compile([{ name: "q.dl", text: "input a(x: int, y: int)\nm(x, s) :- a(x, _), s = sum { y : a(x, y) }" }]),
  );
  expect(engine.size("m")).toBe(20);
});
