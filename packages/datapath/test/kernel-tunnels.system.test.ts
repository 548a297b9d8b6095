/** Tunnels in the kernel, to the kernel's own VXLAN device at the other end of a wire. */
import { execFile, execFileSync } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { addAddress, addRoute, createNamespace, createVethPair, inNamespace, setLinkUp, untilOperational } from "@tenet/linux";
import type { DatapathAction, Megaflow, SetTunnelAction, UserDatapath } from "@tenet/datapath";
import { FIELDS, getField, makeFlowKey, parseIp4, setField, setFieldBig, TUNNEL_FLAG } from "@tenet/net";
import { matchOf } from "./frames.ts";
import { KernelSwitch, pingFrom } from "./kernel-switch.ts";
import { transfer } from "./tcp-transfer.ts";

const { obstacle } = probeBpf();
const reason = obstacle ?? (existsEthtool() ? undefined : "needs ethtool");
if (reason !== undefined) console.log(`kernel-tunnels.system.test.ts: skipped, ${reason}`);
const PATIENCE = { timeout: 20_000, interval: 20 };
const PORT = 21_000 + (process.pid % 9000);
const NETWORK_ID = 7;
const [OURS, FAR, INSIDE] = ["10.98.5.1", "10.98.5.2", "10.98.6.2"];
const IP4 = 0x0800;
const { mask: MASK } = matchOf({ in_port: 1, eth_type: 1, tun_id: 1, tun_src: 1, tun_dst: 1, tun_tos: 1 });
const MTU = 1500;

let kernel: KernelSwitch;
let datapath: UserDatapath;
let guest: number;
let tunnel: number;

function existsEthtool(): boolean {
  try {
    execFileSync("ethtool", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function run(command: string): void {
  const [program = "", ...args] = command.split(" ");
  execFileSync(program, args, { stdio: "ignore" });
}

/** A guest at port 1, and the far end of a wire. */
async function lay(): Promise<void> {
  for (const name of ["tkt-guest", "tkt-far"]) createNamespace(name);
  createVethPair({ name: "tkt-plug", peer: "eth0", peerNamespace: "tkt-guest" });
  createVethPair({ name: "tkt-wire", peer: "under", peerNamespace: "tkt-far", mtu: MTU });
  for (const name of ["tkt-plug", "tkt-wire"]) setLinkUp(name);
  addAddress("tkt-wire", `${OURS}/24`);
  inNamespace("tkt-guest", () => {
    addAddress("eth0", "10.98.6.1/24");
    setLinkUp("eth0");
  });
  inNamespace("tkt-far", () => {
    addAddress("under", `${FAR}/24`);
    setLinkUp("under");
  });
  run("ip -n tkt-guest link set eth0 mtu 1400");
  addVxlan("noudpcsum");
  const [inGuest, inFar] = [{ namespace: "tkt-guest" }, { namespace: "tkt-far" }];
  await untilOperational([{ name: "tkt-plug" }, { name: "eth0", ...inGuest }, { name: "tkt-wire" }, { name: "under", ...inFar }]);
}

/** Has a host speak VXLAN. */
function addVxlan(checksums: "udpcsum" | "noudpcsum", namespace = "tkt-far", local = FAR): void {
  const ends = `local ${local} remote ${OURS} dstport ${PORT}`;
  run(`ip -n ${namespace} link add vx mtu 1400 type vxlan id ${NETWORK_ID} ${ends} ${checksums}`);
  run(`ip -n ${namespace} addr add ${INSIDE}/24 dev vx`);
  run(`ip -n ${namespace} link set vx up`);
}

function outer(flags: number = TUNNEL_FLAG.dontFragment, to = FAR): SetTunnelAction {
  const key = makeFlowKey();
  setField(key, FIELDS.tun_dst, parseIp4(to));
  setFieldBig(key, FIELDS.tun_id, BigInt(NETWORK_ID));
  setField(key, FIELDS.tun_flags, flags | TUNNEL_FLAG.key);
  return { type: "setTunnel", key, dstPort: PORT };
}

/** A slow path that sends what the guest sends into the tunnel, after `before`, and what comes out to the guest. */
function join(action: SetTunnelAction, before: readonly DatapathAction[] = []): void {
  const into: DatapathAction[] = [...before, action, { type: "output", port: tunnel }];
  datapath.onUpcall(({ frame, inPort, key }) => {
    const actions: DatapathAction[] = inPort === guest ? into : [{ type: "output", port: guest }];
    datapath.putFlow(key, MASK, actions);
    datapath.execute(frame, inPort, actions);
  });
}

/** Bytes of a frame that {@link ping} sends. */
const PING_BYTES = 58;
const ping = (): Promise<string> => pingFrom("tkt-guest", INSIDE);

/** Whether a ping is answered whose outer packet is longer than the wire takes. */
async function pingLong(sizeBytes = 1472): Promise<boolean> {
  const command = ["netns", "exec", "tkt-guest", "ping", "-c", "1", "-W", "1", "-s", String(sizeBytes), INSIDE];
  return promisify(execFile)("ip", command).then(
    () => true,
    () => false,
  );
}

/** UDP datagrams and TCP segments with wrong checksums that a namespace has received. */
function checksumErrors(namespace: string): number[] {
  const lines = execFileSync("ip", ["netns", "exec", namespace, "cat", "/proc/net/snmp"], { encoding: "utf8" }).split("\n");
  return ["Udp:", "Tcp:"].map((protocol) => {
    const [names = "", values = ""] = lines.filter((line) => line.startsWith(protocol));
    return Number(values.split(" ")[names.split(" ").indexOf("InCsumErrors")]);
  });
}

function flowFrom(inPort: number): Megaflow | undefined {
  return [...datapath.flows()].find(
    ({ key }) => getField(key, FIELDS.in_port) === inPort && getField(key, FIELDS.eth_type) === IP4,
  );
}

describe.skipIf(reason !== undefined)("tunnels in the kernel", () => {
  beforeEach(async () => {
    kernel = new KernelSwitch("tkt-");
    ({ datapath } = kernel);
    await lay();
    guest = datapath.addPort({ name: "tkt-plug", kind: "system" });
    tunnel = datapath.addPort({ name: "vxlan", kind: "tunnel", tunnel: { type: "vxlan", dstPort: PORT, hasPolicy: false } });
  });

  afterEach(() => kernel.close());

  test("packets go in and come out while this process looks away, and are counted", async () => {
    join(outer());
    await kernel.untilInKernel(ping);
    const count = (): number[] => {
      const stats = datapath.port(tunnel)?.stats;
      return [flowFrom(guest)?.nPackets, flowFrom(tunnel)?.nPackets, stats?.txPackets, stats?.rxPackets].map(Number);
    };
    const before = count();
    for (let i = 0; i < 5; i++) expect(await kernel.lookingAway(ping)).toBe("reply");
    for (const [i, n] of count().entries()) expect(n - (before[i] ?? 0)).toBeGreaterThanOrEqual(5);
    expect(datapath.port(tunnel)?.stats).toMatchObject({ rxErrors: 0, txErrors: 0, txDropped: 0 });
  });

  test.each([
    { device: "as it is", checksums: false },
    { device: "without offload", checksums: false },
    { device: "without offload", checksums: true },
  ])("bundles of segments arrive as sent, over a wire $device, outer checksums: $checksums", async ({ device, checksums }) => {
    if (device === "without offload") {
      run("ethtool -K tkt-wire tx off tso off gso off gro off");
      run("ip netns exec tkt-far ethtool -K under tx off tso off gso off gro off");
    }
    if (checksums) {
      run("ip -n tkt-far link del vx");
      addVxlan("udpcsum");
    }
    join(outer(TUNNEL_FLAG.dontFragment | (checksums ? TUNNEL_FLAG.checksum : 0)));
    await kernel.untilInKernel(ping);
    expect(await kernel.lookingAway(() => transfer("tkt-guest", "tkt-far", INSIDE, 4_000_000))).toBe(true);
    expect(await kernel.lookingAway(() => transfer("tkt-far", "tkt-guest", "10.98.6.1", 4_000_000))).toBe(true);
    expect(checksumErrors("tkt-far")).toEqual([0, 0]);
    expect(checksumErrors("tkt-guest")).toEqual([0, 0]);
  });

  test("a copy goes in, and the packet goes on as it was", async () => {
    createVethPair({ name: "tkt-other", peer: "tkt-seen" });
    for (const name of ["tkt-other", "tkt-seen"]) setLinkUp(name);
    await untilOperational([{ name: "tkt-other" }, { name: "tkt-seen" }]);
    const other = datapath.addPort({ name: "tkt-other", kind: "system" });
    const action = outer();
    const actions: DatapathAction[] = [action, { type: "output", port: tunnel }, { type: "output", port: other }];
    join(action);
    await kernel.untilInKernel(ping);
    const { key } = flowFrom(guest) ?? { key: makeFlowKey() };
    datapath.putFlow(key, MASK, actions);
    await kernel.untilInKernel(ping);
    const before = datapath.port(other)?.stats.txPackets ?? 0;
    for (let i = 0; i < 3; i++) expect(await kernel.lookingAway(ping)).toBe("reply");
    expect((datapath.port(other)?.stats.txPackets ?? 0) - before).toBe(3);
  });

  test("the first bytes go in, and then the whole packet", async () => {
    join(outer(), [{ type: "truncate", maxLength: 50 }, outer(), { type: "output", port: tunnel }]);
    await kernel.untilInKernel(ping);
    const sent = (): number[] => [datapath.port(tunnel)?.stats.txPackets, datapath.port(tunnel)?.stats.txBytes].map(Number);
    const [nPackets = 0, nBytes = 0] = sent();
    expect(await kernel.lookingAway(ping)).toBe("reply");
    expect(sent()).toEqual([nPackets + 2, nBytes + 50 + PING_BYTES]);
  });

  test("what is too long for the way goes by this process, which cuts it or drops and counts it", async () => {
    run("ip -n tkt-guest link set eth0 mtu 1500");
    run("ip -n tkt-far link set vx mtu 1500");
    join(outer());
    await kernel.untilInKernel(ping);
    expect(await pingLong()).toBe(false);
    await vi.waitFor(() => expect(datapath.port(tunnel)?.stats.txDropped).toBe(1), PATIENCE);
    const { key } = flowFrom(guest) ?? { key: makeFlowKey() };
    datapath.putFlow(key, MASK, [outer(0), { type: "output", port: tunnel }]);
    expect(await pingLong()).toBe(true);
    expect(datapath.port(tunnel)?.stats.txDropped).toBe(1);
  });

  test("what a router says is too long for the way goes by this process from then on, and is counted", async () => {
    createNamespace("tkt-end");
    inNamespace("tkt-far", () => {
      createVethPair({ name: "narrow", peer: "under", peerNamespace: "tkt-end", mtu: 1200 });
      addAddress("narrow", "10.98.8.1/24");
      setLinkUp("narrow");
    });
    inNamespace("tkt-end", () => {
      addAddress("under", "10.98.8.2/24");
      setLinkUp("under");
      addRoute({ to: "default", via: "10.98.8.1" });
    });
    run("ip -n tkt-far link del vx");
    run("ip netns exec tkt-far sysctl -qw net.ipv4.ip_forward=1");
    addRoute({ to: "10.98.8.0/24", via: FAR });
    addVxlan("noudpcsum", "tkt-end", "10.98.8.2");
    join(outer(TUNNEL_FLAG.dontFragment, "10.98.8.2"));
    await kernel.untilInKernel(ping);
    expect(datapath.port(tunnel)?.stats.txDropped).toBe(0);
    await vi.waitFor(async () => {
      await pingLong(1300);
      expect(datapath.port(tunnel)?.stats.txDropped).toBeGreaterThan(0);
    }, PATIENCE);
  });

  test("a way that changes is followed, and without one this process is asked", async () => {
    join(outer());
    await kernel.untilInKernel(ping);
    run(`ip route add prohibit ${FAR}`);
    await vi.waitFor(() => expect(kernel.lookingAway(ping)).resolves.not.toBe("reply"), PATIENCE);
    run(`ip route del prohibit ${FAR}`);
    await kernel.untilInKernel(ping);
  });
});
