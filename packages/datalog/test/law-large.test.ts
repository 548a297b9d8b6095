/**
 * The law at a size where tables become nested, blocks and counts overflow, plans are made anew and relations are compacted: generated
 * programs over thousands of rows, checked against a computation from scratch after each step.
 */
import { type Change, compile, DivergenceError, Engine, type Program, ProgramError } from "@tenet/datalog";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { type Generated, Generator, INPUTS } from "./generate.ts";
import { sourcesOf } from "./generated-sources.ts";

const N_PROGRAMS = Math.ceil(6 * inject("effort"));
const N_NODES = 90;
/** Beside whatever is generated: thousands of rows, hundreds of derivations of one row, groups of many rows. */
const CLOSURE = `t(x, y) :- a(x, y)
t(x, z) :- t(x, y), t(y, z)
hub(y) :- t(x, y), t(y, z), not b(x), not b(z)
reached(x, n, l) :- b(x), n = count { y : t(x, y) }, l = max { y : t(x, y) }
apart(x, y) :- b(x), b(y), not t(x, y)`;
const LIMITS = { maxTuples: 60_000, maxMs: 2000, minValuesToSweep: 300 };

test("large states are what a computation from scratch gives", { timeout: 3_600_000 }, () => {
  let nLarge = 0;
  fc.assert(
    fc.property(fc.gen(), (g) => {
      const generator = new Generator(g, { isLarge: true });
      const generated = generator.program();
      const program = compiled(generated);
      fc.pre(program !== undefined);
      const engine = new Engine(program as Program, LIMITS);
      let largest = 0;
      for (const changes of storyOf(generator)) {
        play(engine, changes);
        engine.prepare();
        largest = Math.max(largest, ...engine.relations().map(({ name }) => engine.size(name)));
      }
      nLarge += largest > 4000 ? 1 : 0;
      expectFresh(engine);
    }),
    { numRuns: N_PROGRAMS, maxSkipsPerRun: 200, endOnFailure: true },
  );
  expect(nLarge, "programs with relations that are compacted").toBeGreaterThan(0);
});

function compiled(generated: Generated): Program | undefined {
  try {
    const [source] = sourcesOf({ ...generated, hasModules: false }).sources;
    return compile([{ name: "generated.dl", text: `${source?.text}\n${CLOSURE}` }]);
  } catch (error) {
    if (error instanceof ProgramError) return undefined;
    throw error;
  }
}

type Draw = (n: number) => number;

/** Even draws: those of the generator prefer few values. */
function drawFrom(seed: number): Draw {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** A load, small changes, nearly everything gone, and back again. */
function storyOf(generator: Generator): Change[][] {
  const draw = drawFrom(generator.choice(2 ** 31 - 1));
  const load = Array.from({ length: 280 }, () => changeOf(draw, 1));
  const small = (): Change[] => Array.from({ length: 1 + draw(6) }, () => changeOf(draw, draw(3) > 0 ? 1 : -1));
  const gone = load.flatMap((change): Change[] => (draw(8) === 0 ? [] : [{ ...change, weight: -1 }]));
  return [load, small(), small(), gone, small(), load, small(), gone];
}

function changeOf(draw: Draw, weight: 1 | -1): Change {
  const [relation = "a", arity = 2] = [...INPUTS][[0, 0, 0, 1, 2][draw(5)] ?? 0] ?? [];
  return { relation, tuple: Array.from({ length: arity }, () => `n${draw(N_NODES)}`), weight };
}

/** What is too much is refused, and leaves the state as it was. */
function play(engine: Engine, changes: readonly Change[]): void {
  try {
    engine.whatIf(changes.slice(0, 40).map((change) => ({ ...change, weight: change.weight > 0 ? -1 : 1 })));
    engine.transact(changes);
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
  }
  engine.check();
}

function expectFresh(engine: Engine): void {
  const fresh = new Engine(engine.program);
  const inputs = [...INPUTS.keys()].flatMap((relation) =>
    engine.rows(relation).map((tuple): Change => ({ relation, tuple, weight: 1 })),
  );
  fresh.transact(inputs);
  for (const { name } of engine.relations()) expect(sorted(engine, name)).toEqual(sorted(fresh, name));
}

function sorted(engine: Engine, name: string): string[] {
  return engine
    .rows(name)
    .map((row) => JSON.stringify(row))
    .sort();
}
