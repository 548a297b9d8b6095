/**
 * Our OVSDB server and the original's `ovsdb-server` beside each other: same client, same files, same disk, one run.
 *
 * Ours is the command `tenet ovsdb-server`. `--full` adds what takes minutes: a database of a million rows. OVSDB_BENCH names
 * some of the parts (rates, large, scaling), OVSDB_ROUNDS how often each figure is measured.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingProgram } from "./support/measure.mjs";
import { besidePeer } from "./support/table.mjs";
import { costs, firstAnswer, latency, loading, manyMonitors, selects } from "./ovsdb/large.mjs";
import { rates } from "./ovsdb/rates.mjs";
import { start, startBoth } from "./ovsdb/rivals.mjs";
import { writeFile } from "./ovsdb/rows.mjs";

const ROUNDS = Number(process.env["OVSDB_ROUNDS"] ?? 3);
const PEER = "ovsdb-server";

/** Runs the benchmark. */
export async function ovsdb() {
  const missing = missingProgram("ovsdb-server");
  if (missing !== undefined) return { skipped: `${missing} is not installed` };
  return tables();
}

async function* tables() {
  const folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  try {
    const parts = { rates: smallDatabase, large: largeDatabase, scaling };
    const wanted = Object.keys(parts).filter((name) => process.env["OVSDB_BENCH"]?.includes(name) ?? true);
    for (const name of wanted) {
      console.error(`  ${name} …`);
      yield await parts[name](folder);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function smallDatabase(folder) {
  const file = join(folder, "small.db");
  writeFile(file, rates.nPorts);
  const rivals = await startBoth(file);
  try {
    const rows = [...(await rates(rivals, ROUNDS)), ...(await selects(rivals, rates.nPorts, ROUNDS, 3000))];
    return besidePeer("ovsdb", { peer: PEER, rows });
  } finally {
    for (const rival of rivals) await rival.stop();
  }
}

async function largeDatabase(folder) {
  const file = join(folder, "large.db");
  writeFile(file, 100_000);
  const rows = await loading(file, ROUNDS);
  const rivals = await startBoth(file);
  try {
    rows.push(...(await firstAnswer(rivals, ROUNDS)));
    rows.push(...(await latency(rivals, ROUNDS, 4000)));
    rows.push(...(await selects(rivals, 100_000, ROUNDS, 3000)));
    rows.push(...(await manyMonitors(rivals, ROUNDS, 400)));
  } finally {
    for (const rival of rivals) await rival.stop();
  }
  return besidePeer("ovsdb-large", { peer: PEER, rows });
}

/** The cost of a transaction, by the size of the database. */
async function scaling(folder) {
  const rows = [];
  for (const nRows of process.argv.includes("--full") ? [10_000, 1_000_000] : [10_000, 100_000]) {
    const file = join(folder, `${nRows}.db`);
    writeFile(file, nRows);
    const values = {};
    for (const name of ["tenet", "original"]) {
      const rival = await start(name, file);
      values[name] = await costs(rival, nRows, 5, 6000);
      await rival.stop();
    }
    rmSync(file);
    const figure = `CPU time of a small transaction at ${nRows.toLocaleString("en-US")} rows`;
    rows.push({ figure, unit: "µs each", tenet: values.tenet, peer: values.original, better: "lower" });
  }
  return besidePeer("ovsdb-scaling", { peer: PEER, rows });
}
