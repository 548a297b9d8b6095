/**
 * Three front ends over an etcd cluster of three members, beside a Raft cluster of three of the original's servers: same
 * client, same disk, taking turns. Both answer a transaction when a majority of three processes has it on disk.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { OVN_NORTHBOUND, toSchema } from "@tenet/ovsdb";
import { insertion } from "./ovsdb/rows.mjs";
import { Wire } from "./ovsdb/wire.mjs";
import { cpuSeconds, median, missingProgram } from "./support/measure.mjs";

const ROUNDS = Number(process.env["OVSDB_ROUNDS"] ?? 3);
const TENET = new URL("../packages/cli/bin/tenet.js", import.meta.url).pathname;
const COUNT = { op: "mutate", table: "NB_Global", where: [], mutations: [["nb_cfg", "+=", 1]] };
const counting = () => Buffer.from(JSON.stringify({ id: 1, method: "transact", params: ["OVN_Northbound", COUNT] }));
const inserting = () => insertion(true);
const SHAPES = [
  { name: "insert, 1 client, one at a time", nServers: 1, nClients: 1, nUnderWay: 1, n: 1200, request: inserting },
  { name: "insert, 10 clients of one server", nServers: 1, nClients: 10, nUnderWay: 1, n: 2000, request: inserting },
  { name: "insert, 10 clients of three servers", nServers: 3, nClients: 10, nUnderWay: 1, n: 2000, request: inserting },
  { name: "insert, 1 client, 100 under way", nServers: 1, nClients: 1, nUnderWay: 100, n: 4000, request: inserting },
  { name: "count in one row, 10 clients of three servers", nServers: 3, nClients: 10, nUnderWay: 1, n: 1000, request: counting },
];

/** Runs the benchmark. */
export async function ovsdbEtcd() {
  const missing = missingProgram("etcd", "ovsdb-server", "ovsdb-tool");
  if (missing !== undefined) return { skipped: `${missing} is not installed` };
  const folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  const rivals = [];
  try {
    rivals.push(await startTenet(folder), await startOriginal(folder));
    const rows = [];
    for (const shape of SHAPES) rows.push(...(await compare(shape, rivals)));
    return { peer: "Raft cluster", rows };
  } finally {
    for (const child of rivals.flatMap(({ children }) => children)) {
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startTenet(folder) {
  const ports = await freePorts(6);
  const peerUrl = (i) => `http://127.0.0.1:${ports[3 + i]}`;
  const initial = [0, 1, 2].map((i) => `m${i}=${peerUrl(i)}`).join(",");
  const members = [0, 1, 2].map((i) => {
    const url = `http://127.0.0.1:${ports[i]}`;
    const client = [`--listen-client-urls=${url}`, `--advertise-client-urls=${url}`];
    const peers = [
      `--listen-peer-urls=${peerUrl(i)}`,
      `--initial-advertise-peer-urls=${peerUrl(i)}`,
      `--initial-cluster=${initial}`,
    ];
    const options = [
      `--name=m${i}`,
      `--data-dir=${join(folder, `etcd${i}`)}`,
      ...client,
      ...peers,
      "--logger=zap",
      "--log-level=fatal",
    ];
    return spawn("etcd", options, { stdio: "ignore" });
  });
  const storage = `etcd:${[0, 1, 2].map((i) => `127.0.0.1:${ports[i]}`).join(",")}/bench`;
  const homes = [0, 1, 2].map((i) => join(folder, `tenet${i}`));
  const servers = homes.map((home) => {
    const env = { ...process.env, TENET_HOME: home };
    return spawn(process.execPath, [TENET, "ovsdb-server", `--storage=${storage}`], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
  });
  const paths = homes.map((home) => join(home, "run", "nb.sock"));
  await untilServed(paths);
  return { children: [...servers, ...members], servers, paths };
}

async function startOriginal(folder) {
  const ports = await freePorts(3);
  const addresses = ports.map((port) => `tcp:127.0.0.1:${port}`);
  const schema = join(folder, "schema");
  writeFileSync(schema, JSON.stringify(toSchema(OVN_NORTHBOUND).json));
  const files = addresses.map((_, i) => join(folder, `raft${i}.db`));
  must("ovsdb-tool", "create-cluster", files[0], schema, addresses[0]);
  for (const i of [1, 2]) {
    const others = addresses.filter((_, other) => other !== i);
    must("ovsdb-tool", "join-cluster", files[i], "OVN_Northbound", addresses[i], ...others);
  }
  const paths = [];
  const servers = [];
  for (const [i, file] of files.entries()) {
    const runDir = join(folder, `run${i}`);
    mkdirSync(runDir);
    paths.push(join(runDir, "sock"));
    const options = [
      `--remote=punix:${paths[i]}`,
      `--unixctl=${join(runDir, "ctl")}`,
      "-vconsole:off",
      "--log-file=/dev/null",
      file,
    ];
    servers.push(spawn("ovsdb-server", options, { stdio: "ignore" }));
    await untilServed([paths[i]]);
    must("ovsdb-client", "--timeout=20", "wait", `unix:${paths[i]}`, "OVN_Northbound", "connected");
  }
  const wire = await Wire.open(paths[0]);
  await wire.call("transact", ["OVN_Northbound", { op: "insert", table: "NB_Global", row: {} }]);
  wire.close();
  return { children: servers, servers, paths };
}

async function compare(shape, rivals) {
  const results = rivals.map(() => ({ rates: [], cpu: [] }));
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, rival] of rivals.entries()) {
      const { rate, cpu } = await run(rival, shape);
      if (round < 0) continue; // warm-up
      results[i].rates.push(rate);
      results[i].cpu.push(cpu);
    }
  }
  const [ours, theirs] = results.map(({ rates, cpu }) => ({ rate: median(rates), cpu: median(cpu) }));
  return [
    { figure: shape.name, unit: "transactions/s", tenet: ours.rate, peer: theirs.rate, better: "higher" },
    { figure: "… CPU time of the servers, without etcd", unit: "µs each", tenet: ours.cpu, peer: theirs.cpu, better: "lower" },
  ];
}

async function run({ paths, servers }, { nServers, nClients, nUnderWay, n, request }) {
  const wires = await Promise.all(Array.from({ length: nClients }, (_, i) => Wire.open(paths[i % nServers])));
  const loads = wires.map(() => Array.from({ length: n / nClients }, request));
  const used = () => servers.reduce((sum, { pid }) => sum + cpuSeconds(pid), 0);
  const cpuBefore = used();
  const start = performance.now();
  await Promise.all(wires.map((wire, i) => wire.pipeline(loads[i], nUnderWay)));
  const seconds = (performance.now() - start) / 1000;
  for (const wire of wires) wire.close();
  return { rate: n / seconds, cpu: ((used() - cpuBefore) * 1e6) / n };
}

async function untilServed(paths) {
  for (const path of paths) {
    for (let i = 0; !existsSync(path); i++) {
      if (i === 3000) throw new Error(`${path} did not appear within 30 s`);
      await sleep(10);
    }
  }
}

function must(program, ...options) {
  const { status, stderr } = spawnSync(program, options, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} failed: ${stderr}`);
}

async function freePorts(n) {
  const servers = Array.from({ length: n }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => server.address().port);
  for (const server of servers) server.close();
  return ports;
}
