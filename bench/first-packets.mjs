/**
 * What the first packet of a flow waits for while the switch has other work: Tenet and Open vSwitch, each a daemon as its
 * packages start it, with one packet at a time through the sockets of two dummy ports. They take turns with each work.
 */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Worker } from "node:worker_threads";
import { DelayDatabase } from "./support/delay-database.mjs";
import { delayWorks } from "./support/delay-works.mjs";
import { missingProgram } from "./support/measure.mjs";
import { BARRIER_REPLY, connectTo } from "./support/openflow-bytes.mjs";
import { pipeline, textFlowMods } from "./support/switch-load.mjs";

const TENET = new URL("../packages/cli/bin/ovs-vswitchd.js", import.meta.url).pathname;
const COLUMNS = ["Tenet", "Open vSwitch"].flatMap((name) => [`${name} p50`, "longest", "packets", "… took, s"]);

/** Runs the benchmark. */
export async function firstPackets() {
  const missing = missingProgram("ovs-vswitchd", "ovs-appctl");
  if (missing !== undefined) return { skipped: `${missing} is not installed` };
  const fields = [];
  try {
    for (const program of [TENET, "ovs-vswitchd"]) {
      const field = new Field();
      fields.push(field);
      await field.start(program);
    }
    const works = fields.map((field) => delayWorks(field));
    const rows = [];
    for (const figure of Object.keys(works[0])) {
      const values = [];
      for (const [i, field] of fields.entries()) values.push(...(await field.measure(works[i][figure])));
      rows.push({ figure, unit: "ms", values });
      console.log(`  ${figure}`);
    }
    return [{ name: "first-packets", columns: COLUMNS, rows }];
  } finally {
    for (const field of fields) await field.stop();
  }
}

/** A switch as a daemon, its database, a connection to its bridge, and the packets. */
class Field {
  #folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  #database;
  #pid;
  #connection;
  #trickle;

  async start(program) {
    const folder = this.#folder;
    const remote = `unix:${folder}/db.sock`;
    this.#database = await DelayDatabase.serve(remote);
    const env = { ...process.env, OVS_RUNDIR: folder, OVS_LOGDIR: folder };
    const options = ["--enable-dummy", "--disable-system", "--detach", "--no-chdir", "--pidfile", "--log-file"];
    await promisify(execFile)(program, [remote, `--unixctl=${folder}/ctl`, ...options], { env });
    this.#pid = Number(readFileSync(join(folder, "ovs-vswitchd.pid"), "utf8"));
    const socketOf = (name) => join(folder, `${name}.frames`);
    await this.#database.addBridge({ datapath_type: "dummy" }, (name) =>
      name === "br0" ? {} : { pstream: `punix:${socketOf(name)}` },
    );
    this.#connection = await connectTo(join(folder, "br0.mgmt"));
    await this.openFlow(textFlowMods(pipeline()), BARRIER_REPLY);
    const workerData = { switchPid: this.#pid, into: socketOf("p1"), outOf: socketOf("p2") };
    this.#trickle = new Worker(new URL("support/socket-trickle.mjs", import.meta.url), { workerData });
    this.#trickle.on("error", (error) => {
      throw error;
    });
  }

  openFlow = (bytes, answer) => this.#connection.request(bytes, answer);

  change = (operations) => this.#database.change(operations);

  /** A dump of 100,000 flows is 10 MB. */
  command = (...argument) =>
    promisify(execFile)("ovs-appctl", ["-t", join(this.#folder, "ctl"), ...argument], { maxBuffer: 1e9 });

  /** What packets wait for while `work` goes on, and how many seconds it takes. */
  async measure(work) {
    await this.#taken();
    const startMs = performance.now();
    await work();
    const tookMs = performance.now() - startMs;
    const sorted = Float64Array.from(await this.#taken()).sort();
    const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
    return [at(0.5), at(1), sorted.length, tookMs / 1000];
  }

  /** The waits since this was asked last. */
  #taken() {
    const heard = new Promise((resolve) => {
      this.#trickle.once("message", resolve);
    });
    this.#trickle.postMessage("take");
    return heard;
  }

  async stop() {
    this.#connection?.close();
    await this.#trickle?.terminate();
    if (this.#pid !== undefined) spawnSync("kill", ["-KILL", String(this.#pid)]); // it may have ended
    await this.#database?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
