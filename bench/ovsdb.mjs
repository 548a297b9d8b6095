/**
 * Transactions per second of our OVSDB server and of the original's `ovsdb-server`: same client, same run, same disk.
 *
 * A transaction is what plugs a port: insert a Logical_Switch_Port, and add it to its switch; a hundred ports to a switch.
 * "On disk" asks for `durable` in a `commit` operation, so both call fsync before they answer; our server always does,
 * the original only when asked.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { JsonRpc } from "./support/json-rpc.mjs";
import { cpuSeconds, median, missingProgram } from "./support/measure.mjs";

const ROUNDS = 5;
const PORTS_PER_SWITCH = 100;
const SCHEMA = "/usr/share/ovn/ovn-nb.ovsschema";
const MODES = [
  { name: "1 connection, one at a time, on disk", nConnections: 1, nUnderWay: 1, nTransactions: 500, isDurable: true },
  { name: "1 connection, 64 under way, on disk", nConnections: 1, nUnderWay: 64, nTransactions: 2000, isDurable: true },
  { name: "8 connections, one at a time each, on disk", nConnections: 8, nUnderWay: 1, nTransactions: 2000, isDurable: true },
  { name: "1 connection, one at a time", nConnections: 1, nUnderWay: 1, nTransactions: 1000, isDurable: false },
  { name: "1 connection, 64 under way", nConnections: 1, nUnderWay: 64, nTransactions: 2000, isDurable: false },
  { name: "8 connections, one at a time each", nConnections: 8, nUnderWay: 1, nTransactions: 2000, isDurable: false },
];

/** Runs the benchmark. */
export async function ovsdb() {
  const missing = missingProgram("ovsdb-server", "ovsdb-tool") ?? (existsSync(SCHEMA) ? undefined : SCHEMA);
  if (missing !== undefined) return { skipped: `${missing} is not installed` };
  const folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  const rivals = [];
  try {
    rivals.push(await startTenet(folder), await startOriginal(folder));
    for (const { path } of rivals) await warmUp(path);
    const rows = [];
    for (const mode of MODES) rows.push(...(await compare(mode, rivals)));
    return { peer: "ovsdb-server", rows };
  } finally {
    for (const { child } of rivals) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startTenet(folder) {
  const path = join(folder, "tenet.sock");
  const script = new URL("support/ovsdb-server.mjs", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, join(folder, "tenet.db"), path], { stdio: ["ignore", "ignore", "inherit"] });
  await untilThere(path);
  return { child, path };
}

async function startOriginal(folder) {
  const [file, path] = [join(folder, "original.db"), join(folder, "original.sock")];
  execFileSync("ovsdb-tool", ["create", file, SCHEMA]);
  const options = [`--remote=punix:${path}`, "--unixctl=none", "-vconsole:off", file];
  const child = spawn("ovsdb-server", options, { stdio: ["ignore", "ignore", "inherit"] });
  await untilThere(path);
  return { child, path };
}

async function untilThere(path) {
  for (let i = 0; !existsSync(path); i++) {
    if (i === 500) throw new Error(`${path} did not appear within 5 s`);
    await sleep(10);
  }
}

/** A server runs for days: what is measured is one whose code is compiled. */
async function warmUp(path) {
  const connection = await JsonRpc.open(path);
  await load(connection, { nConnections: 1, nUnderWay: 8, nTransactions: 4000, isDurable: true });
  connection.close();
}

async function compare(mode, rivals) {
  const results = rivals.map(() => ({ rates: [], cpu: [] }));
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, { child, path }] of rivals.entries()) {
      const connections = await Promise.all(Array.from({ length: mode.nConnections }, () => JsonRpc.open(path)));
      const cpuBefore = cpuSeconds(child.pid);
      const start = performance.now();
      await Promise.all(connections.map((connection) => load(connection, mode)));
      const seconds = (performance.now() - start) / 1000;
      for (const connection of connections) connection.close();
      if (round < 0) continue; // warm-up
      results[i].rates.push(mode.nTransactions / seconds);
      results[i].cpu.push(((cpuSeconds(child.pid) - cpuBefore) * 1e6) / mode.nTransactions);
    }
  }
  const [ours, theirs] = results.map(({ rates, cpu }) => ({ rate: median(rates), cpu: median(cpu) }));
  return [
    { figure: mode.name, unit: "transactions/s", tenet: ours.rate, peer: theirs.rate, better: "higher" },
    { figure: "… CPU time of the server", unit: "µs each", tenet: ours.cpu, peer: theirs.cpu, better: "lower" },
  ];
}

/** One connection's share of a round, `nUnderWay` requests at a time. */
async function load(connection, { nConnections, nUnderWay, nTransactions, isDurable }) {
  const nMine = nTransactions / nConnections;
  const tag = `${process.hrtime.bigint()}`;
  let n = 0;
  const work = async () => {
    while (n < nMine) await connection.call("transact", transaction(tag, n++, isDurable));
  };
  await Promise.all(Array.from({ length: nUnderWay }, work));
}

function transaction(tag, n, isDurable) {
  const name = `sw-${tag}-${Math.floor(n / PORTS_PER_SWITCH)}`;
  const [a, b] = [n >> 8, n & 255].map((byte) => byte.toString(16).padStart(2, "0"));
  const addresses = `0a:00:00:00:${a}:${b} 10.0.${n >> 8}.${n & 255}`;
  const row = {
    name: `${tag}-${n}`,
    addresses,
    port_security: addresses,
    external_ids: ["map", [["owner", "bench"]]],
  };
  const insert = { op: "insert", table: "Logical_Switch_Port", "uuid-name": "port", row };
  const port = ["named-uuid", "port"];
  const plug =
    n % PORTS_PER_SWITCH === 0
      ? { op: "insert", table: "Logical_Switch", row: { name, ports: port } }
      : { op: "mutate", table: "Logical_Switch", where: [["name", "==", name]], mutations: [["ports", "insert", port]] };
  return ["OVN_Northbound", insert, plug, ...(isDurable ? [{ op: "commit", durable: true }] : [])];
}
