/**
 * Tenet's switch and the original's, each a whole process with its database beside it, between two hosts; a bare cable
 * between the hosts is the limit. Rates are what the hosts see; CPU time is that of the switch's process.
 */
import { setTimeout as sleep } from "node:timers/promises";
import * as linux from "@tenet/linux";
import { HostPrograms } from "./support/host-programs.mjs";
import { median, missingProgram } from "./support/measure.mjs";
import { SmallFrames } from "./support/small-frames.mjs";
import { ADDRESSES, BareCable, deleteLeftHosts, startOriginal, startTenet } from "./support/switches.mjs";

const ROUNDS = 5;
const SECONDS = 1;
const WARM_UP_MS = 4000;

const NORMAL = ["actions=normal"];
const FROM_A_TO_B = ["in_port=a,actions=output:b", "in_port=b,actions=output:a"];
/** Reads the source port, so that each has a megaflow of its own. */
const BY_SOURCE_PORT = ["udp,in_port=a,actions=move:NXM_OF_UDP_SRC[]->NXM_NX_REG0[0..15],output:b"];
const THROUGH_CONNTRACK = [
  "priority=1,arp,actions=normal",
  "priority=2,ct_state=-trk,tcp,actions=ct(table=0)",
  "priority=2,ct_state=+trk+new,tcp,in_port=a,actions=ct(commit),output:b",
  "priority=2,ct_state=+trk+est,tcp,in_port=a,actions=output:b",
  "priority=2,ct_state=+trk+est,tcp,in_port=b,actions=output:a",
];

/** What is measured: `measure` gives how many of `unit` there were, and how many things the CPU time is divided by. */
const MEASURES = [
  {
    figure: "60-byte frames, one flow",
    unit: "packets/s",
    flows: FROM_A_TO_B,
    measure: async ({ frames }) => counted(await frames.run({ ms: SECONDS * 1000 }, 1)),
  },
  {
    figure: "60-byte frames, a thousand flows",
    unit: "packets/s",
    flows: BY_SOURCE_PORT,
    measure: async ({ frames }) => counted(await frames.run({ ms: SECONDS * 1000 }, 1000)),
  },
  {
    figure: "60-byte frames, each a miss",
    unit: "packets/s",
    flows: BY_SOURCE_PORT,
    measure: async ({ rival, frames }) => {
      rival.purge();
      const start = performance.now();
      const n = await frames.run({ n: 8192, ms: 5000 }, 60_000);
      return { rate: (n * 1000) / (performance.now() - start), n };
    },
  },
  {
    figure: "TCP throughput",
    unit: "Gbit/s",
    flows: NORMAL,
    each: "MB",
    measure: async ({ programs }) => {
      const bytes = await programs.stream(SECONDS);
      return { rate: (bytes * 8) / SECONDS / 1e9, n: bytes / 1e6 };
    },
  },
  ...[1, 8].map((n) => ({
    figure: `TCP connect, request, response, ${n} ${n === 1 ? "session" : "sessions"}`,
    unit: "transactions/s",
    flows: NORMAL,
    measure: async ({ programs }) => counted(await programs.ask(n, SECONDS)),
  })),
  {
    figure: "… through the connection tracker, 8 sessions",
    unit: "transactions/s",
    flows: THROUGH_CONNTRACK,
    measure: async ({ programs }) => counted(await programs.ask(8, SECONDS)),
  },
  {
    figure: "ping, round trip",
    unit: "µs",
    better: "lower",
    flows: NORMAL,
    measure: async ({ programs }) => {
      const stdout = await programs.atClient("ping", "-c", "300", "-i", "0.002", ADDRESSES.b);
      const times = [...stdout.matchAll(/time=([\d.]+) ms/g)].map(([, ms]) => Number(ms) * 1000);
      return { rate: median(times), n: times.length };
    },
  },
];

/** Runs the benchmark. */
export async function switches() {
  const missing = missingProgram("ovs-vswitchd", "ovsdb-server", "iperf3", "python3", "ip");
  if (missing !== undefined) return { skipped: `${missing} is not installed` };
  if (!linux.probe().canUseNamespaces) return { skipped: "needs root on Linux" };
  deleteLeftHosts();
  const fields = [];
  try {
    for (const start of [() => startTenet(), () => startOriginal(), () => new BareCable()]) fields.push(new Field(await start()));
    for (const { rival, frames } of fields) {
      rival.setFlows(FROM_A_TO_B);
      await frames.run({ ms: WARM_UP_MS }, 1);
    }
    const rows = [];
    for (const measure of MEASURES) rows.push(...(await measureAll(fields, measure)));
    rows.push(await idleRow(fields));
    return [{ name: "switch", columns: ["Tenet", "Open vSwitch, netdev", "Tenet / peer", "bare veth"], rows }];
  } finally {
    for (const field of fields) await field.close();
    deleteLeftHosts();
  }
}

/** Rates and CPU times of all rivals, in turns. */
async function measureAll(fields, { figure, unit, better = "higher", each = "each", flows, measure }) {
  const results = fields.map(() => ({ rates: [], cpu: [] }));
  for (const { rival } of fields) rival.setFlows(flows);
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, field] of fields.entries()) {
      const before = field.rival.cpuSeconds();
      const { rate, n } = await measure(field);
      if (round < 0) continue; // the first warms up
      results[i].rates.push(rate);
      if (before !== undefined) results[i].cpu.push(((field.rival.cpuSeconds() - before) * 1e6) / n);
    }
  }
  const rates = results.map((result) => median(result.rates));
  const cpu = results.map((result) => median(result.cpu));
  return [
    { figure, unit, values: withRatio(rates, better) },
    { figure: "… CPU time of the switch", unit: `µs ${each === "each" ? each : `per ${each}`}`, values: withRatio(cpu, "lower") },
  ];
}

/** CPU time of a switch that has nothing to do. */
async function idleRow(fields) {
  await sleep(1000);
  const before = fields.map(({ rival }) => rival.cpuSeconds());
  await sleep(5000);
  const shares = fields.map(({ rival }, i) => (before[i] === undefined ? undefined : (rival.cpuSeconds() - before[i]) * 20));
  return { figure: "CPU time of the switch at rest", unit: "%", values: [shares[0], shares[1], undefined, undefined] };
}

function withRatio([ours, theirs, limit], better) {
  return [ours, theirs, `${(ours / theirs).toFixed(2)} (${better} is better)`, limit];
}

function counted(n) {
  return { rate: n / SECONDS, n };
}

/** A rival with what is needed to measure it. */
class Field {
  rival;
  frames;
  programs;

  constructor(rival) {
    this.rival = rival;
    this.frames = new SmallFrames(rival);
    this.programs = new HostPrograms(rival);
  }

  async close() {
    this.programs.close();
    this.frames.close();
    await this.rival.stop();
  }
}
