/** The law of histories: the state as of a version is that of a new engine which the first so many transactions went through. */
import { type Change, compile, type Delta, Engine, openHistory, type Program, ProgramError } from "@tenet/datalog";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { Generator, INPUTS } from "../generate.ts";
import { print } from "../naive.ts";
import { sorted, stateOf, withFile } from "./temporary.ts";

const N_PROGRAMS = 60 * inject("effort");

test("any version and any difference of versions agree with engines that went there", { timeout: N_PROGRAMS * 5_000 }, () => {
  fc.assert(
    fc.property(fc.gen(), (g) => {
      const generator = new Generator(g);
      const program = compileGenerated(generator);
      withFile((file) => {
        const options = { file, program, checkpointBytes: generator.choice(400), sync: "never" } as const;
        const states = play(generator, openHistory(options));
        const reopened = openHistory(options);
        expect(reopened.version).toBe(states.length - 1);
        expect(stateOf(reopened.engine)).toEqual(states.at(-1));
        for (const [version, state] of states.entries()) expect(stateOf(reopened.asOf(version))).toEqual(state);
        for (let i = 0; i < 4; i++) checkChanges(generator, reopened, states);
        reopened.close();
      });
    }),
    { numRuns: N_PROGRAMS, endOnFailure: true },
  );
});

type State = Record<string, string[]>;

/** Random transactions, some by way of the history, some on its engine; returns the state of each version. */
function play(generator: Generator, history: ReturnType<typeof openHistory>): State[] {
  const oracle = new Engine(history.engine.program);
  const states = [stateOf(oracle)];
  const commits: ((changes: readonly Change[]) => Delta)[] = [
    (changes) => history.transact(changes, { who: "test" }),
    (changes) => history.engine.transact(changes),
    (changes) => history.engine.fork(changes).commit(),
  ];
  for (let i = 0; i < 12; i++) {
    const changes = generator.changes(i === 0);
    const expected = oracle.transact(changes);
    const delta = commits[generator.choice(2)]?.(changes) ?? new Map();
    expect([...delta.keys()].sort()).toEqual([...expected.keys()].sort());
    if ([...INPUTS.keys()].some((name) => expected.has(name))) states.push(stateOf(oracle));
    expect(history.version).toBe(states.length - 1);
    history.engine.whatIf(generator.changes());
  }
  history.close();
  return states;
}

function checkChanges(generator: Generator, history: ReturnType<typeof openHistory>, states: readonly State[]): void {
  const [from, to] = [generator.choice(states.length - 1), generator.choice(states.length - 1)];
  for (const relation of Object.keys(states[0] ?? {})) {
    const [before, after] = [states[from]?.[relation] ?? [], states[to]?.[relation] ?? []];
    const { inserted, deleted } = history.changesBetween(from, to, relation);
    expect(sorted(inserted)).toEqual(after.filter((row) => !before.includes(row)));
    expect(sorted(deleted)).toEqual(before.filter((row) => !after.includes(row)));
  }
}

/** Programs that the checks refuse for a cycle are left out. */
function compileGenerated(generator: Generator): Program {
  const rules = generator.program().levels.flat().map(print);
  try {
    return compile([{ name: "generated.dl", text: ["input a(x, y)  input b(x)  input c(x, y)", ...rules].join("\n") }]);
  } catch (error) {
    fc.pre(!(error instanceof ProgramError));
    throw error;
  }
}
