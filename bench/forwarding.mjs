/**
 * Packets per second through the user-space datapath and through Open vSwitch with `datapath_type=netdev`.
 *
 * Each switch is a process of its own between two namespaces; this process sends 60-byte UDP frames from one and counts
 * them in the other, with at most 512 under way. The CPU time is the switch process's own.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import * as linux from "@tenet/linux";
import { buildEthernet, buildIp4, buildUdp } from "@tenet/net";
import { cpuSeconds, median, missingProgram } from "./support/measure.mjs";

const PREFIX = "tbenchf-";
const ROUNDS = 5;
const ROUND_MS = 1000;
const WINDOW = 512;

const frame = buildEthernet(
  { dst: 0x0a0000000002, src: 0x0a0000000001, type: 0x0800 },
  buildIp4({ src: 0x0a000001, dst: 0x0a000002, proto: 17 }, buildUdp({ srcPort: 1, dstPort: 2 }, new Uint8Array(18))),
);

/** Runs the benchmark. */
export async function forwarding() {
  const missing = missingProgram("ovs-vswitchd", "ovsdb-server", "ip");
  if (missing !== undefined) return { skipped: `${missing} is not installed` };
  if (!linux.probe().canUseNamespaces) return { skipped: "needs root on Linux" };
  linux.deleteLeftovers(PREFIX);
  const rivals = [];
  const runs = [];
  try {
    for (const start of [startTenet, startOvs]) rivals.push(await start());
    await sleep(500);
    for (const rival of rivals) runs.push({ ...rival, ...generator(rival.ends), pps: [], cpu: [] });
    for (const { round } of runs) await round();
    for (let i = 0; i < ROUNDS; i++) {
      for (const { pid, round, pps, cpu } of runs) {
        const before = cpuSeconds(pid);
        const n = await round();
        pps.push((n * 1000) / ROUND_MS);
        cpu.push(((cpuSeconds(pid) - before) * 1e9) / Math.max(n, 1));
      }
    }
    const [ours, theirs] = runs.map(({ pps, cpu }) => ({ pps: median(pps), cpu: median(cpu) }));
    return {
      peer: "Open vSwitch, datapath_type=netdev",
      rows: [
        { figure: "60-byte frames, one flow", unit: "packets/s", tenet: ours.pps, peer: theirs.pps, better: "higher" },
        { figure: "… CPU time of the switch", unit: "ns each", tenet: ours.cpu, peer: theirs.cpu, better: "lower" },
      ],
    };
  } finally {
    for (const { close } of runs) close();
    for (const rival of rivals) await rival.stop();
    linux.deleteLeftovers(PREFIX);
  }
}

/** Namespaces NAME-a and NAME-b, cabled to devices "a" and "b" in namespace NAME-sw. */
function wire(name) {
  linux.createNamespace(`${PREFIX}${name}-sw`);
  for (const end of ["a", "b"]) {
    linux.createNamespace(`${PREFIX}${name}-${end}`);
    linux.inNamespace(`${PREFIX}${name}-${end}`, () => {
      linux.createVethPair({ name: "eth0", peer: end, peerNamespace: `${PREFIX}${name}-sw` });
      linux.setLinkUp("eth0");
    });
    linux.inNamespace(`${PREFIX}${name}-sw`, () => linux.setLinkUp(end));
  }
  return `${PREFIX}${name}-sw`;
}

async function startTenet() {
  const namespace = wire("t");
  const script = new URL("support/forwarder.mjs", import.meta.url).pathname;
  const child = spawn(process.execPath, [script, namespace], { stdio: ["ignore", "pipe", "inherit"] });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return { ends: "t", pid: child.pid, stop: () => killed(child) };
}

async function startOvs() {
  const namespace = wire("o");
  const folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  const env = { ...process.env, OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder };
  const inside = (...command) => execFileSync("ip", ["netns", "exec", namespace, ...command], { env, stdio: "pipe" });
  const remote = `unix:${folder}/db.sock`;
  inside("ovsdb-tool", "create", `${folder}/conf.db`, "/usr/share/openvswitch/vswitch.ovsschema");
  inside("ovsdb-server", `${folder}/conf.db`, `--remote=p${remote}`, "--detach", "--no-chdir", "--pidfile", "--log-file");
  inside("ovs-vswitchd", remote, "--detach", "--no-chdir", "--pidfile", "--log-file");
  inside("ovs-vsctl", `--db=${remote}`, "--no-wait", "init");
  const bridge = ["add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"];
  inside("ovs-vsctl", `--db=${remote}`, ...bridge, "--", "add-port", "br0", "a", "--", "add-port", "br0", "b");
  inside("ovs-ofctl", "del-flows", "br0");
  for (const [from, to] of [
    ["a", "b"],
    ["b", "a"],
  ])
    inside("ovs-ofctl", "add-flow", "br0", `in_port=${from},actions=output:${to}`);
  const pidOf = (name) => Number(readFileSync(join(folder, `${name}.pid`), "utf8"));
  const pids = ["ovs-vswitchd", "ovsdb-server"].map(pidOf);
  const stop = () => {
    for (const pid of pids) process.kill(pid, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  };
  return { ends: "o", pid: pids[0], stop };
}

async function killed(child) {
  child.kill();
  await once(child, "exit");
}

/** What sends and counts for one round. */
function generator(ends) {
  const arena = new linux.FrameArena(64);
  const queue = new linux.SendQueue(arena, 32);
  const received = new linux.ReceivedFrames(arena, 32);
  const [sender, receiver] = ["a", "b"].map((end) =>
    linux.inNamespace(`${PREFIX}${ends}-${end}`, () => linux.openPacketSocket("eth0")),
  );
  const at = arena.slotAt(40);
  arena.bytes.set(frame, at + 64);
  const round = async () => {
    let nSent = 0;
    let nReceived = 0;
    let heardMs = performance.now();
    const endMs = heardMs + ROUND_MS;
    while (performance.now() < endMs) {
      if (nSent - nReceived < WINDOW) {
        for (let i = 0; i < 32; i++) queue.push(at, at + 64, frame.length);
        nSent += sender.send(queue);
      }
      const n = receiver.receive(received, 32);
      nReceived += n;
      if (n > 0) heardMs = performance.now();
      else if (performance.now() - heardMs > 20) nSent = nReceived; // what is under way was lost
      if (n === 0) await turn();
    }
    await sleep(50);
    while (receiver.receive(received, 32) > 0);
    return nReceived;
  };
  const close = () => {
    sender.close();
    receiver.close();
  };
  return { round, close };
}
