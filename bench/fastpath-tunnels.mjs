/**
 * Tunnels in the kernel beside the kernel's own: a host behind a switch, a wire, and behind it a host that speaks VXLAN by the kernel's device.
 * The switch is the kernel's bridge with such a device, or Tenet; the far end is the same for all.
 *
 * CPU time is all that the work costs, at both ends and in between (see fastpath.mjs).
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as linux from "@tenet/linux";
import { putOffSeconds } from "./fastpath.mjs";
import { HostPrograms } from "./support/host-programs.mjs";
import { median, missingProgram } from "./support/measure.mjs";
import { ADDRESSES, deleteLeftHosts, startBridge, startTenet } from "./support/switches.mjs";

const ROUNDS = 3;
const SECONDS = 1;
const WARM_UP_MS = 500;
const PORT = 4789;
const WIRE = { near: "10.99.0.1", far: "10.99.0.2" };
/** The outer headers take 50 bytes. */
const INNER_MTU = 1450;
const NO_OFFLOAD = ["tx", "off", "tso", "off", "gso", "off", "gro", "off"];

const RIVALS = [
  { start: () => startBridge("Linux bridge and VXLAN device", "vl"), connect: connectBridge },
  { start: () => startTenet({ name: "Tenet, ebpf", ends: "vk", datapath: "ebpf" }), connect: connectSwitch },
  { start: () => startTenet({ name: "Tenet, user", ends: "vt" }), connect: connectSwitch },
  { start: () => startBridge("no offload on the wire: bridge and device", "vm"), connect: connectBridge, isPlain: true },
  {
    start: () => startTenet({ name: "no offload on the wire: Tenet, ebpf", ends: "vn", datapath: "ebpf" }),
    connect: connectSwitch,
    isPlain: true,
  },
];

const MEASURES = [
  {
    columns: ["connections/s, 1 session", "… CPU, µs each"],
    toColumns: (n, cpuUs) => [n / SECONDS, cpuUs / n],
    measure: (programs) => programs.ask(1, SECONDS),
  },
  {
    columns: ["TCP, Gbit/s", "… CPU, µs per MB"],
    toColumns: (nBytes, cpuUs) => [(nBytes * 8) / 1e9 / SECONDS, cpuUs / (nBytes / 1e6)],
    measure: (programs) => programs.stream(SECONDS),
  },
];

/** Runs the benchmark. */
export async function fastpathTunnels() {
  const missing = missingProgram("ovs-vsctl", "ovsdb-server", "iperf3", "python3", "ip", "ethtool");
  if (missing !== undefined) return { skipped: `${missing} is not installed` };
  if (!linux.probe().canUseNamespaces) return { skipped: "needs root on Linux" };
  deleteLeftHosts();
  const fields = [];
  try {
    for (const spec of RIVALS) fields.push(await lay(spec));
    return [await table(fields)];
  } finally {
    for (const { rival, programs } of fields) {
      programs.close();
      await rival.stop();
    }
    deleteLeftHosts();
  }
}

async function table(fields) {
  const runs = fields.map(() => []);
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, { rival, programs }] of fields.entries()) {
      const columns = [];
      for (const { measure, toColumns } of MEASURES) {
        const before = spentUs(rival, programs);
        const n = await measure(programs);
        columns.push(...toColumns(n, spentUs(rival, programs) - before));
      }
      if (round >= 0) runs[i].push(columns); // the first warms up
    }
  }
  const rows = fields.map(({ rival }, i) => ({
    figure: rival.name,
    values: runs[i][0].map((_, column) => median(runs[i].map((columns) => columns[column]))),
  }));
  return { name: "fastpath-tunnels", columns: MEASURES.flatMap(({ columns }) => columns), rows };
}

/** Makes the cable of host b the wire, with a VXLAN device behind it, and has the switch speak with that. */
async function lay({ start, connect, isPlain = false }) {
  const rival = await start();
  const atFar = (...args) => rival.inside(rival.namespaceOf("b"), ...args);
  rival.inside(rival.namespaceOf("a"), "ip", "link", "set", "eth0", "mtu", String(INNER_MTU));
  atFar("ip", "addr", "flush", "dev", "eth0");
  atFar("ip", "addr", "add", `${WIRE.far}/24`, "dev", "eth0");
  atFar("ip", "link", "add", "vx", "type", "vxlan", "id", "7", "local", WIRE.far, "remote", WIRE.near, "dstport", String(PORT));
  atFar("ip", "addr", "add", `${ADDRESSES.b}/24`, "dev", "vx");
  atFar("ip", "link", "set", "vx", "up");
  if (isPlain) atFar("ethtool", "-K", "eth0", ...NO_OFFLOAD);
  connect(rival);
  if (isPlain) rival.run("ethtool", "-K", "b", ...NO_OFFLOAD);
  const programs = new HostPrograms(rival);
  await sleep(WARM_UP_MS);
  return { rival, programs };
}

function connectBridge(rival) {
  rival.run("ip", "link", "set", "dev", "b", "nomaster");
  rival.run("ip", "addr", "add", `${WIRE.near}/24`, "dev", "b");
  const ends = ["local", WIRE.near, "remote", WIRE.far, "dstport", String(PORT)];
  rival.run("ip", "link", "add", "vx", "type", "vxlan", "id", "7", ...ends);
  rival.run("ip", "link", "set", "dev", "vx", "master", "br0", "up");
}

function connectSwitch(rival) {
  rival.vsctl("del-port", "b");
  rival.run("ip", "addr", "add", `${WIRE.near}/24`, "dev", "b");
  const options = ["key=7", `remote_ip=${WIRE.far}`, `dst_port=${PORT}`].map((option) => `options:${option}`);
  rival.vsctl("add-port", "br0", "tun0", "--", "set", "Interface", "tun0", "type=vxlan", ...options);
}

function spentUs(rival, programs) {
  const { user, system } = process.cpuUsage();
  return user + system + ((rival.cpuSeconds() ?? 0) + programs.cpuSeconds() + putOffSeconds()) * 1e6;
}
