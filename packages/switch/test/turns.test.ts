import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { finish, Turns, type Work } from "../src/turns.ts";

/** Turns by a clock that stands still unless work moves it. */
class Bench {
  nowMs = 0;
  readonly turns = new Turns(() => this.nowMs);
  readonly done: string[] = [];

  *steps(name: string, nSteps: number, stepMs: number): Work {
    for (let n = 0; n < nSteps; n++) {
      this.nowMs += stepMs;
      yield;
    }
    this.done.push(name);
  }
}

test("short work ends within the call that begins it", () => {
  const bench = new Bench();
  bench.turns.begin(bench.steps("a", 3, 0.05));
  bench.turns.begin(bench.steps("b", 3, 0.05));
  expect(bench.done).toEqual(["a", "b"]);
});

test("long work lets the event loop in between, and all of it ends", async () => {
  const bench = new Bench();
  bench.turns.begin(bench.steps("long", 10, 0.5));
  bench.turns.begin(bench.steps("short", 1, 0.5));
  expect(bench.done).toEqual([]);
  let nTurns = 0;
  for (; bench.done.length < 2 && nTurns < 100; nTurns++) await turn();
  expect(bench.done).toEqual(["short", "long"]);
  expect(nTurns).toBeGreaterThanOrEqual(4);
});

test("what is blocked does not keep others from going on, and goes on itself when it is woken", async () => {
  const bench = new Bench();
  let isOpen = false;
  bench.turns.begin(
    (function* (): Work {
      while (!isOpen) yield "blocked";
      bench.done.push("blocked");
    })(),
  );
  bench.turns.begin(bench.steps("other", 1, 0));
  await turn();
  await turn();
  expect(bench.done).toEqual(["other"]);
  isOpen = true;
  bench.turns.wake();
  await turn();
  expect(bench.done).toEqual(["other", "blocked"]);
});

test("work can be finished at once, and stopped for good", async () => {
  const bench = new Bench();
  finish(bench.steps("whole", 1000, 1));
  expect(bench.done).toEqual(["whole"]);
  bench.turns.begin(bench.steps("never", 1000, 1));
  bench.turns.stop();
  for (let n = 0; n < 5; n++) await turn();
  expect(bench.done).toEqual(["whole"]);
});

test("what begins where other work has ended has the rest of its turn, not another one before the event loop", async () => {
  const bench = new Bench();
  bench.turns.run(bench.steps("first", 6, 0.125)).then(
    () => bench.turns.begin(bench.steps("second", 10, 0.125)),
    (error: unknown) => bench.done.push(String(error)),
  );
  await turn();
  expect([bench.done, bench.nowMs]).toEqual([["first"], 1]);
  for (let n = 0; n < 5; n++) await turn();
  expect(bench.done).toEqual(["first", "second"]);
});
