/**
 * Switches between two hosts: Tenet's and the original's, set up by the same ovs-vsctl and ovs-ofctl, and a bare cable.
 *
 * The hosts are namespaces with a device "eth0"; the switch is in a third one, where their other ends are "a" and "b".
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
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

/** Deletes what a run that was killed has left. */
export function deleteLeftHosts() {
  linux.deleteLeftovers(PREFIX);
}

/** Two hosts on one cable: what the path costs without a switch. */
export class BareCable {
  name = "bare veth";

  constructor() {
    for (const end of ["a", "b"]) linux.createNamespace(this.namespaceOf(end));
    linux.inNamespace(this.namespaceOf("a"), () =>
      linux.createVethPair({ name: "eth0", peer: "eth0", peerNamespace: this.namespaceOf("b") }),
    );
    for (const end of ["a", "b"]) setUpHost(this.namespaceOf(end), end);
  }

  namespaceOf(end) {
    return `${PREFIX}w-${end}`;
  }

  cpuSeconds() {
    return undefined;
  }

  setFlows() {
    // There is nothing to set.
  }

  purge() {
    // Nothing is cached.
  }

  async stop() {
    for (const end of ["a", "b"]) linux.deleteNamespace(this.namespaceOf(end));
  }
}

/** Starts Tenet's switch. */
export function startTenet() {
  return started(new Switch("Tenet", "t"), (it) => it.spawn(process.execPath, TENET, "vswitchd", "--pidfile", it.remote));
}

/** Starts the original, forwarding in user space. */
export function startOriginal() {
  return started(new Switch("Open vSwitch", "o"), (it) => {
    for (const end of ["a", "b"]) it.inside(it.namespaceOf(end), "python3", "-c", COMPLETE_CHECKSUMS);
    return it.spawn("ovs-vswitchd", "--pidfile", "-vconsole:off", it.remote);
  });
}

async function started(it, spawnSwitch) {
  try {
    await it.start(spawnSwitch);
    return it;
  } catch (error) {
    const log = readFileSync(join(it.folder, "bench.log"), "utf8").slice(-2000);
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

class Switch {
  name;
  folder = mkdtempSync(join(tmpdir(), "tenet-bench-"));
  /** Where both switches have their sockets. */
  #runDir = join(this.folder, "run");
  #ends;
  #children = [];
  #pid = 0;

  constructor(name, ends) {
    this.name = name;
    this.#ends = ends;
    mkdirSync(this.#runDir);
    linux.createNamespace(this.namespaceOf("sw"));
    linux.inNamespace(this.namespaceOf("sw"), () => linux.setLinkUp("lo"));
    for (const end of ["a", "b"]) {
      linux.createNamespace(this.namespaceOf(end));
      linux.inNamespace(this.namespaceOf(end), () =>
        linux.createVethPair({ name: "eth0", peer: end, peerNamespace: this.namespaceOf("sw") }),
      );
      setUpHost(this.namespaceOf(end), end);
      linux.inNamespace(this.namespaceOf("sw"), () => linux.setLinkUp(end));
    }
  }

  get remote() {
    return `unix:${this.#runDir}/db.sock`;
  }

  namespaceOf(end) {
    return `${PREFIX}${this.#ends}-${end}`;
  }

  /** CPU time of the switch's process so far. */
  cpuSeconds() {
    return cpuSeconds(this.#pid);
  }

  async start(spawnSwitch) {
    execFileSync("ovsdb-tool", ["create", join(this.folder, "conf.db"), SCHEMA]);
    this.spawn("ovsdb-server", `--remote=p${this.remote}`, "-vconsole:off", join(this.folder, "conf.db"));
    await until(() => existsSync(join(this.#runDir, "db.sock")));
    this.#vsctl("--no-wait", "init");
    this.#pid = spawnSwitch(this);
    const port = (name) => ["--", "add-port", "br0", name];
    this.#vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev", ...port("a"), ...port("b"));
    await until(() => existsSync(join(this.#runDir, "br0.mgmt")));
  }

  /** Replaces all flows. */
  setFlows(flows) {
    this.#run("ovs-ofctl", "del-flows", "br0");
    for (const flow of flows) this.#run("ovs-ofctl", "add-flow", "br0", flow);
  }

  /** Empties the flow cache. */
  purge() {
    this.#run("ovs-appctl", "-t", "ovs-vswitchd", "revalidator/purge");
  }

  spawn(...command) {
    const log = openSync(join(this.folder, "bench.log"), "a");
    const child = spawn("ip", ["netns", "exec", this.namespaceOf("sw"), ...command], {
      env: this.#env(),
      stdio: ["ignore", log, log],
    });
    closeSync(log);
    this.#children.push(child);
    return child.pid;
  }

  inside(namespace, ...command) {
    execFileSync("ip", ["netns", "exec", namespace, ...command], { env: this.#env(), stdio: "pipe" });
  }

  async stop() {
    for (const child of this.#children.toReversed()) {
      const gone = child.exitCode === null && child.signalCode === null ? once(child, "exit") : undefined;
      child.kill("SIGKILL");
      await gone;
    }
    for (const end of ["a", "b", "sw"]) linux.deleteNamespace(this.namespaceOf(end));
    rmSync(this.folder, { recursive: true, force: true });
  }

  #vsctl(...args) {
    this.#run("ovs-vsctl", `--db=${this.remote}`, "--timeout=20", ...args);
  }

  #run(...command) {
    this.inside(this.namespaceOf("sw"), ...command);
  }

  #env() {
    const dir = this.#runDir;
    return { ...process.env, OVS_RUNDIR: dir, OVS_LOGDIR: dir, OVS_DBDIR: dir, TENET_HOME: this.folder };
  }
}

async function until(isThere) {
  for (let i = 0; !isThere(); i++) {
    if (i === 1000) throw new Error("it did not come up within 10 s");
    await sleep(10);
  }
}
