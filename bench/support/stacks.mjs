/**
 * Two whole systems, brought up the same way and driven by the same standard tools: Tenet in one process, and the original
 * databases, northd, controller and switch. Each lives in a namespace of its own with devices "a" and "b".
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as linux from "@tenet/linux";
import { missingProgram } from "./measure.mjs";

const PREFIX = "tbench-";
const SCHEMAS = {
  nb: "/usr/share/ovn/ovn-nb.ovsschema",
  sb: "/usr/share/ovn/ovn-sb.ovsschema",
  db: "/usr/share/openvswitch/vswitch.ovsschema",
};
/** The binary. */
export const TENET = new URL("../../packages/cli/bin/tenet.js", import.meta.url).pathname;

/** Why neither can run here; `undefined` when both can. */
export function whyNoStacks() {
  if (!linux.probe().canUseNamespaces) return "needs root on Linux";
  const missing = missingProgram("ovsdb-server", "ovs-vswitchd", "ovn-northd", "ovn-controller", "ovn-nbctl", "ovs-vsctl", "ip");
  return missing === undefined ? undefined : `${missing} is not installed`;
}

/** Starts Tenet; it is ready when its integration bridge is. */
export function startTenet() {
  return start(new Stack("t"), async (stack) => {
    const env = { TENET_HOME: stack.folder, TENET_POLICY_PORT: "0", TENET_CONSOLE_PORT: "0" };
    stack.run = join(stack.folder, "run");
    stack.spawn([process.execPath, TENET, "up"], env);
  });
}

/** Starts the original programs; the switch forwards in user space. */
export function startOriginals() {
  return start(new Stack("o"), spawnOriginals);
}

async function spawnOriginals(stack) {
  const { folder } = stack;
  stack.run = folder;
  for (const [name, schema] of Object.entries(SCHEMAS)) {
    execFileSync("ovsdb-tool", ["create", join(folder, `${name}.db`), schema]);
    const options = [`--remote=punix:${folder}/${name}.sock`, "--unixctl=none", "-vconsole:off"];
    stack.spawn(["ovsdb-server", ...options, `${folder}/${name}.db`]);
    await stack.until(() => existsSync(join(folder, `${name}.sock`)), `${name}.sock`);
  }
  stack.vsctl("--no-wait", "init");
  const settings = {
    "system-id": "bench",
    "ovn-remote": `unix:${folder}/sb.sock`,
    "ovn-encap-type": "geneve",
    "ovn-encap-ip": "127.0.0.1",
    "ovn-bridge-datapath-type": "netdev",
  };
  const ids = Object.entries(settings).map(([key, value]) => `external_ids:${key}=${value}`);
  stack.vsctl("--no-wait", "set", "Open_vSwitch", ".", ...ids);
  stack.spawn(["ovs-vswitchd", "-vconsole:off", "--pidfile", `unix:${folder}/db.sock`]);
  stack.spawn(["ovn-northd", "-vconsole:off", `--ovnnb-db=unix:${folder}/nb.sock`, `--ovnsb-db=unix:${folder}/sb.sock`]);
  stack.spawn(["ovn-controller", "-vconsole:off", `unix:${folder}/db.sock`]);
}

/** What fails to start leaves nothing behind. */
async function start(stack, spawnAll) {
  try {
    await spawnAll(stack);
    await stack.untilReady();
    return stack;
  } catch (error) {
    await stack.stop();
    throw error;
  }
}

/** Deletes what a run that was killed has left. */
export function deleteLeftStacks() {
  linux.deleteLeftovers(PREFIX);
}

class Stack {
  folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  run = "";
  #name;
  #namespace;
  #children = [];

  constructor(name) {
    this.#name = name;
    this.#namespace = `${PREFIX}${name}-sw`;
    linux.createNamespace(this.#namespace);
    linux.inNamespace(this.#namespace, () => linux.setLinkUp("lo"));
    for (const end of ["a", "b"]) {
      linux.createNamespace(this.namespaceOf(end));
      linux.inNamespace(this.namespaceOf(end), () => {
        linux.createVethPair({ name: "eth0", peer: end, peerNamespace: this.#namespace });
        linux.setLinkUp("eth0");
      });
      linux.inNamespace(this.#namespace, () => linux.setLinkUp(end));
    }
  }

  /** Where the host at the other end of device "a" or "b" lives; its device is "eth0". */
  namespaceOf(end) {
    return `${PREFIX}${this.#name}-${end}`;
  }

  /** Every process of the system. */
  get pids() {
    return this.#children.map(({ pid }) => pid);
  }

  nbctl(...args) {
    execFileSync("ovn-nbctl", [`--db=unix:${this.run}/nb.sock`, "--timeout=20", ...args], { stdio: "pipe" });
  }

  vsctl(...args) {
    return execFileSync("ovs-vsctl", [`--db=unix:${this.run}/db.sock`, "--timeout=20", ...args], { stdio: "pipe" });
  }

  /** A logical switch "s" with ports "pa" and "pb", plugged into devices "a" and "b". */
  plug(macs) {
    const add = (end, mac) => ["--", "lsp-add", "s", `p${end}`, "--", "lsp-set-addresses", `p${end}`, mac];
    const ports = Object.entries(macs).flatMap(([end, mac]) => add(end, mac));
    this.nbctl("ls-add", "s", ...ports);
    for (const end of Object.keys(macs)) {
      this.vsctl("add-port", "br-int", end, "--", "set", "Interface", end, `external_ids:iface-id=p${end}`);
    }
    this.nbctl("--wait=sb", "sync");
  }

  spawn(command, env = {}) {
    const log = openSync(join(this.folder, "bench.log"), "a");
    const folders = ["OVS_RUNDIR", "OVN_RUNDIR", "OVS_LOGDIR", "OVN_LOGDIR", "OVS_DBDIR", "OVN_DBDIR"];
    const child = spawn("ip", ["netns", "exec", this.#namespace, ...command], {
      env: { ...process.env, ...Object.fromEntries(folders.map((name) => [name, this.folder])), ...env },
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    this.#children.push(child);
  }

  async untilReady() {
    const hasBridge = () => {
      try {
        return /\d/.test(String(this.vsctl("get", "Interface", "br-int", "ofport")));
      } catch {
        return false;
      }
    };
    await this.until(() => existsSync(join(this.run, "db.sock")) && hasBridge(), "br-int");
  }

  async until(isThere, what) {
    for (let i = 0; !isThere(); i++) {
      const dead = this.#children.find(({ exitCode, signalCode }) => exitCode !== null || signalCode !== null);
      if (i === 1000 || dead !== undefined) {
        const log = readFileSync(join(this.folder, "bench.log"), "utf8").slice(-2000);
        throw new Error(`${what} did not appear${dead === undefined ? " within 10 s" : ""}:\n${log}`);
      }
      await sleep(10);
    }
  }

  async stop() {
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
      await gone;
      clearTimeout(timer);
    }
    for (const end of ["a", "b"]) linux.deleteNamespace(this.namespaceOf(end));
    linux.deleteNamespace(this.#namespace);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
