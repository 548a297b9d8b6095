/** The law at a size where hash tables grow, rows are reused and plans are made anew: incremental against a fresh engine. */
import { type Change, compile, Engine } from "@tenet/datalog";
import { expect, test } from "vitest";

const TEXT = `input e(a, b)
input down(a)
input owner(a, t)
r(x, y) :- e(x, y), not down(x)
r(x, z) :- r(x, y), r(y, z)
even(x, y) :- odd(x, z), e(z, y)
odd(x, y) :- e(x, y)
odd(x, y) :- even(x, z), e(z, y)
near(t, n, l) :- owner(_, t), n = count { y : owner(x, t), r(x, y) }, l = min { y : owner(x, t), r(x, y) }
lost(x) :- owner(x, _), not r(x, _)
pair(x, y) :- r(x, y), r(y, x), owner(x, t), owner(y, t), x < y`;

/** A generator of its own, so that a failure repeats. */
function randomOf(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

function randomChange(random: (n: number) => number): Change {
  const node = (): string => `n${random(70)}`;
  const kind = random(10);
  const [relation, tuple] = kind < 7 ? ["e", [node(), node()]] : kind < 8 ? ["down", [node()]] : ["owner", [node(), random(4)]];
  return { relation: relation as string, tuple: tuple as (string | number)[], weight: random(5) < 3 ? 1 : -1 };
}

function sortedRows(engine: Engine): unknown {
  return engine.relations().map(({ name }) => [
    name,
    engine
      .rows(name)
      .map((row) => JSON.stringify(row))
      .sort(),
  ]);
}

test("after hundreds of transactions the state is that of a fresh engine", () => {
  const random = randomOf(7);
  const program = compile([{ name: "large.dl", text: TEXT }]);
  const engine = new Engine(program);
  for (let i = 0; i < 400; i++) {
    const changes = Array.from({ length: i === 0 ? 120 : random(3) + 1 }, () => randomChange(random));
    if (random(4) === 0) engine.whatIf(changes);
    else engine.transact(changes);
    if (i % 40 !== 39) continue;
    const fresh = new Engine(program);
    const inputs = engine.relations().filter(({ kind }) => kind === "input");
    fresh.transact(
      inputs.flatMap(({ name }) => engine.rows(name).map((tuple) => ({ relation: name, tuple, weight: 1 as const }))),
    );
    expect(sortedRows(engine)).toEqual(sortedRows(fresh));
  }
});

test("a table that shrank is as if it had never been larger", () => {
  const engine = new Engine(
    compile([
      { name: "large.dl", text: "input e(a, b)\nr(x, y) :- e(x, y)\nr(x, z) :- r(x, y), e(y, z)\nback(y, x) :- e(x, y)" },
    ]),
  );
  const edges = Array.from({ length: 20_000 }, (_, i) => [i * 2, i * 2 + 1]);
  const change = (weight: 1 | -1, from: number, to: number): Change[] =>
    edges.slice(from, to).map((tuple) => ({ relation: "e", tuple, weight }));
  engine.transact(change(1, 0, 20_000));
  expect(engine.match("back", [41])).toEqual([[41, 40]]);
  for (let from = 0; from < 19_000; from += 1000) engine.transact(change(-1, from, from + 1000));
  expect(engine.transact([{ relation: "e", tuple: [38_001, 5], weight: 1 }]).get("r")?.inserted).toEqual([
    [38_000, 5],
    [38_001, 5],
  ]);
  expect(engine.match("back", [39_999])).toEqual([[39_999, 39_998]]);
  expect(["e", "r", "back"].map((name) => engine.size(name))).toEqual([1001, 1002, 1001]);
  const before = sortedRows(engine);
  engine.whatIf(change(-1, 19_000, 20_000));
  expect(sortedRows(engine)).toEqual(before);
  engine.transact([...change(-1, 19_000, 20_000), { relation: "e", tuple: [38_001, 5], weight: -1 }]);
  expect(engine.rows("r")).toEqual([]);
  expect(engine.transact(change(1, 0, 3)).get("back")?.inserted).toHaveLength(3);
});

test("a row may have any number of derivations", () => {
  const engine = new Engine(
    compile([{ name: "many.dl", text: "input t(x: int)  any() :- t(_)  loop(1) :- t(_)  loop(x) :- loop(x), t(_)" }]),
  );
  const rows = Array.from({ length: 700 }, (_, x) => ({ relation: "t", tuple: [x], weight: 1 as const }));
  engine.transact(rows);
  const losses = rows.map((row) => ({ ...row, weight: -1 as const }));
  for (const n of [699, 500, 445, 444, 300]) {
    expect(engine.whatIf(losses.slice(0, n)).delta.get("any")).toBeUndefined();
    expect(engine.whatIf(losses).delta.get("any")?.deleted).toEqual([[]]);
    engine.transact(losses.slice(0, n));
    expect(engine.size("loop")).toBe(1);
    expect(engine.transact(losses.slice(n)).get("loop")?.deleted).toEqual([[1]]);
    engine.transact(rows);
  }
});

test("when most of a recursive relation dies, what is left is that of a fresh engine, and a rollback brings all back", () => {
  const text =
    "input e(a: int, b: int)  tc(x, y) :- e(x, y)  tc(x, z) :- tc(x, y), tc(y, z)  n(x, k) :- e(x, _), k = count { y : tc(x, y) }";
  const edge = (a: number, b: number, weight: 1 | -1): Change => ({ relation: "e", tuple: [a, b], weight });
  const ring = Array.from({ length: 130 }, (_, i) => edge(i, (i + 1) % 130, 1));
  const chords = Array.from({ length: 8 }, (_, i) => edge(i * 16, i * 16 + 3, 1));
  // No limit of tuples may count what was there before: the relation has 16,900 rows.
  const limits = { maxTuples: 40_000, checks: true };
  const engine = new Engine(compile([{ name: "ring.dl", text }]), limits);
  engine.transact(ring);
  engine.transact(chords);
  const cuts = [edge(60, 61, -1), edge(129, 0, -1), edge(0, 60, 1)];
  const before = engine.rows("tc").length;
  const { delta } = engine.whatIf(cuts);
  expect(engine.size("tc")).toBe(before);
  const lost = engine.transact(cuts);
  expect(lost).toEqual(delta);
  const fresh = new Engine(compile([{ name: "ring.dl", text }]), limits);
  fresh.transact([...ring, ...chords, ...cuts]);
  expect(new Set(engine.rows("tc").map(String))).toEqual(new Set(fresh.rows("tc").map(String)));
  expect(lost.get("tc")?.deleted.length).toBe(before - fresh.size("tc") + (lost.get("tc")?.inserted.length ?? 0));
  engine.transact([edge(129, 0, 1), edge(60, 61, 1), edge(0, 60, -1)]);
  expect(engine.size("tc")).toBe(before);
});
