/**
 * The rule engine beside DuckDB on one thread, and by itself for what DuckDB has no counterpart of.
 *
 * Every figure comes from a process of its own, Tenet and DuckDB in turn; batch figures are CPU time with all facts in place, so
 * that neither pays for reading them. Single transactions are CPU time, too, after the engine was told to prepare for changes.
 */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { DUCKDB } from "./datalog-programs.mjs";
import { median } from "./support/measure.mjs";

const run = promisify(execFile);
const SCRIPT = fileURLToPath(new URL("datalog-one.mjs", import.meta.url));
const ROUNDS = 3;
const BATCH = ["chain", "random", "same-generation", "policy", "network"];

/** Runs the benchmark. */
export async function datalog() {
  const rows = [...(await batch()), ...(await increments()), ...(await others())];
  return { peer: "DuckDB, 1 thread", rows };
}

async function batch() {
  const hasDuckdb = await import(DUCKDB).then(
    () => true,
    () => false,
  );
  const rows = [];
  for (const program of BATCH) {
    const [ours, theirs] = [[], []];
    for (let i = 0; i < ROUNDS; i++) {
      if (hasDuckdb) theirs.push(await measure("duckdb", program));
      ours.push(await measure("tenet", program));
    }
    const counts = new Set([...ours, ...theirs].map(({ n }) => n));
    if (counts.size > 1) throw new Error(`The engines disagree on ${program}: ${[...counts].join(" and ")} rows`);
    const secondsOf = (runs) => (runs.length === 0 ? undefined : median(runs.map(({ seconds }) => seconds)));
    const nRows = ours[0].n.toLocaleString("en-US");
    const figure = `${program}, ${nRows} rows`;
    rows.push({ figure, unit: "s CPU", tenet: secondsOf(ours), peer: secondsOf(theirs), better: "lower" });
    if (program === "policy") continue;
    rows.push({ figure: "… memory, all tables", unit: "B/row", tenet: median(ours.map(({ bytesPerRow }) => bytesPerRow)) });
  }
  return rows;
}

async function increments() {
  const rows = [];
  const add = (figure, unit, scale, { p50, p99, mean }) => {
    for (const [name, value] of Object.entries({ p50, p99, mean })) {
      rows.push({ figure: name === "p50" ? `${figure}: ${name}` : `… ${name}`, unit, tenet: value / scale });
    }
  };
  for (const size of [10_000, 100_000, 1_000_000]) {
    add(
      `policy over ${size.toLocaleString("en-US")} servers, one row changed`,
      "µs",
      1,
      await measure("increments", "policy", size),
    );
  }
  add("… 100 rows changed in one transaction", "ms", 1000, await measure("batches", 1_000_000));
  add("network, a link comes or goes", "ms", 1000, await measure("increments", "network"));
  add("closure without cycles, an edge comes or goes", "µs", 1, await measure("increments", "dag"));
  add("closure with cycles, an edge comes or goes", "ms", 1000, await measure("increments", "random"));
  add("a row that no rule follows", "µs", 1, await measure("unrelated"));
  return rows;
}

async function others() {
  const [imported, compiled, fork, proof, churn] = [
    await measure("rows"),
    await measure("rules"),
    await measure("fork"),
    await measure("explain"),
    await measure("churn"),
  ];
  return [
    { figure: "import, six columns, one of 100 characters", unit: "rows/s CPU", tenet: imported.rowsPerSecond },
    { figure: "… memory", unit: "B/row", tenet: imported.bytesPerRow },
    { figure: "… the same 500,000 rows again", unit: "s CPU", tenet: imported.againSeconds },
    { figure: "compile 2,000 rules", unit: "s CPU", tenet: compiled.seconds },
    { figure: "… the first row through them", unit: "s CPU", tenet: compiled.firstSeconds },
    { figure: "fork, one row changed, delta read: p50", unit: "ms", tenet: fork.p50 / 1000 },
    { figure: "proof of 100 steps as text: p50", unit: "ms", tenet: proof.p50 / 1000 },
    { figure: "heap after 50,000 rows came and went", unit: "MiB", tenet: churn.first },
    { figure: "… after 400,000 rows", unit: "MiB", tenet: churn.last },
  ];
}

async function measure(...args) {
  const { stdout } = await run(process.execPath, ["--expose-gc", "--max-old-space-size=12000", SCRIPT, ...args.map(String)]);
  return JSON.parse(stdout);
}
