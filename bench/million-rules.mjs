/** A table of nearly a million rules, which is as many as a bridge takes: loaded over one connection, looked up, dumped, deleted. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cpuSeconds } from "./support/measure.mjs";
import { BARRIER_REPLY, connectTo, MULTIPART_REPLY } from "./support/openflow-bytes.mjs";
import { deleteFlows, dumpFlows, flowMods } from "./support/switch-load.mjs";
import { startTenet } from "./switch-setup.mjs";

const N_PARTS = 10;
const N_PER_PART = 99_000;
const N_LOOKUPS = 1_000_000;

/** No part is begun later. */
const LATEST_START_MS = 120_000;

/** Runs the benchmark. */
export async function millionRules() {
  const folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  const tenet = await startTenet(join(folder, "tenet"));
  const latestMs = performance.now() + LATEST_START_MS;
  let nRules = 0;
  try {
    const connection = await connectTo(tenet.path);
    const bytesBefore = await tenet.ask("bytesHeld");
    const rows = [];
    const timed = async (figure, work) => {
      await tenet.ask("watch");
      const cpuBefore = cpuSeconds(tenet.pid);
      await work();
      const cpuUs = ((cpuSeconds(tenet.pid) - cpuBefore) * 1e6) / nRules;
      const { cpuMs } = await tenet.ask("longest");
      rows.push({ figure, unit: "µs of CPU each", values: [cpuUs] });
      rows.push({ figure: "… longest wait for the event loop, CPU time of the thread", unit: "ms", values: [cpuMs] });
    };
    const parts = Array.from({ length: N_PARTS }, (_, i) => flowMods(N_PER_PART, false, "add", i * N_PER_PART)); // who watches is busy meanwhile
    await timed("rules added one by one", async () => {
      for (const part of parts) {
        if (performance.now() > latestMs) break;
        await connection.request(part, BARRIER_REPLY);
        nRules += N_PER_PART;
      }
      if (nRules < N_PARTS * N_PER_PART) console.log(`  not reached: more than ${nRules.toLocaleString("en-US")} rules`);
    });
    const bytesEach = ((await tenet.ask("bytesHeld")) - bytesBefore) / nRules;
    rows.push({ figure: "memory of a rule", unit: "bytes", values: [bytesEach] });
    const lookupUs = await tenet.ask("lookUp", { n: N_LOOKUPS, nRules });
    rows.push({ figure: "lookups", unit: "µs of CPU each", values: [lookupUs] });
    await timed("rules dumped", () => connection.request(dumpFlows(), MULTIPART_REPLY));
    await timed("rules deleted", () => connection.request(deleteFlows(), BARRIER_REPLY));
    connection.close();
    return [{ name: "million-rules", columns: [`${nRules.toLocaleString("en-US")} rules`], rows }];
  } finally {
    tenet.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
