/** The start of a database server on an empty database: its own work, and the time, until its first reply. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabaseFile, OVN_NORTHBOUND } from "@tenet/ovsdb";
import { start } from "./ovsdb/rivals.mjs";
import { median, missingProgram } from "./support/measure.mjs";

const ROUNDS = 5;

/** Runs the benchmark. */
export async function ovsdbStart() {
  const missing = missingProgram("ovsdb-server");
  if (missing !== undefined) return { skipped: `${missing} is not installed` };
  const folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  const runs = { tenet: [], original: [] };
  try {
    const file = join(folder, "empty.db");
    createDatabaseFile(file, OVN_NORTHBOUND);
    for (let round = 0; round < ROUNDS; round++) {
      for (const name of ["tenet", "original"]) {
        const server = await start(name, file);
        runs[name].push({ wall: performance.now() - server.startedAt, cpu: cpuMs(server.pid) });
        await server.stop();
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const row = (figure, key) => {
    const [tenet, peer] = ["tenet", "original"].map((name) => median(runs[name].map((run) => run[key])));
    return { figure, unit: "ms", tenet, peer, better: "lower" };
  };
  const rows = [row("CPU time until the first reply", "cpu"), row("time until the first reply", "wall")];
  return { peer: "ovsdb-server", rows };
}

/** CPU time of all threads of a process, to the nanosecond. */
function cpuMs(pid) {
  const folder = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(folder).map((id) => Number(readFileSync(join(folder, id, "schedstat"), "utf8").split(" ")[0]));
  return nanoseconds.reduce((sum, each) => sum + each, 0) / 1e6;
}
