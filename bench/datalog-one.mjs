/**
 * One measurement of the rule engine or of DuckDB in a process of its own: `node --expose-gc bench/datalog-one.mjs WHAT [ARGUMENT …]`
 * prints a JSON object. CPU time is that of the whole process (V8's compiler threads and collector included), in seconds.
 */
import { compile, Engine, formatProof } from "@tenet/datalog";
import { DUCKDB, policy, PROGRAMS, randomOf } from "./datalog-programs.mjs";

function cpuSince(start) {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1e6;
}

function engineOf(program) {
  return new Engine(compile([{ name: "bench.dl", text: program.text }]), { maxTuples: 50_000_000 });
}

/** Rows are put in first; then the rules run over all of them at once. */
function load(program, isLast = false) {
  const engine = engineOf(program);
  const transaction = engine.begin();
  const importStart = process.cpuUsage();
  let n = 0;
  for (const [relation, tuples] of Object.entries(program.facts)) {
    for (const tuple of tuples) transaction.insert(relation, tuple);
    n += tuples.length;
  }
  const importSeconds = cpuSince(importStart);
  if (isLast) program.facts = undefined;
  globalThis.gc();
  const start = process.cpuUsage();
  transaction.commit();
  return { engine, seconds: cpuSince(start), rowsPerSecond: n / importSeconds };
}

/** Batch: CPU time of the rules, and bytes per derived row. */
async function tenet(name) {
  const before = await memoryInUse();
  const program = PROGRAMS[name]();
  const { engine, seconds, rowsPerSecond } = load(program, true);
  const bytes = (await memoryInUse()) - before;
  const n = engine.size(program.counted);
  return { seconds, n, bytesPerRow: bytes / n, rowsPerSecond };
}

/** Bytes in use; array buffers are freed a while after the collection that found them dead. */
async function memoryInUse() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** The same on one thread; tables are filled before the clock starts. */
async function duckdb(name) {
  const { DuckDBInstance } = await import(DUCKDB);
  const program = PROGRAMS[name]();
  const connection = await (await DuckDBInstance.create(":memory:", { threads: "1" })).connect();
  for (const [relation, tuples] of Object.entries(program.facts)) {
    const columns = tuples[0].map((value, i) => `c${i} ${typeof value === "number" ? "integer" : "varchar"}`);
    await connection.run(`create table "${relation}" (${columns.join(", ")})`);
    const appender = await connection.createAppender(relation);
    for (const tuple of tuples) {
      for (const value of tuple) {
        if (typeof value === "number") appender.appendInteger(value);
        else appender.appendVarchar(value);
      }
      appender.endRow();
    }
    appender.closeSync();
  }
  globalThis.gc();
  const start = process.cpuUsage();
  let n = 0;
  for (const sql of [program.sql].flat()) {
    const reader = await connection.runAndReadAll(sql);
    n = Number(reader.getRows()[0]?.[0] ?? 0);
  }
  return { seconds: cpuSince(start), n };
}

const CHANGES = {
  policy(program, random) {
    // In typed arrays: millions of small arrays would make each collection cost what the engine is not to blame for.
    const meters = Int32Array.from(program.facts.stat, ([, meter]) => meter);
    const values = Int32Array.from(program.facts.stat, ([, , value]) => value);
    return () => {
      const i = random(meters.length);
      const before = [i, meters[i], values[i]];
      meters[i] = random(2);
      values[i] = random(100);
      return [
        { relation: "stat", tuple: before, weight: -1 },
        { relation: "stat", tuple: [i, meters[i], values[i]], weight: 1 },
      ];
    };
  },
  network: (program, random) => toggle(program.facts.link, "link", 1000, random),
  dag: (program, random) => toggle(program.facts.e, "e", 20_000, random, true),
  random: (program, random) => toggle(program.facts.e, "e", 2000, random),
};

/** Takes an edge out, and puts a new one in, in turn. */
function toggle(edges, relation, nNodes, random, isOrdered = false) {
  let isRemoval = false;
  return () => {
    isRemoval = !isRemoval;
    if (isRemoval) {
      const i = random(edges.length);
      const [tuple] = edges.splice(i, 1);
      return [{ relation, tuple, weight: -1 }];
    }
    const [a, b] = [random(nNodes), random(nNodes)];
    const tuple = isOrdered && a > b ? [b, a] : [a, b === a ? (b + 1) % nNodes : b];
    edges.push(tuple);
    return [{ relation, tuple, weight: 1 }];
  };
}

/** Time of single transactions after the load, in microseconds; the first eight are left out. */
function increments(name, size) {
  const program = name === "policy" ? policy(Number(size)) : PROGRAMS[name]();
  const next = CHANGES[name](program, randomOf(9));
  return timed(load(program, true).engine, next, name === "policy" ? 20_000 : 600);
}

function timed(engine, next, n) {
  const times = [];
  engine.prepare?.();
  globalThis.gc();
  for (let i = 0; i < n + 8; i++) {
    const changes = next();
    const start = process.cpuUsage();
    engine.transact(changes);
    const { user, system } = process.cpuUsage(start);
    if (i >= 8) times.push(user + system);
  }
  const sorted = times.toSorted((a, b) => a - b);
  return {
    p50: sorted[n >> 1],
    p99: sorted[Math.floor(n * 0.99)],
    max: sorted[n - 1],
    mean: times.reduce((sum, time) => sum + time, 0) / n,
  };
}

/** A hundred rows in one transaction. */
function batches(size) {
  const program = policy(Number(size));
  const next = CHANGES.policy(program, randomOf(10));
  return timed(load(program, true).engine, () => Array.from({ length: 100 }, next).flat(), 400);
}

/** A change of an input that no derived row follows. */
function unrelated() {
  const program = policy(10_000);
  let at = 0;
  return timed(load(program).engine, () => [{ relation: "stat", tuple: [2_000_000 + at, 1, at++], weight: 1 }], 20_000);
}

/** Heap before and after many transactions of new strings. */
async function churn() {
  const engine = engineOf({ text: "input port(id: string, at: int)\nup(id) :- port(id, at), at > 0" });
  const used = [];
  for (let round = 0; round < 40; round++) {
    for (let i = 0; i < 200; i++) {
      const [now, before] = [round * 200 + i, round * 200 + i - 200];
      const rowsAt = (n, weight) =>
        Array.from({ length: 50 }, (_, k) => ({ relation: "port", tuple: [`port-${n}-${k}-of-some-length`, n], weight }));
      engine.transact([...rowsAt(now, 1), ...(before < 0 ? [] : rowsAt(before, -1))]);
    }
    used.push((await memoryInUse()) / 2 ** 20);
  }
  return { first: used[4], last: used.at(-1) };
}

/** Rows of six columns, one a string of a hundred characters. */
async function rows() {
  const n = 500_000;
  const text = "x".repeat(90);
  const changes = Array.from({ length: n }, (_, i) => ({
    relation: "port",
    tuple: [i, i % 1000, `${text}${String(i).padStart(10, "0")}`, i % 7, i * 3, true],
    weight: 1,
  }));
  const engine = engineOf({
    text: "input port(a: int, b: int, c: string, d: int, e: int, f: bool)\nby(b, a) :- port(a, b, _, 9, _, _)",
  });
  const before = await memoryInUse();
  const start = process.cpuUsage();
  engine.transact(changes);
  const seconds = cpuSince(start);
  const bytesPerRow = ((await memoryInUse()) - before) / n;
  const again = process.cpuUsage();
  engine.transact(changes);
  return { rowsPerSecond: n / seconds, bytesPerRow, againSeconds: cpuSince(again) };
}

/** From the text of two thousand rules to a running engine. */
function rules() {
  const lines = ["input t(a: int, b: int)", "r0(a, b) :- t(a, b)"];
  for (let i = 1; i < 2000; i++) lines.push(`r${i}(a, b) :- r${i - 1}(a, x), t(x, b), not r${i >> 1}(b, a), a < ${i}`);
  for (let i = 2; i < 2000; i++) lines[i + 1] = `r${i}(a, c) :- t(a, b), t(b, c), r${i % 7 === 0 ? 1 : 0}(a, b), a != ${i}`;
  const start = process.cpuUsage();
  const engine = engineOf({ text: lines.join("\n") });
  const seconds = cpuSince(start);
  const first = process.cpuUsage();
  engine.transact([{ relation: "t", tuple: [1, 2], weight: 1 }]);
  return { seconds, firstSeconds: cpuSince(first) };
}

/** A fork with one changed row, and its delta read. */
function fork() {
  const program = policy(100_000);
  const { engine } = load(program);
  const next = CHANGES.policy(program, randomOf(11));
  return timed({ transact: (changes) => engine.fork(changes.slice(0, 1)).delta() }, next, 1000);
}

/** A proof of a hundred steps, down to its text. */
function explain() {
  const { engine } = load({ ...PROGRAMS.chain(), facts: { e: Array.from({ length: 300 }, (_, i) => [i, i + 1]) } });
  let at = 0;
  return timed({ transact: () => formatProof(engine.explain("tc", [at, at++ + 100])) }, () => [], 150);
}

const [what = "", ...args] = process.argv.slice(2);
const MEASUREMENTS = { tenet, duckdb, increments, batches, unrelated, churn, rows, rules, fork, explain };
const measure = MEASUREMENTS[what];
if (measure === undefined)
  throw new Error(`There is no measurement "${what}"; there are: ${Object.keys(MEASUREMENTS).join(", ")}`);
console.log(JSON.stringify(await measure(...args)));
