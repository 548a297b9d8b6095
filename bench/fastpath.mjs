/**
 * The kernel's fast path beside what else forwards between two hosts: a bare cable, which is the limit, the kernel's bridge, Open
 * vSwitch in user space and Tenet's datapaths, each doing the same in turns.
 *
 * CPU time is all that the work costs: of the hosts' programs, of the switch's process, and of the kernel's threads for
 * what it puts off. A packet on a veth device costs whoever sends it, so the time of the switch alone would tell little.
 */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import * as linux from "@tenet/linux";
import { kernelFlowCosts } from "./support/kernel-flow-costs.mjs";
import { cpuSeconds, median, missingProgram } from "./support/measure.mjs";
import { ovnLikeFlows } from "./support/ovn-like-flows.mjs";
import { HostPrograms } from "./support/host-programs.mjs";
import { SmallFrames } from "./support/small-frames.mjs";
import { BareCable, deleteLeftHosts, startBridge, startOriginal, startTenet } from "./support/switches.mjs";

const ROUNDS = 3;
const SECONDS = 1;
const WARM_UP_MS = 300;
const N_MASKS = 30;
const N_LIVE_FLOWS = 200_000;
/** So that those of connections find room, too. */
const FLOW_LIMIT = 250_000;
const N_LIVE_TARGETS = 4;
const N_NEW_FLOWS = 8192;
const N_FIRST_FRAMES = 300;
/** What an `ebpf` port may have under way to the switch before it is held back. */
const MISS_WINDOW = 128;

const NORMAL = "priority=1,actions=normal";
const DROP_BPDUS = "priority=1000,dl_dst=01:80:c2:00:00:00/ff:ff:ff:ff:ff:f0,actions=drop";
const NFT_DROP_BPDUS = [
  "add table bridge filter",
  "add chain bridge filter forward { type filter hook forward priority 0 ; }",
  "add rule bridge filter forward ether daddr 01:80:c2:00:00:00 drop",
];
/** A flow for each pair of ports. */
const BY_PORTS =
  "priority=2,udp,in_port=a,actions=move:NXM_OF_UDP_SRC[]->NXM_NX_REG0[0..15],move:NXM_OF_UDP_DST[]->NXM_NX_REG1[0..15],output:b";
/** Each looks at a bit more than the one before. */
const BY_MASKS = Array.from({ length: N_MASKS }, (_, i) => {
  const bits = `move:NXM_OF_IP_SRC[0..${i}]->NXM_NX_REG0[0..${i}],move:NXM_OF_UDP_SRC[]->NXM_NX_REG1[0..15]`;
  return `priority=2,udp,in_port=a,tp_dst=${9 + i},actions=${bits},output:b`;
});

/** Who forwards, as rows of the table; `nTargets` and `nFlows` are of the small frames. */
const RIVALS = [
  { start: () => new BareCable() },
  { start: () => startBridge() },
  { start: () => startBridge("… a rule of nftables drops BPDUs", "n", NFT_DROP_BPDUS), needs: "nft" },
  { start: () => startOriginal({ name: "Open vSwitch, user space" }), flows: [NORMAL], needs: "ovs-vswitchd" },
  {
    start: () => startOriginal({ name: "… without megaflows", ends: "p" }),
    flows: [NORMAL],
    needs: "ovs-vswitchd",
    prepare: (rival) => rival.appctl("upcall/disable-megaflows"),
  },
  { start: () => startTenet({ name: "Tenet, user" }), flows: [NORMAL] },
  { start: () => startKernel("Tenet, ebpf", "k"), flows: [NORMAL] },
  { start: () => startKernel("… a flow drops BPDUs", "d"), flows: [NORMAL, DROP_BPDUS] },
  {
    start: () => startKernel(`… ${N_MASKS} masks`, "m"),
    flows: [NORMAL, ...BY_MASKS],
    nTargets: N_MASKS,
    nFlows: 32 * N_MASKS,
    prepare: fillCache,
  },
  {
    start: () => startKernel("… 200,000 flows", "f"),
    flows: [NORMAL, BY_PORTS],
    nTargets: N_LIVE_TARGETS,
    nFlows: N_LIVE_FLOWS,
    prepare: fillCache,
  },
  { start: () => startKernel("… a pipeline like OVN's, with conntrack", "c"), flows: ovnLikeFlows() },
];

const MEASURES = [
  ...[1, 8].map((nSessions) => ({
    columns: [`connections/s, ${nSessions} ${nSessions === 1 ? "session" : "sessions"}`, "… CPU, µs each"],
    toColumns: (n, cpuUs) => [n / SECONDS, cpuUs / n],
    measure: ({ programs }) => programs.ask(nSessions, SECONDS),
  })),
  {
    columns: ["TCP, Gbit/s", "… CPU, µs per MB"],
    toColumns: (nBytes, cpuUs) => [(nBytes * 8) / 1e9 / SECONDS, cpuUs / (nBytes / 1e6)],
    measure: ({ programs }) => programs.stream(SECONDS),
  },
  {
    columns: ["60-byte frames/s", "… CPU, ns each"],
    toColumns: (n, cpuUs) => [n / SECONDS, (cpuUs * 1000) / n],
    measure: (field) => sendFrames(field, { ms: SECONDS * 1000 }),
  },
];

/** Runs the benchmark. */
export async function fastpath() {
  const missing = missingProgram("ovs-vsctl", "ovsdb-server", "iperf3", "python3", "ip");
  if (missing !== undefined) return { skipped: `${missing} is not installed` };
  if (!linux.probe().canUseNamespaces) return { skipped: "needs root on Linux" };
  deleteLeftHosts();
  const fields = [];
  try {
    for (const spec of RIVALS) {
      const absent = spec.needs === undefined ? undefined : missingProgram(spec.needs);
      if (absent === undefined) fields.push(await Field.start(spec));
      else console.log(`  without a row, since ${absent} is not installed`);
    }
    for (const field of fields) await field.prepare();
    return [await forwardingTable(fields), await setUpTable(fields)];
  } finally {
    for (const field of fields) await field.close();
    deleteLeftHosts();
  }
}

/** All that is forwarded, by who forwards. */
async function forwardingTable(fields) {
  const values = fields.map(() => []);
  for (const { measure, toColumns } of MEASURES) {
    const runs = fields.map(() => []);
    for (let round = -1; round < ROUNDS; round++) {
      for (const [i, field] of fields.entries()) {
        const before = field.cpuUs();
        const n = await measure(field);
        if (round >= 0) runs[i].push(toColumns(n, field.cpuUs() - before)); // the first warms up
      }
    }
    for (const [i, run] of runs.entries()) for (const column of [0, 1]) values[i].push(median(run.map((each) => each[column])));
  }
  const rows = fields.map(({ rival }, i) => ({ figure: rival.name, values: values[i] }));
  return { name: "fastpath", columns: MEASURES.flatMap(({ columns }) => columns), rows };
}

/** What a flow costs until it is there, and while it is looked after. */
async function setUpTable(fields) {
  const rivals = ["Tenet, ebpf", "Tenet, user", "Open vSwitch, user space"].map((name) =>
    fields.find((it) => it.rival.name === name),
  );
  const firsts = rivals.map(() => []);
  const setUps = rivals.map(() => []);
  for (const field of rivals) field?.rival.setFlows([NORMAL, BY_PORTS]);
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, field] of rivals.entries()) {
      if (field === undefined) continue;
      const times = await firstFrames(field.rival);
      const cpuUs = await setUpCost(field.rival);
      if (round < 0) continue;
      firsts[i].push(median(times) * 1000);
      setUps[i].push(1000 / cpuUs);
    }
  }
  const medians = (runs) => runs.map((run) => (run.length === 0 ? undefined : median(run)));
  const costs = await kernelFlowCosts(N_LIVE_FLOWS);
  return {
    name: "fastpath-setup",
    columns: ["Tenet, ebpf", "Tenet, user", "Open vSwitch"],
    rows: [
      { figure: "first packet of a flow, median", unit: "µs", values: medians(firsts) },
      { figure: "flows set up through the slow path", unit: "1000/s of CPU", values: medians(setUps) },
      { figure: "putting a flow into the datapath alone", unit: "µs of CPU", values: costs.put },
      { figure: `statistics of ${N_LIVE_FLOWS.toLocaleString("en-US")} flows`, unit: "ms of CPU", values: costs.dump },
    ],
  };
}

async function startKernel(name, ends) {
  return startTenet({ name, ends, datapath: "ebpf" });
}

/** Has the switch make a megaflow of each flow of the small frames, and keep it. */
async function fillCache(rival, spec) {
  rival.vsctl("set", "Open_vSwitch", ".", "other_config:max-idle=600000", `other_config:flow-limit=${FLOW_LIMIT}`);
  const frames = new SmallFrames(rival, { window: MISS_WINDOW, nTargets: spec.nTargets });
  rival.appctl("upcall/set-flow-limit", String(FLOW_LIMIT));
  for (let round = 0; round < 2; round++) await frames.run({ n: spec.nFlows, ms: 30_000 }, spec.nFlows); // the second: those lost
  frames.close();
}

async function sendFrames({ rival, spec: { nTargets = 1, nFlows = 1 } }, limit) {
  const frames = new SmallFrames(rival, { nTargets });
  const n = await frames.run(limit, nFlows);
  frames.close();
  return n;
}

async function firstFrames(rival) {
  rival.purge();
  const frames = new SmallFrames(rival);
  const times = await frames.firstFrames(N_FIRST_FRAMES);
  frames.close();
  return times;
}

/** CPU time of the switch's process, in µs a flow. */
async function setUpCost(rival) {
  rival.purge();
  const frames = new SmallFrames(rival, { window: MISS_WINDOW });
  const before = rival.cpuSeconds();
  const n = await frames.run({ n: N_NEW_FLOWS, ms: 5000 }, N_NEW_FLOWS + 1);
  frames.close();
  return ((rival.cpuSeconds() - before) * 1e6) / n;
}

/** A rival and the programs of its hosts. */
class Field {
  rival;
  spec;
  programs;

  static async start(spec) {
    const field = new Field();
    field.spec = spec;
    field.rival = await spec.start();
    field.programs = new HostPrograms(field.rival);
    return field;
  }

  /** Gives the switch its flows. */
  async prepare() {
    const { flows, prepare } = this.spec;
    if (flows !== undefined) this.rival.setFlows(flows);
    await sleep(WARM_UP_MS);
    await prepare?.(this.rival, this.spec);
    await sendFrames(this, { ms: WARM_UP_MS });
  }

  /** What its work has cost so far, with what else this process does. */
  cpuUs() {
    const { user, system } = process.cpuUsage();
    const others = (this.rival.cpuSeconds() ?? 0) + this.programs.cpuSeconds() + putOffSeconds();
    return user + system + others * 1e6;
  }

  async close() {
    this.programs.close();
    await this.rival.stop();
  }
}

/** CPU time of the kernel's threads for packets that it puts off, of which only the rival at hand has any. */
export function putOffSeconds() {
  return SOFT_IRQ_THREADS.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
}

const SOFT_IRQ_THREADS = readdirSync("/proc").filter((entry) => {
  if (!/^\d+$/.test(entry)) return false;
  try {
    return readFileSync(`/proc/${entry}/comm`, "utf8").startsWith("ksoftirqd/");
  } catch {
    return false; // it ended while we looked
  }
});
