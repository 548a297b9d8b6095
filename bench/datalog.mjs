/**
 * The rule engine beside other engines, and by itself for what they have no counterpart of.
 *
 * Every figure comes from a process of its own, Tenet and DuckDB in turn; batch figures are CPU time with all facts in place, so
 * that nobody pays for reading them. Single transactions are CPU time, too, after the engine was told to prepare for changes.
 * All must derive the same: as many rows, and the same sum over them.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BATCH_RIVALS } from "./rivals/batch.mjs";
import { DATAFLOWS } from "./rivals/dataflow.mjs";
import { median } from "./support/measure.mjs";
import { besidePeer } from "./support/table.mjs";

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL("datalog-one.mjs", import.meta.url));
const ROUNDS = 7;
/** Of starts from files. */
const STARTS = 3;
/** Engines beside DuckDB, the yardstick. */
const OTHERS = ["postgres", "swi-prolog"];
const BATCH = ["chain", "random", "same-generation", "policy", "network"];
/** Servers of the policy that the engines of dataflows can hold, too. */
const DATAFLOW_SERVERS = 100_000;

/** Runs the benchmark. */
export async function datalog() {
  return [...(await batch()), await changes(), await besideDataflows(), await memory(), await others(), await starts()];
}

/** Batch: DuckDB in turn with ours, the others once. */
async function batch() {
  const isThere = new Set();
  for (const [which, rival] of Object.entries(BATCH_RIVALS)) if (await isMeasured(rival)) isThere.add(which);
  const rows = [];
  const besideOthers = [];
  for (const program of BATCH) {
    const runs = { tenet: [], duckdb: [], postgres: [], "swi-prolog": [] };
    for (let i = 0; i < ROUNDS; i++) {
      const sum = i === 0 ? ["sum"] : [];
      for (const which of isThere) {
        if (which === "duckdb" || i === 0) runs[which].push(await measure("rival", which, program, ...sum));
      }
      runs.tenet.push(await measure("tenet", program, ...sum));
    }
    requireAgreement(program, Object.values(runs).flat());
    const figure = `${program}, ${runs.tenet[0].n.toLocaleString("en-US")} rows`;
    const tenet = medianOf(runs.tenet, "seconds");
    rows.push({ figure, unit: "s CPU", tenet, peer: medianOf(runs.duckdb, "seconds"), better: "lower" });
    besideOthers.push({ figure, unit: "s CPU", values: [tenet, ...OTHERS.map((which) => medianOf(runs[which], "seconds"))] });
  }
  return [
    besidePeer("datalog", { peer: BATCH_RIVALS.duckdb.title, rows }),
    { name: "datalog-batch", columns: ["Tenet", ...OTHERS.map((which) => BATCH_RIVALS[which].title)], rows: besideOthers },
  ];
}

function medianOf(runs, key) {
  return runs.length === 0 ? undefined : median(runs.map((one) => one[key]));
}

async function isMeasured({ title, whyMissing }) {
  const reason = await whyMissing();
  if (reason !== undefined) console.log(`  without ${title}: ${reason}`);
  return reason === undefined;
}

/** Figures of different engines, or of several runs of one; not all of them have a sum. */
function requireAgreement(program, figures) {
  for (const key of ["n", "sum"]) {
    const values = new Set(figures.map((figure) => figure[key]).filter((value) => value !== undefined));
    if (values.size > 1) throw new Error(`The engines disagree on ${program}: ${key} is ${[...values].join(" and ")}`);
  }
}

/** Single transactions. */
async function changes() {
  const rows = [];
  for (const size of [10_000, 100_000, 1_000_000]) {
    const figure = `policy over ${size.toLocaleString("en-US")} servers, one row`;
    rows.push(row(figure, "µs", 1, await measure("increments", "policy", size)));
  }
  const intervals = await measure("searches", "intervals");
  const prefixes = await measure("searches", "prefixes");
  rows.push(
    row("… 100 rows in one transaction", "ms", 1000, await measure("batches", 1_000_000)),
    row("network, a link comes or goes", "ms", 1000, await measure("increments", "network")),
    row("closure without cycles, an edge comes or goes", "µs", 1, await measure("increments", "dag")),
    row("closure with cycles, an edge comes or goes", "ms", 1000, await measure("increments", "random")),
    row("200,000 points in 200,000 intervals, an interval comes", "µs", 1, intervals.rule),
    row("… a point comes", "µs", 1, intervals.packet),
    row("longest of 200,000 prefixes for 200,000 addresses, a prefix comes", "µs", 1, prefixes.route),
    row("… an address comes", "µs", 1, prefixes.host),
    row("a row that no rule follows", "µs", 1, await measure("unrelated")),
    row("the least of a group of 1,000,000 rows leaves", "µs", 1, await measure("extremes", "min")),
    row("… the greatest", "µs", 1, await measure("extremes", "max")),
    row("… the first of the top 10", "µs", 1, await measure("extremes", "top")),
    row("shortest paths over 80,000 links, one comes or goes", "µs", 1, await measure("shortest")),
    row("a fork with one row changed, its delta read", "µs", 1, await measure("fork")),
    row("a proof of 100 steps as text", "µs", 1, await measure("explain")),
  );
  return { name: "datalog-changes", columns: PERCENTILES, rows };
}

const PERCENTILES = ["p50", "p99", "mean"];

function row(figure, unit, scale, times) {
  return { figure, unit, values: PERCENTILES.map((name) => times[name] / scale) };
}

/** The same changes of the same policy on engines of dataflows. */
async function besideDataflows() {
  const runs = [["Tenet", await measure("increments", "policy", DATAFLOW_SERVERS)]];
  for (const [which, dataflow] of Object.entries(DATAFLOWS)) {
    if (await isMeasured(dataflow)) runs.push([dataflow.title, await measure("dataflow", which, DATAFLOW_SERVERS)]);
  }
  const figures = runs.map(([, times]) => times);
  requireAgreement("the policy after its changes", figures);
  return { name: "datalog-dataflows", columns: PERCENTILES, rows: runs.map(([title, times]) => row(title, "µs", 1, times)) };
}

async function memory() {
  const { bare, indexed, perIndex, perColumn } = await measure("memory");
  const { first, last } = await measure("churn");
  const rows = [
    { figure: "two-column recursive relation of 2,001,000 rows", unit: "B/row", values: [bare] },
    { figure: "… with the index that changes need", unit: "B/row", values: [indexed] },
    { figure: "… one more index", unit: "B/row", values: [perIndex] },
    { figure: "… one more column", unit: "B/row", values: [perColumn] },
    { figure: "a day: resident after 200,000 changes", unit: "MiB", values: [first.resident] },
    { figure: "… after 2,000,000", unit: "MiB", values: [last.resident] },
    { figure: "… in use after 200,000 changes", unit: "MiB", values: [first.used] },
    { figure: "… after 2,000,000", unit: "MiB", values: [last.used] },
  ];
  return { name: "datalog-memory", columns: ["Tenet"], rows };
}

async function others() {
  const imported = await measure("rows");
  const compiled = await measure("rules");
  const change = await measure("rule-change", 1_000_000);
  const rows = [
    { figure: "import, six columns, one of 100 characters", unit: "rows/s CPU", values: [imported.rowsPerSecond] },
    { figure: "… memory", unit: "B/row", values: [imported.bytesPerRow] },
    { figure: "… the same 500,000 rows again", unit: "s CPU", values: [imported.againSeconds] },
    { figure: "compile 2,000 rules", unit: "s CPU", values: [compiled.seconds] },
    { figure: "… the first row through them", unit: "s CPU", values: [compiled.firstSeconds] },
    { figure: "a table added to a policy of 1,000,000 servers", unit: "s CPU", values: [change.add] },
    { figure: "… and taken out", unit: "s CPU", values: [change.remove] },
    { figure: "a second rule for a table that others read", unit: "s CPU", values: [change.addSecond] },
    { figure: "… and taken out", unit: "s CPU", values: [change.removeSecond] },
    ...(await searches()),
  ];
  return { name: "datalog-others", columns: ["Tenet"], rows };
}

/** The first load of joins by ranges and networks. */
async function searches() {
  const [intervals, prefixes] = [await measure("searches", "intervals"), await measure("searches", "prefixes")];
  return [
    { figure: "200,000 points in 200,000 intervals, rules run", unit: "s CPU", values: [intervals.seconds] },
    { figure: "longest of 200,000 prefixes for 200,000 addresses, rules run", unit: "s CPU", values: [prefixes.seconds] },
  ];
}

/**
 * Starting from a file of state, beside taking rows in and running the rules: both to the first answers of an engine that is ready for
 * changes, from a file that is mapped and from one that is read.
 */
async function starts() {
  const folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  const rows = [];
  for (const name of ["chain", "policy", "network", "intervals", "prefixes"]) {
    const file = join(folder, name);
    const [saved, mapped, read] = [[], [], []];
    for (let i = 0; i < STARTS; i++) {
      saved.push(await measure("save", name, file));
      mapped.push(await measure("start", name, file, "mapped"));
      read.push(await measure("start", name, file, "read"));
    }
    requireAgreement(name, [saved, mapped, read].flat());
    const values = [medianOf(saved, "rulesSeconds"), ...[saved, mapped, read].map((runs) => medianOf(runs, "seconds"))];
    const [, ready, fromMapped] = values;
    rows.push({
      figure: `${name}, ${Math.round(saved[0].megabytes)} MiB`,
      unit: "s CPU",
      values: [...values, ready / fromMapped],
    });
  }
  rmSync(folder, { recursive: true });
  const columns = [
    "rows in, rules run",
    "… made ready, first answers",
    "from the file, mapped",
    "from the file, read",
    "ratio, mapped",
  ];
  return { name: "datalog-starts", columns, rows };
}

async function measure(...args) {
  const { stdout } = await run(process.execPath, ["--expose-gc", "--max-old-space-size=12000", SCRIPT, ...args.map(String)]);
  return JSON.parse(stdout);
}
