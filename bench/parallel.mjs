/**
 * What two threads would gain the rule engine on this machine: `node --expose-gc bench/parallel.mjs`. Needs a build.
 *
 * Three questions, to one thread and to two workers that are running and warm. A hash join of two large tables, of which each worker
 * does the keys whose hash has its top bit, in shared memory. Two closures that do not depend on each other, an engine in each worker,
 * facts shipped there and rows shipped back. And what it costs to ask a worker anything.
 *
 * Wall time says little while others use the processors; the CPU time of the busiest thread is what it would be without them.
 * See docs/design/0006-parallel.md.
 */
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { compile, Engine } from "@tenet/datalog";
import { PROGRAMS, randomOf } from "./datalog-programs.mjs";
import { median } from "./support/measure.mjs";

const ROUNDS = 3;
const N_ROWS = 4_000_000;
const N_KEYS = 2_000_000;
const ROOM = 12_000_000;

/**
 * Joins rows (key, value) of two tables; the keys of one half or of all. Writes pairs of values, returns how many.
 * The kernel is the same for one thread and for two: there each scans all rows and skips the other's.
 */
function joinHalf({ left, right, out, half }) {
  const isMine = half === undefined ? () => true : (hash) => hash >>> 31 === half;
  const mask = 2 ** Math.ceil(Math.log2((half === undefined ? 2 : 1) * N_ROWS)) - 1;
  const heads = new Int32Array(mask + 1);
  const next = new Int32Array(N_ROWS);
  const hashOf = (key) => {
    const hash = Math.imul(key, 0x9e3779b1);
    return Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  };
  for (let row = 0; row < N_ROWS; row++) {
    const hash = hashOf(left[row * 2]);
    if (!isMine(hash)) continue;
    next[row] = heads[hash & mask];
    heads[hash & mask] = row + 1;
  }
  let n = 0;
  for (let row = 0; row < N_ROWS; row++) {
    const key = right[row * 2];
    const hash = hashOf(key);
    if (!isMine(hash)) continue;
    for (let at = heads[hash & mask]; at !== 0; at = next[at - 1]) {
      if (left[at * 2 - 2] !== key) continue;
      out[n * 2] = left[at * 2 - 1];
      out[n * 2 + 1] = right[row * 2 + 1];
      n++;
    }
  }
  return n;
}

/** The closure of edges that come as integers side by side; its rows in the same form if they are wanted. */
function closureOf({ text, edges, isShipped }) {
  const engine = new Engine(compile([{ name: "closure.dl", text }]), { maxTuples: 50_000_000 });
  const transaction = engine.begin();
  for (let i = 0; i < edges.length; i += 2) transaction.insert("e", [edges[i], edges[i + 1]]);
  transaction.commit();
  if (!isShipped) return { n: engine.size("tc") };
  const rows = new Int32Array(new SharedArrayBuffer(engine.size("tc") * 8));
  let at = 0;
  for (const [a, b] of engine.rows("tc")) {
    rows[at++] = a;
    rows[at++] = b;
  }
  return { n: at / 2, rows };
}

const JOBS = { join: joinHalf, closure: closureOf, echo: () => 0 };

if (!isMainThread) parentPort.on("message", ({ job, argument }) => parentPort.postMessage(JOBS[job](argument)));
else await main();

async function main() {
  const workers = [0, 1].map(() => new Worker(new URL(import.meta.url)));
  const ask = async (i, job, argument) => {
    const answer = once(workers[i], "message");
    workers[i].postMessage({ job, argument });
    return (await answer)[0];
  };
  const both = (job, argument) => Promise.all([0, 1].map((i) => ask(i, job, argument(i))));
  console.log(`Node ${process.version}, load ${loadavg()[0].toFixed(1)}\n`);
  console.log(`${"".padEnd(42)}   wall s  busiest  CPU s`);
  await measureJoin(both);
  await measureClosures(both);
  const echoes = [];
  for (let i = 0; i < 5000; i++) {
    const start = performance.now();
    await ask(0, "echo");
    echoes.push((performance.now() - start) * 1000);
  }
  console.log(`\nto a worker and back: ${median(echoes.slice(1000)).toFixed(0)} µs`);
  for (const worker of workers) await worker.terminate();
}

async function measureJoin(both) {
  const shared = (n) => new Int32Array(new SharedArrayBuffer(n * 4));
  const next = randomOf(12);
  const [left, right, out] = [shared(N_ROWS * 2), shared(N_ROWS * 2), shared(ROOM * 2)];
  for (const table of [left, right]) for (let i = 0; i < table.length; i++) table[i] = i % 2 === 0 ? next(N_KEYS) : i;
  const outs = [out.subarray(0, ROOM), out.subarray(ROOM)];
  await compare("join of 4,000,000 rows with 4,000,000", {
    "one thread": () => joinHalf({ left, right, out }),
    "two workers, shared memory": async () => {
      const counts = await both("join", (half) => ({ left, right, out: outs[half], half }));
      return counts[0] + counts[1];
    },
  });
}

async function measureClosures(both) {
  const [first, second] = [PROGRAMS.random(), PROGRAMS.chain()];
  const edges = [first, second].map(({ facts }) => Int32Array.from(facts.e.flat()));
  const { text } = first;
  const sum = (answers) => answers[0].n + answers[1].n;
  const run = async (isShipped) => both("closure", (i) => ({ text, edges: edges[i], isShipped }));
  await compare("two closures, 2,534,494 and 2,001,000 rows", {
    "one thread": () => sum(edges.map((each) => closureOf({ text, edges: each }))),
    "two workers, rows left there": async () => sum(await run(false)),
    "two workers, rows put into one engine": async () => {
      const answers = await run(true);
      const inputs = compile([{ name: "rest.dl", text: "input a(x: int, y: int)\ninput b(x: int, y: int)" }]);
      const engine = new Engine(inputs, { maxTuples: 50_000_000 });
      const transaction = engine.begin();
      for (const [i, { rows }] of answers.entries()) {
        for (let at = 0; at < rows.length; at += 2) transaction.insert(i === 0 ? "a" : "b", [rows[at], rows[at + 1]]);
      }
      transaction.commit();
      return engine.size("a") + engine.size("b");
    },
  });
}

/** Ways in turn; the first round warms up. All must give the same number of rows. */
async function compare(title, ways) {
  console.log(title);
  const times = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
  const counts = new Set();
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [way, run] of Object.entries(ways)) {
      globalThis.gc();
      const [wall, threads, cpu] = [performance.now(), threadSeconds(), process.cpuUsage()];
      counts.add(await run());
      const { user, system } = process.cpuUsage(cpu);
      const each = Object.entries(threadSeconds()).map(([thread, seconds]) => seconds - (threads[thread] ?? 0));
      if (round > 0) times[way].push([(performance.now() - wall) / 1000, Math.max(...each), (user + system) / 1e6]);
    }
  }
  if (counts.size > 1) throw new Error(`The ways disagree: ${[...counts].join(" and ")} rows`);
  for (const [way, all] of Object.entries(times)) {
    const medians = [0, 1, 2].map((i) => median(all.map((time) => time[i])).toFixed(2));
    console.log(`  ${way.padEnd(40)} ${medians.map((time) => time.padStart(8)).join(" ")}`);
  }
}

/** CPU time of each thread of the process so far. */
function threadSeconds() {
  const read = (thread) => Number(readFileSync(`/proc/self/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e9;
  return Object.fromEntries(readdirSync("/proc/self/task").map((thread) => [thread, read(thread)]));
}
