/**
 * Switches between two hosts: Tenet's and the original's, set up by the same ovs-vsctl and ovs-ofctl, the kernel's bridge, and
 * a bare cable.
 *
 * The hosts are namespaces with a device "eth0"; the switch is in a third one, where their other ends are "a" and "b".
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as linux from "@tenet/linux";
import { cpuSeconds } from "./measure.mjs";

const PREFIX = "tbenchs-";
const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";
const TENET = new URL("../../packages/cli/bin/tenet.js", import.meta.url).pathname;
/** The original hands packets on without completing their checksums, so its hosts must not leave that to the device. */
const COMPLETE_CHECKSUMS = `
import array, fcntl, socket, struct
ETHTOOL_STXCSUM, SIOCETHTOOL = 0x17, 0x8946
value = array.array("B", struct.pack("II", ETHTOOL_STXCSUM, 0))
request = struct.pack("16sP", b"eth0", value.buffer_info()[0])
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), SIOCETHTOOL, request)`;

/** Addresses of the hosts. */
export const ADDRESSES = { a: "10.97.0.1", b: "10.97.0.2" };
export const MACS = { a: "0a:00:00:00:00:01", b: "0a:00:00:00:00:02" };
/** Someone behind b, whose packets b itself throws away at once. */
export const SINK = { mac: "0a:00:00:00:00:03", address: "10.97.0.3" };
const ENDS = ["a", "b"];

/** Deletes what a run that was killed has left. */
export function deleteLeftHosts() {
  linux.deleteLeftovers(PREFIX);
}

/** Two hosts, and what joins them: by itself a switch that has no flows, no cache and no process. */
class Hosts {
  name;
  #ends;

  /** @param ends - tells namespaces of these hosts from those of others */
  constructor(name, ends) {
    this.name = name;
    this.#ends = ends;
    for (const end of ENDS) linux.createNamespace(this.namespaceOf(end));
  }

  namespaceOf(end) {
    return `${PREFIX}${this.#ends}-${end}`;
  }

  /** CPU time of the switch's process so far; `undefined` when it has none. */
  cpuSeconds() {
    return undefined;
  }

  setFlows() {
    // There is nothing to set.
  }

  purge() {
    // Nothing is cached.
  }

  inside(namespace, ...command) {
    return execFileSync("ip", ["netns", "exec", namespace, ...command], { env: this.environment, stdio: "pipe" });
  }

  get environment() {
    return process.env;
  }

  async stop() {
    for (const end of ENDS) linux.deleteNamespace(this.namespaceOf(end));
  }
}

/** Two hosts on one cable: what the path costs without a switch. */
export class BareCable extends Hosts {
  constructor() {
    super("bare veth", "w");
    const [mac, peerMac] = ENDS.map(macNumber);
    linux.inNamespace(this.namespaceOf("a"), () =>
      linux.createVethPair({ name: "eth0", mac, peer: "eth0", peerMac, peerNamespace: this.namespaceOf("b") }),
    );
    for (const end of ENDS) setUpHost(this.namespaceOf(end), end);
  }
}

/** Two hosts on cables to a namespace. */
class PluggedHosts extends Hosts {
  constructor(name, ends) {
    super(name, ends);
    linux.createNamespace(this.namespaceOf("sw"));
    linux.inNamespace(this.namespaceOf("sw"), () => linux.setLinkUp("lo"));
    for (const end of ENDS) {
      linux.inNamespace(this.namespaceOf(end), () =>
        linux.createVethPair({ name: "eth0", mac: macNumber(end), peer: end, peerNamespace: this.namespaceOf("sw") }),
      );
      setUpHost(this.namespaceOf(end), end);
      linux.inNamespace(this.namespaceOf("sw"), () => linux.setLinkUp(end));
    }
  }

  /** Runs a command where the switch is. */
  run(...command) {
    return String(this.inside(this.namespaceOf("sw"), ...command));
  }

  async stop() {
    await super.stop();
    linux.deleteNamespace(this.namespaceOf("sw"));
  }
}

/** The kernel's bridge, through which `rules` of nftables let packets. */
export function startBridge(name = "Linux bridge", ends = "l", rules = []) {
  return started(new PluggedHosts(name, ends), (it) => {
    it.run("ip", "link", "add", "br0", "type", "bridge");
    for (const end of ENDS) it.run("ip", "link", "set", "dev", end, "master", "br0");
    it.run("ip", "link", "set", "dev", "br0", "up");
    for (const rule of rules) it.run("nft", ...rule.split(" "));
  });
}

/** Starts Tenet's switch. */
export function startTenet({ name = "Tenet", ends = "t", datapath = "user" } = {}) {
  const command = [process.execPath, TENET, "vswitchd", "--pidfile", `--datapath=${datapath}`];
  return started(new Switch(name, ends), (it) => it.start(datapath === "user" ? "netdev" : "system", ...command, it.remote));
}

/** Starts the original, forwarding in user space. */
export function startOriginal({ name = "Open vSwitch", ends = "o" } = {}) {
  return started(new Switch(name, ends), (it) => {
    for (const end of ENDS) it.inside(it.namespaceOf(end), "python3", "-c", COMPLETE_CHECKSUMS);
    return it.start("netdev", "ovs-vswitchd", "--pidfile", "-vconsole:off", it.remote);
  });
}

async function started(it, start) {
  try {
    await start(it);
    return it;
  } catch (error) {
    const log = it.log ?? "";
    await it.stop();
    throw new Error(`${it.name} did not start:\n${log}`, { cause: error });
  }
}

function setUpHost(namespace, end) {
  linux.inNamespace(namespace, () => {
    linux.addAddress("eth0", `${ADDRESSES[end]}/24`);
    linux.setLinkUp("eth0");
  });
}

function macNumber(end) {
  return Number.parseInt(MACS[end].replaceAll(":", ""), 16);
}

/** A switch of the Open_vSwitch database. */
class Switch extends PluggedHosts {
  folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  /** Where both switches have their sockets. */
  #runDir = join(this.folder, "run");
  #children = [];
  #pid = 0;

  get remote() {
    return `unix:${this.#runDir}/db.sock`;
  }

  get environment() {
    const dir = this.#runDir;
    return { ...process.env, OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, TENET_HOME: this.folder };
  }

  /** The end of what its programs have said. */
  get log() {
    const path = join(this.folder, "bench.log");
    return existsSync(path) ? readFileSync(path, "utf8").slice(-2000) : "";
  }

  cpuSeconds() {
    return cpuSeconds(this.#pid);
  }

  /** Starts a database server and, by the command that is given, the switch; its bridge is of this datapath type. */
  async start(type, ...command) {
    mkdirSync(this.#runDir);
    execFileSync("ovsdb-tool", ["create", join(this.folder, "conf.db"), SCHEMA]);
    this.#spawn("ovsdb-server", `--remote=p${this.remote}`, "-vconsole:off", join(this.folder, "conf.db"));
    await until(() => existsSync(join(this.#runDir, "db.sock")));
    this.vsctl("--no-wait", "init");
    this.#pid = this.#spawn(...command);
    const port = (name) => ["--", "add-port", "br0", name];
    this.vsctl("add-br", "br0", "--", "set", "bridge", "br0", `datapath_type=${type}`, ...port("a"), ...port("b"));
    await until(() => existsSync(join(this.#runDir, "br0.mgmt")));
  }

  /** Replaces all flows. */
  setFlows(flows) {
    const path = join(this.folder, "flows");
    writeFileSync(path, flows.join("\n"));
    this.run("ovs-ofctl", "-O", "OpenFlow13", "replace-flows", "br0", path);
  }

  /** Empties the flow cache. */
  purge() {
    this.appctl("revalidator/purge");
  }

  vsctl(...args) {
    return this.run("ovs-vsctl", `--db=${this.remote}`, "--timeout=20", ...args);
  }

  appctl(...args) {
    return this.run("ovs-appctl", "-t", "ovs-vswitchd", ...args);
  }

  async stop() {
    for (const child of this.#children.toReversed()) await endProcess(child);
    await super.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(...command) {
    const log = openSync(join(this.folder, "bench.log"), "a");
    const child = spawn("ip", ["netns", "exec", this.namespaceOf("sw"), ...command], {
      env: this.environment,
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    this.#children.push(child);
    return child.pid;
  }
}

/** With what it keeps in the kernel, when it can. */
async function endProcess(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill();
  const impatience = setTimeout(() => child.kill("SIGKILL"), 5000);
  await gone;
  clearTimeout(impatience);
}

async function until(isThere) {
  for (let i = 0; !isThere(); i++) {
    if (i === 1000) throw new Error("it did not come up within 10 s");
    await sleep(10);
  }
}
