/**
 * Time until a system is there: the bare stack until its integration bridge answers `ovs-vsctl`, against the original
 * programs started one after another; and `tenet up examples/three-tier` until its hosts are measured and shown.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { median } from "./support/measure.mjs";
import { deleteLeftStacks, startOriginals, startTenet, TENET, whyNoStacks } from "./support/stacks.mjs";

const ROUNDS = 5;
const LIMIT_MS = 60_000;
const EXAMPLE = "examples/three-tier";

/** Runs the benchmark. */
export async function startUp() {
  const reason = whyNoStacks();
  const rows = [];
  if (reason === undefined) {
    deleteLeftStacks();
    const seconds = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      for (const [i, start] of [startTenet, startOriginals].entries()) seconds[i].push(await stackSeconds(start));
    }
    const [tenet, peer] = seconds.map(median);
    rows.push({ figure: "bare stack until br-int is there", unit: "s", tenet, peer, better: "lower" });
  }
  if (existsSync(join(EXAMPLE, "lab.yaml"))) {
    const runs = [];
    for (let round = 0; round < ROUNDS; round++) runs.push(await exampleSeconds());
    const of = (key) => median(runs.map((run) => run[key]));
    rows.push({ figure: `tenet up ${EXAMPLE}, as it says itself`, unit: "s", tenet: of("said"), better: "lower" });
    rows.push({
      figure: "… with --once, the whole process, hosts taken down too",
      unit: "s",
      tenet: of("whole"),
      better: "lower",
    });
  }
  return rows.length === 0 ? { skipped: reason } : { peer: "the original programs", rows };
}

async function stackSeconds(start) {
  const at = performance.now();
  const stack = await start();
  const seconds = (performance.now() - at) / 1000;
  await stack.stop();
  return seconds;
}

async function exampleSeconds() {
  const home = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  try {
    const env = { ...process.env, TENET_HOME: home, TENET_POLICY_PORT: "0", TENET_CONSOLE_PORT: "0", TENET_PREFIX: "tbs-" };
    const start = performance.now();
    const child = spawn(process.execPath, [TENET, "up", EXAMPLE, "--once"], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
      timeout: LIMIT_MS,
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
    const [code, signal] = await once(child, "close");
    const said = Number(/ready in ([\d.]+) s/.exec(text)?.[1]);
    if (code !== 0 || Number.isNaN(said)) throw new Error(`tenet up ${EXAMPLE} --once ended with ${code ?? signal}:\n${text}`);
    return { said, whole: (performance.now() - start) / 1000 };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
