/**
 * How many megaflows the same packets leave in the caches of both switches, under the same rules: the fewer, the less a lookup looked at.
 *
 * Ours runs in this process, the original's with dummy ports that take frames from sockets; nothing is deleted meanwhile. The
 * original's datapath holds 65,536 megaflows at the most, so there are fewer packets than that.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MemoryLink, UserDatapath } from "@tenet/datapath";
import { ManualClock } from "@tenet/kit";
import { composePacket, FIELDS } from "@tenet/net";
import { formatMatch, parseFlow } from "@tenet/openflow";
import { VirtualSwitch } from "@tenet/switch";
import { RULE_KINDS, ruleSet } from "./classifier-rules.mjs";
import { missingProgram } from "./support/measure.mjs";

/** Rules and tuples. */
const SIZES = [
  [1000, 10],
  [10_000, 30],
  [100_000, 100],
];
const N_PACKETS = 40_000;
const PORTS = [1, 2, 3, 4];
/** A dummy port's queue holds a hundred. */
const FRAMES_AT_ONCE = 96;
/** For all frames of a rule set. */
const PATIENCE_MS = 40_000;
/** No rule set is begun later. */
const LATEST_START_MS = 150_000;
const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";

/** Runs the benchmark. */
export async function megaflows() {
  const missing = missingProgram("ovs-vswitchd", "ovsdb-server", "ovs-vsctl");
  if (missing !== undefined) return { skipped: `needs ${missing}` };
  const rows = [];
  const latestMs = performance.now() + LATEST_START_MS;
  for (const [nRules, nTuples] of SIZES) {
    for (const kind of RULE_KINDS) {
      if (performance.now() > latestMs) {
        console.log(`  not reached: ${kind}, ${nRules.toLocaleString("en-US")} rules`);
        continue;
      }
      const { rules, packet } = ruleSet(kind, nRules, nTuples);
      const flows = rules.map(({ match, priority }) => `priority=${priority},${formatMatch(match)},actions=drop`);
      const frames = Array.from({ length: N_PACKETS }, () => {
        const key = packet();
        return { port: key[FIELDS.in_port.word], frame: composePacket(key) };
      });
      const figure = `${kind}, ${rules.length.toLocaleString("en-US")} rules`;
      const peer = await theirs(flows, frames);
      if (peer === undefined) console.log(`  not reached: ${figure}, by the original`);
      rows.push({ figure, unit: "megaflows", tenet: ours(flows, frames), peer, better: "lower" });
    }
  }
  return { peer: "Open vSwitch", rows };
}

function ours(flows, frames) {
  const links = new Map(PORTS.map((port) => [`p${port}`, new MemoryLink()]));
  const clock = new ManualClock(0);
  const datapath = new UserDatapath({ clock, openMemoryLink: (name) => links.get(name) });
  const vswitch = new VirtualSwitch(datapath, clock);
  vswitch.cache.limit.maxFlows = N_PACKETS;
  const bridge = vswitch.addBridge("br0");
  for (const port of PORTS) vswitch.addPort(bridge, { name: `p${port}`, kind: "memory", ofport: port });
  bridge.pipeline.apply(flows.map((text) => ({ command: "add", flow: parseFlow(text) })));
  vswitch.settle();
  for (const { port, frame } of frames) links.get(`p${port}`).send(frame);
  return datapath.stats().nFlows;
}

async function theirs(flows, frames) {
  const dir = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  const env = { ...process.env, OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir };
  const options = { env, cwd: dir, stdio: "ignore" };
  const run = (...[program, ...args]) => execFileSync(program, args, { env, cwd: dir, stdio: "pipe" }).toString();
  const remote = `unix:${dir}/db.sock`;
  const daemons = [];
  try {
    run("ovsdb-tool", "create", "conf.db", SCHEMA);
    daemons.push(spawn("ovsdb-server", ["conf.db", `--remote=p${remote}`], options));
    while (!existsSync(join(dir, "db.sock"))) await sleep(10);
    daemons.push(spawn("ovs-vswitchd", ["--enable-dummy", "--disable-system", "--pidfile", remote], options));
    run("ovs-vsctl", `--db=${remote}`, "set", "Open_vSwitch", ".", "other_config:max-idle=36000000");
    const ports = PORTS.flatMap((port) => {
      const set = ["type=dummy", `ofport_request=${port}`, `options:pstream=punix:${dir}/p${port}.sock`];
      return ["--", "add-port", "br0", `p${port}`, "--", "set", "Interface", `p${port}`, ...set];
    });
    run("ovs-vsctl", `--db=${remote}`, "add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=dummy", ...ports);
    writeFileSync(join(dir, "flows"), `${flows.join("\n")}\n`);
    run("ovs-ofctl", "del-flows", "br0");
    run("ovs-ofctl", "--bundle", "add-flows", "br0", "flows");
    run("ovs-appctl", "upcall/set-flow-limit", "1000000");
    run("ovs-appctl", "revalidator/pause"); // else it lowers the limit, and deletes flows, when it takes long to look at them
    return await feed(dir, frames);
  } finally {
    for (const daemon of daemons.toReversed()) {
      if (daemon.kill()) await once(daemon, "exit");
    }
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * Sends all frames, so many at a time as its queue holds, and waits until they are translated.
 *
 * @returns the number of megaflows; `undefined` when it took too long
 */
async function feed(dir, frames) {
  const control = await openControl(dir);
  const sockets = await Promise.all(
    PORTS.map(async (port) => {
      const socket = connect(join(dir, `p${port}.sock`));
      await once(socket, "connect");
      return socket;
    }),
  );
  const nSeen = async () => {
    const [, hit, missed] = /lookups: hit:(\d+) missed:(\d+)/.exec(await control.ask("dpctl/show")) ?? [];
    return Number(hit) + Number(missed);
  };
  const nBefore = await nSeen();
  const endMs = performance.now() + PATIENCE_MS;
  try {
    for (let n = 0; n < frames.length; n += FRAMES_AT_ONCE) {
      const part = frames.slice(n, n + FRAMES_AT_ONCE);
      for (const { port, frame } of part) {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(frame.length);
        sockets[port - 1].write(Buffer.concat([length, frame]));
      }
      while ((await nSeen()) - nBefore < n + part.length) {
        if (performance.now() > endMs) return undefined;
      }
    }
    return Number(/ {2}flows: (\d+)/.exec(await control.ask("dpctl/show"))?.[1]);
  } finally {
    for (const socket of sockets) socket.destroy();
    control.close();
  }
}

/** A connection to the control socket of the switch whose run folder this is: a process for each question costs more than the answer. */
async function openControl(dir) {
  const pid = readFileSync(join(dir, "ovs-vswitchd.pid"), "utf8").trim();
  const socket = connect(join(dir, `ovs-vswitchd.${pid}.ctl`));
  await once(socket, "connect");
  return {
    async ask(method) {
      socket.write(JSON.stringify({ id: 0, method, params: [] }));
      let text = "";
      for (;;) {
        const [bytes] = await once(socket, "data");
        text += bytes;
        if (text.endsWith("}")) return JSON.parse(text).result;
      }
    },
    close: () => socket.destroy(),
  };
}
