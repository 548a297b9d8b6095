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
