/**
 * The slow path: megaflows made through twenty tables, flow-mods over one connection, what rules and megaflows take in memory,
 * and how long the event loop has to be waited for meanwhile.
 *
 * Flow-mods are bytes made beforehand, sent to a socket of Tenet and of Open vSwitch by turns. CPU time is that of the whole
 * process, the collector's threads included.
 */
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOM_FOR_OLD } from "../packages/cli/dist/daemon/short-pauses.js";
import { cpuSeconds, median, missingProgram } from "./support/measure.mjs";
import { BARRIER_REPLY, BUNDLE_CONTROL, connectTo, MULTIPART_REPLY } from "./support/openflow-bytes.mjs";
import { deleteFlows, dumpFlows, flowMods } from "./support/switch-load.mjs";

const N_FLOW_MODS = 100_000;
const N_MEGAFLOWS = 100_000;
const ROUNDS = 5;

/** Runs the benchmark. */
export async function switchSetup() {
  const folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  const tenet = await startTenet(join(folder, "tenet"));
  const peer = missingProgram("ovs-vswitchd", "ovsdb-server") === undefined ? startOvs(join(folder, "ovs")) : undefined;
  try {
    const setUps = await repeat(() => tenet.ask("setUp", N_MEGAFLOWS));
    const setUp = medians(setUps);
    const bytesEach = Math.max(...setUps.map((each) => each.bytesEach)); // later rounds find tables that have grown already
    const rows = [
      { figure: "new megaflows through 20 tables", unit: "1000/s of CPU", tenet: 1000 / setUp.cpuUs, better: "higher" },
      { figure: "latency of their first packets, p50", unit: "µs", tenet: setUp.p50Us, better: "lower" },
      { figure: "… p99", unit: "µs", tenet: setUp.p99Us, better: "lower" },
      { figure: "memory of a megaflow, both parts", unit: "bytes", tenet: bytesEach, better: "lower" },
    ];
    return { peer: "ovs-vswitchd", rows: [...rows, ...(await measureFlowMods(tenet, peer))] };
  } finally {
    tenet.stop();
    peer?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Rows about flow-mods, dumps and what they do to the event loop. */
async function measureFlowMods(tenet, peer) {
  const kinds = [
    { name: "flow-mods one by one", bytes: flowMods(N_FLOW_MODS, false), answer: BARRIER_REPLY },
    { name: "flow-mods in a bundle", bytes: flowMods(N_FLOW_MODS, true), answer: BUNDLE_CONTROL },
  ];
  const bytesBefore = await tenet.ask("bytesHeld");
  const connections = await Promise.all([tenet, peer].map((each) => each && connectTo(each.path)));
  const clear = (connection) => connection.request(deleteFlows(), BARRIER_REPLY);
  const rows = [];
  for (const { name, bytes, answer } of kinds) {
    const runs = await repeat(async () => {
      const run = [];
      for (const [i, rival] of [tenet, peer].entries()) {
        if (rival === undefined) continue;
        run.push(await timed(rival.pid, () => connections[i].request(bytes, answer)));
        await clear(connections[i]);
      }
      return run;
    });
    const of = (i, key) => (runs[0][i] === undefined ? undefined : median(runs.map((run) => run[i][key])));
    const rate = (i) => (runs[0][i] === undefined ? undefined : 1000 / of(i, "wallUs"));
    rows.push({ figure: name, unit: "1000/s", tenet: rate(0), peer: rate(1), better: "higher" });
    rows.push({ figure: "… CPU time", unit: "µs each", tenet: of(0, "cpuUs"), peer: of(1, "cpuUs"), better: "lower" });
  }
  const [oneByOne, bundle] = kinds;
  const [connection] = connections;
  const waits = [];
  let bytesEach = 0;
  for (const { name, bytes, answer } of [
    oneByOne,
    { name: "a dump of 100,000 flows", bytes: dumpFlows(), answer: MULTIPART_REPLY },
    { name: "a deletion of 100,000 flows", bytes: deleteFlows(), answer: BARRIER_REPLY },
    bundle,
  ]) {
    await tenet.ask("watch");
    await connection.request(bytes, answer);
    const { wallMs, cpuMs } = await tenet.ask("longest");
    if (name === oneByOne.name) bytesEach = ((await tenet.ask("bytesHeld")) - bytesBefore) / N_FLOW_MODS;
    waits.push({ figure: `longest wait for the event loop during ${name}`, unit: "ms", tenet: wallMs, better: "lower" });
    waits.push({ figure: "… CPU time in it, of all threads", unit: "ms", tenet: cpuMs, better: "lower" });
  }
  for (const each of connections) each?.close();
  return [...rows, { figure: "memory of a rule", unit: "bytes", tenet: bytesEach, better: "lower" }, ...waits];
}

async function timed(pid, work) {
  const cpuBefore = cpuSeconds(pid);
  const startMs = performance.now();
  await work();
  const wallUs = ((performance.now() - startMs) * 1000) / N_FLOW_MODS;
  return { wallUs, cpuUs: ((cpuSeconds(pid) - cpuBefore) * 1e6) / N_FLOW_MODS };
}

async function repeat(work) {
  const results = [];
  for (let round = 0; round < ROUNDS; round++) results.push(await work());
  return results;
}

function medians(results) {
  return Object.fromEntries(Object.keys(results[0]).map((key) => [key, median(results.map((result) => result[key]))]));
}

/** A switch in a process of its own, with its socket in a folder that is made. */
export async function startTenet(folder) {
  mkdirSync(folder);
  const script = new URL("support/switch-process.mjs", import.meta.url).pathname;
  const child = fork(script, [folder], { execArgv: ["--expose-gc", ROOM_FOR_OLD] });
  await once(child, "message");
  return {
    pid: child.pid,
    path: join(folder, "br0.mgmt"),
    async ask(name, argument) {
      child.send({ name, argument });
      const [{ value }] = await once(child, "message");
      return value;
    },
    stop: () => child.kill(),
  };
}

function startOvs(folder) {
  const env = { ...process.env, OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder };
  const run = (...command) => execFileSync(command[0], command.slice(1), { env, stdio: "pipe" });
  const remote = `unix:${folder}/db.sock`;
  mkdirSync(folder);
  run("ovsdb-tool", "create", `${folder}/conf.db`, "/usr/share/openvswitch/vswitch.ovsschema");
  run("ovsdb-server", `${folder}/conf.db`, `--remote=p${remote}`, "--detach", "--no-chdir", "--pidfile", "--log-file");
  run("ovs-vswitchd", remote, "--enable-dummy", "--disable-system", "--detach", "--no-chdir", "--pidfile", "--log-file");
  run("ovs-vsctl", `--db=${remote}`, "--no-wait", "init");
  run("ovs-vsctl", `--db=${remote}`, "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy");
  const pids = ["ovs-vswitchd", "ovsdb-server"].map((name) => Number(readFileSync(join(folder, `${name}.pid`), "utf8")));
  const stop = () => {
    for (const pid of pids) process.kill(pid, "SIGKILL");
  };
  return { pid: pids[0], path: join(folder, "br0.mgmt"), stop };
}
