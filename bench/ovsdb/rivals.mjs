/** Both servers as processes of their own on a database file: ours as `tenet ovsdb-server`, and the original's. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdtempSync, rmSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Wire } from "./wire.mjs";

const TENET = new URL("../../packages/cli/bin/tenet.js", import.meta.url).pathname;

/** What runs on a copy of a file until it is stopped. */
class Rival {
  constructor(name, child, path, folder, startedAt) {
    Object.assign(this, { name, child, path, folder, startedAt });
  }

  get pid() {
    return this.child.pid;
  }

  connect() {
    return Wire.open(this.path);
  }

  /** CPU time of its threads, in seconds; the kernel counts nanoseconds here. */
  cpuSeconds() {
    const folder = `/proc/${this.pid}/task`;
    const times = readdirSync(folder).map((thread) =>
      Number(readFileSync(`${folder}/${thread}/schedstat`, "utf8").split(" ")[0]),
    );
    return times.reduce((sum, time) => sum + time, 0) / 1e9;
  }

  async stop() {
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Starts one of the servers, and waits until it answers. */
export async function start(name, file) {
  const folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  const [copy, path] = [join(folder, "db"), join(folder, "sock")];
  copyFileSync(file, copy);
  const startedAt = performance.now();
  const options = [`--remote=punix:${path}`, "--unixctl=none", "-vconsole:off", copy];
  const [program, ...first] = name === "tenet" ? [process.execPath, TENET, "ovsdb-server"] : ["ovsdb-server"];
  const child = spawn(program, [...first, ...options], { stdio: "ignore" });
  const rival = new Rival(name, child, path, folder, startedAt);
  // Whatever goes wrong here, no server is left behind.
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  while (!(await isAnswering(rival))) await sleep(2);
  return rival;
}

/** Both, one after the other. */
export async function startBoth(file) {
  return [await start("tenet", file), await start("original", file)];
}

async function isAnswering(rival) {
  if (rival.child.exitCode !== null) throw new Error(`${rival.name} ended while it started`);
  if (!existsSync(rival.path)) return false;
  const wire = await rival.connect().catch(() => undefined);
  if (wire === undefined) return false;
  await wire.call("list_dbs", []);
  wire.close();
  return true;
}
