/**
 * One measurement of the rule engine or of a rival in a process of its own: `node --expose-gc bench/datalog-one.mjs WHAT [ARGUMENT …]`
 * prints a JSON object. CPU time is that of the whole process (V8's compiler threads and collector included), in seconds.
 */
import { statSync } from "node:fs";
import { compile, Engine, formatProof } from "@tenet/datalog";
import { mapFile } from "@tenet/linux";
import { CHANGES, timed } from "./datalog-changes.mjs";
import { churn, memory, memoryInUse } from "./datalog-memory.mjs";
import { policy, PROGRAMS, randomOf, weightOf } from "./datalog-programs.mjs";
import { SEARCHES } from "./datalog-searches.mjs";
import { BATCH_RIVALS } from "./rivals/batch.mjs";
import { DATAFLOWS } from "./rivals/dataflow.mjs";

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
  for (const [relation, tuples] of Object.entries(program.facts)) {
    for (const tuple of tuples) transaction.insert(relation, tuple);
  }
  if (isLast) program.facts = undefined;
  globalThis.gc();
  const start = process.cpuUsage();
  transaction.commit();
  return { engine, seconds: cpuSince(start) };
}

/** An engine after a load, ready for changes. */
function prepared(program) {
  const { engine } = load(program, true);
  engine.prepare();
  return engine;
}

const sumOf = (tuples) => tuples.reduce((sum, tuple) => sum + weightOf(tuple), 0);

/** Batch: CPU time of the rules. */
function tenet(name, isSummed) {
  const program = PROGRAMS[name]();
  const { engine, seconds } = load(program, true);
  const n = engine.size(program.counted);
  const sum = isSummed ? sumOf(engine.rows(program.summed ?? program.counted)) : undefined;
  return { seconds, n, sum };
}

/** The same on another engine. */
function rival(which, name, isSummed) {
  return BATCH_RIVALS[which].batch(PROGRAMS[name](), isSummed === "sum");
}

function programOf(name, size) {
  return name === "policy" ? policy(Number(size)) : { ...PROGRAMS, ...SEARCHES }[name]();
}

/** Time of single transactions after the load. */
function increments(name, size) {
  const program = programOf(name, size);
  const next = CHANGES[name](program, randomOf(9));
  const engine = prepared(program);
  const times = timed((changes) => engine.transact(changes), next, name === "policy" ? 20_000 : 600);
  return name === "policy" ? { ...times, n: engine.size("error"), sum: sumOf(engine.rows("n_errors")) } : times;
}

/** The same changes of the policy on an engine of dataflows. */
async function dataflow(which, size) {
  const program = policy(Number(size));
  const next = CHANGES.policy(program, randomOf(9));
  const graph = await DATAFLOWS[which].start();
  for (const [relation, tuples] of Object.entries(program.facts)) {
    graph.transact(tuples.map((tuple) => ({ relation, tuple, weight: 1 })));
  }
  const times = timed((changes) => graph.transact(changes), next, 20_000);
  const answers = graph.answers();
  return { ...times, n: answers.nErrors, sum: sumOf(answers.counts) };
}

/** A join by ranges or networks: its load, and single transactions on either side. */
function searches(name) {
  const program = SEARCHES[name]();
  const { engine, seconds } = load(program, true);
  const n = engine.size(program.counted);
  engine.prepare();
  const times = Object.entries(program.changes).map(([relation, next]) => [
    relation,
    timed((changes) => engine.transact(changes), next, 4000),
  ]);
  return { seconds, n, ...Object.fromEntries(times) };
}

/** A hundred rows in one transaction; so many of them that the compiler's start does not show in the 99th part of a hundred. */
function batches(size) {
  const program = policy(Number(size));
  const next = CHANGES.policy(program, randomOf(10));
  const engine = prepared(program);
  return timed(
    (changes) => engine.transact(changes),
    () => Array.from({ length: 100 }, next).flat(),
    2000,
  );
}

/** A change of an input that no derived row follows. */
function unrelated() {
  const engine = prepared(policy(10_000));
  let at = 0;
  const next = () => [{ relation: "stat", tuple: [2_000_000 + at, 1, at++], weight: 1 }];
  return timed((changes) => engine.transact(changes), next, 20_000);
}

const EXTREMES = {
  min: "kept(min(v)) :- r(_, v)",
  max: "kept(max(v)) :- r(_, v)",
  top: "kept(top(10, id, v)) :- r(id, v)",
};

/** One group of a million rows whose extreme leaves each time; the first time, which puts the rows in order, is told apart. */
function extremes(name) {
  const n = 1_000_000;
  const engine = engineOf({ text: `input r(id: int, v: int)\n${EXTREMES[name]}` });
  // An odd factor goes through all numbers below 2^20 in no order.
  const valueOf = (id) => (id * 680_543) % 2 ** 20;
  const transaction = engine.begin();
  for (let id = 0; id < n; id++) transaction.insert("r", [id, valueOf(id)]);
  transaction.commit();
  const ids = Float64Array.from({ length: n }, (_, id) => id).sort((a, b) => valueOf(a) - valueOf(b));
  let at = 0;
  const next = () => {
    const id = name === "min" ? ids[at++] : ids[n - ++at];
    return [{ relation: "r", tuple: [id, valueOf(id)], weight: -1 }];
  };
  engine.prepare();
  const start = process.cpuUsage();
  engine.transact(next());
  const firstSeconds = cpuSince(start);
  return { firstSeconds, ...timed((changes) => engine.transact(changes), next, 2000) };
}

/** Shortest paths from one node of 20,000 over 80,000 links; then links come and go. */
function shortest() {
  const random = randomOf(12);
  const link = () => [random(20_000), random(20_000), 1 + random(100)];
  const links = Array.from({ length: 80_000 }, link);
  const engine = engineOf({
    text: "input link(a: int, b: int, w: int)\ninput start(a: int)\nd(a, 0) :- start(a)\nd(b, min(v + w)) :- d(a, v), link(a, b, w)",
  });
  const transaction = engine.begin();
  transaction.insert("start", [0]);
  for (const tuple of links) transaction.insert("link", tuple);
  const start = process.cpuUsage();
  transaction.commit();
  const loadSeconds = cpuSince(start);
  engine.prepare();
  let isRemoval = false;
  const next = () => {
    isRemoval = !isRemoval;
    const at = random(links.length);
    if (isRemoval) return [{ relation: "link", tuple: links.splice(at, 1)[0], weight: -1 }];
    links.push(link());
    return [{ relation: "link", tuple: links.at(-1), weight: 1 }];
  };
  return { loadSeconds, n: engine.size("d"), ...timed((changes) => engine.transact(changes), next, 2000) };
}

/** A rule is added to the policy, which no other rule reads, and taken out again. */
function ruleChange(size) {
  const program = policy(Number(size));
  const [plain, busy, second] = [
    "",
    "\nbusy(s) :- stat(s, 1, v), v > 98",
    '\nerror(s, "busy") :- server(s, _, 0), stat(s, 1, v), v > 98',
  ].map((more) => compile([{ name: "bench.dl", text: program.text + more }]));
  const engine = prepared(program);
  const [add, remove, addSecond, removeSecond] = [busy, plain, second, plain].map((next) => {
    const start = process.cpuUsage();
    engine.replaceProgram(next);
    return cpuSince(start);
  });
  return { add, remove, addSecond, removeSecond };
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
  const next = CHANGES.policy(program, randomOf(11));
  const engine = prepared(program);
  return timed((changes) => engine.fork(changes.slice(0, 1)).delta(), next, 1000);
}

/** A proof of a hundred steps, down to its text. */
function explain() {
  const { engine } = load({ ...PROGRAMS.chain(), facts: { e: Array.from({ length: 300 }, (_, i) => [i, i + 1]) } });
  let at = 0;
  return timed(
    () => formatProof(engine.explain("tc", [at, at++ + 100])),
    () => [],
    150,
  );
}

/** What an engine is asked first: for a row, and what follows from a change. */
const FIRST = {
  chain: { read: ["tc", [5, 1500]], changes: [["e", [2002, 2003], 1]] },
  policy: {
    read: ["n_errors", [77, undefined]],
    changes: [
      ["user", [100_000, "new@example.com"], 1],
      ["server", [1_000_000, 100_000, 1], 1],
      ["stat", [1_000_000, 0, 50], 1],
    ],
  },
  network: { read: ["reach", [3, 5, 78]], changes: [["deny", [3, 77], -1]] },
  intervals: {
    read: ["hit", [77, undefined]],
    changes: [
      ["rule", [100, 900, -1], 1],
      ["packet", [500], 1],
    ],
  },
  prefixes: {
    read: ["route", ["10.0.0.0/8", undefined]],
    changes: [
      ["route", ["10.0.0.0/7", 1], 1],
      ["host", ["10.1.2.3"], 1],
    ],
  },
};

/** What a started engine answers; texts can be compared. */
function firstAnswers(engine, name) {
  const { read, changes } = FIRST[name];
  const found = engine.match(...read);
  const delta = engine.transact(changes.map(([relation, tuple, weight]) => ({ relation, tuple, weight })));
  const changed = [...delta].map(([relation, { inserted, deleted }]) => [relation, inserted.length, deleted.length, inserted[0]]);
  return JSON.stringify([found, changed]);
}

/** Computes a state from rows, makes it ready for changes and writes it; the first answers are not in the file. */
function saveTo(name, file) {
  const program = programOf(name, 1_000_000);
  const begin = process.cpuUsage();
  const { engine } = load(program);
  const rulesSeconds = cpuSince(begin);
  engine.prepare();
  const readySeconds = cpuSince(begin);
  engine.save(file);
  const n = engine.size(program.counted);
  const asked = process.cpuUsage();
  const sum = firstAnswers(engine, name);
  return { rulesSeconds, seconds: readySeconds + cpuSince(asked), n, sum, megabytes: statSync(file).size / 2 ** 20 };
}

/** Starts from a state that was written, to its first answers. */
function startFrom(name, file, how) {
  const { text, counted } = programOf(name, 10);
  const program = compile([{ name: "bench.dl", text }]);
  globalThis.gc();
  const begin = process.cpuUsage();
  const engine = new Engine(program, { state: how === "mapped" ? mapFile(file) : file });
  const startSeconds = cpuSince(begin);
  const n = engine.size(counted);
  const sum = firstAnswers(engine, name);
  return { startSeconds, seconds: cpuSince(begin), n, sum };
}

const [what = "", ...args] = process.argv.slice(2);
const MEASUREMENTS = {
  tenet,
  rival,
  increments,
  searches,
  dataflow,
  batches,
  unrelated,
  extremes,
  shortest,
  "rule-change": ruleChange,
  memory,
  churn,
  rows,
  rules,
  fork,
  explain,
  save: saveTo,
  start: startFrom,
};
if (!Object.hasOwn(MEASUREMENTS, what))
  throw new Error(`There is no measurement "${what}"; there are: ${Object.keys(MEASUREMENTS).join(", ")}`);
console.log(JSON.stringify(await MEASUREMENTS[what](...args)));
