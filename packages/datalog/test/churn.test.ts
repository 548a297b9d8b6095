/** A day of changes leaves nothing behind: rows, values, groups and indexes go when what they are of goes. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Change, compile, Engine } from "@tenet/datalog";
import { expect, test } from "vitest";

const TEXT = `input port(id: string, switch: string, tags: string)
input peer(a: string, b: string)
near(a, b) :- peer(a, b)
near(a, c) :- near(a, b), peer(b, c)
tag(p, t) :- port(p, _, ts), t in split(ts, ",")
tags_of(s, l) :- port(_, s, _), l = collect { t : port(p, s, _), tag(p, t) }
load(s, n, m) :- port(_, s, _), n = count { p : port(p, s, _) }, m = max { p : port(p, s, _) }
shown("\${p} on \${s}", up) :- port(p, s, _), up = upper(s)
lonely(p) :- port(p, _, _), not near(p, _)`;

const N_LIVE = 1500;
const N_PER_STEP = 50;

/** The rows of one step: all their values are new ones. Peers make short chains. */
function rowsOf(step: number, weight: 1 | -1): Change[] {
  return Array.from({ length: N_PER_STEP }, (_, i): Change[] => {
    const id = step * N_PER_STEP + i;
    const change = (relation: string, ...tuple: string[]): Change => ({ relation, tuple, weight });
    const port = change("port", `port-${id}`, `switch-${step}-${i % 5}`, `tag-${id},tag-${id}-b,shared`);
    return i % 10 === 0 ? [port] : [port, change("peer", `port-${id}`, `port-${id - 1}`)];
  }).flat();
}

/** Bytes in use once everything unreachable is gone. */
function bytesInUse(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let i = 0; i < 3; i++) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test("a day of churn does not grow the heap", { timeout: 120_000 }, () => {
  const engine = new Engine(compile([{ name: "churn.dl", text: TEXT }]), { minValuesToSweep: 2000 });
  const window = N_LIVE / N_PER_STEP;
  const churn = (from: number, to: number): void => {
    for (let step = from; step < to; step++) {
      engine.transact([...rowsOf(step, 1), ...(step < window ? [] : rowsOf(step - window, -1))]);
      if (step % 7 === 0) engine.whatIf(rowsOf(step + 1, 1));
      if (step % 50 === 0) engine.match("tag", [undefined, `tag-${step}-of-nobody`]);
    }
  };
  const sizes = (): number[] => engine.relations().map(({ name }) => engine.size(name));
  churn(0, 4 * window);
  const [before, rows] = [bytesInUse(), sizes()];
  churn(4 * window, 40 * window);
  expect(sizes()).toEqual(rows);
  const grown = bytesInUse() - before;
  // 54,000 ports came and went, with five texts each: had one of them stayed, it would show.
  expect(grown).toBeLessThan(3_000_000);
  engine.check();
});

test("most of what a large load took is given back when its rows go", { timeout: 120_000 }, () => {
  const engine = new Engine(compile([{ name: "churn.dl", text: TEXT }]), { minValuesToSweep: 2000 });
  engine.transact([...rowsOf(0, 1)]);
  const before = bytesInUse();
  const all = (weight: 1 | -1): Change[] => Array.from({ length: 400 }, (_, i) => rowsOf(i + 1, weight)).flat();
  engine.transact(all(1));
  engine.prepare();
  expect(engine.size("port")).toBe(N_PER_STEP * 401);
  const loaded = bytesInUse() - before;
  engine.transact(all(-1));
  engine.transact(rowsOf(0, 1));
  expect(engine.size("port")).toBe(N_PER_STEP);
  expect(bytesInUse() - before).toBeLessThan(loaded / 2);
  engine.check();
});
