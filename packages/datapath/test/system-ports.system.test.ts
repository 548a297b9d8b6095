import { execFileSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { probeBpf } from "@tenet/bpf";
import {
  addAddress,
  createNamespace,
  createVethPair,
  deleteLeftovers,
  deleteLink,
  inNamespace,
  probe,
  ReachabilityProber,
  setLinkDown,
  setLinkUp,
} from "@tenet/linux";
import { type DatapathAction, MemoryLink, UserDatapath } from "@tenet/datapath";
import { addToSum, dissect, FIELDS, foldSum, getField, getU16, internetChecksum, makeFlowKey, pseudoSum4 } from "@tenet/net";
import { cableHost } from "./cabled-host.ts";
import { matchOf } from "./frames.ts";
import { transfer } from "./tcp-transfer.ts";

const { canUseNamespaces, hasTun, missing } = probe();
const canRun = canUseNamespaces && hasTun;
if (!canRun) console.log(`skipped: ${missing.join(", ")}`);

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`without the kernel's datapath: ${obstacle}`);
const FORWARDERS = obstacle === undefined ? ["this process", "the kernel"] : ["this process"];

/** Until the kernel has told of a change, on a busy machine too. */
const PATIENCE = { timeout: 10_000, interval: 10 };

let datapath: UserDatapath;
let stop: AbortController;

/** Adds a host: namespace tdp-X with 10.98.2.N, cabled to device tdp-X-sw here. */
async function plugHost(name: string, n: number): Promise<number> {
  return datapath.addPort({ name: await cableHost(`tdp-${name}`, `10.98.2.${n}/24`, `fd98:2::${n}/64`), kind: "system" });
}

/** Adds hosts a and b. @returns their port numbers */
async function plugHosts(): Promise<[number, number]> {
  return [await plugHost("a", 1), await plugHost("b", 2)];
}

/** A slow path that floods; with `cache`, it installs what it decided for the port and Ethernet type. */
function flood(target: UserDatapath, extra: readonly DatapathAction[] = [], cache = true): void {
  target.onUpcall(({ frame, inPort, key }) => {
    const outputs = [...target.ports()].filter((port) => port.portNo !== inPort);
    const actions = [...extra, ...outputs.map((port): DatapathAction => ({ type: "output", port: port.portNo }))];
    const { mask } = matchOf({ in_port: 1, eth_type: 1 });
    if (cache) target.putFlow(key, mask, actions);
    target.execute(frame, inPort, actions);
  });
}

describe.skipIf(!canRun).each(FORWARDERS)("system ports, packets forwarded by %s", (by) => {
  beforeEach(() => {
    deleteLeftovers("tdp-");
    datapath = new UserDatapath({ isKernelUsed: by === "the kernel" });
    stop = new AbortController();
    datapath.start(stop.signal);
  });

  afterEach(async () => {
    stop.abort();
    await datapath[Symbol.asyncDispose]();
    deleteLeftovers("tdp-");
  });

  test("two hosts ping each other over IPv4 and IPv6 through a flooding slow path", async () => {
    await plugHosts();
    flood(datapath);
    const prober = new ReachabilityProber();
    const results = await Promise.all([
      prober.ping("tdp-a", "10.98.2.2"),
      prober.ping("tdp-b", "10.98.2.1"),
      prober.ping("tdp-a", "fd98:2::2"),
    ]);
    prober.close();
    expect(results.map((result) => result.outcome)).toEqual(["reply", "reply", "reply"]);
    expect(datapath.stats().hits).toBeGreaterThan(0);
    for (const port of datapath.ports()) {
      expect(port.stats.txPackets).toBeGreaterThan(0);
      expect(port.isUp).toBe(true);
    }
  });

  test.each(["10.98.2.2", "fd98:2::2"])(
    "megabytes cross over TCP to %s intact, in segments larger than the MTU",
    async (address) => {
      await plugHosts();
      flood(datapath);
      expect(await transfer("tdp-a", "tdp-b", address, 4_000_000)).toBe(true);
      const flows = [...datapath.flows()];
      const bytesPerPacket = Math.max(...flows.map((flow) => flow.nBytes / Math.max(1, flow.nPackets)));
      expect(bytesPerPacket).toBeGreaterThan(3000);
      expect([...datapath.ports()].map((port) => port.stats.txDropped)).toEqual([0, 0]);
    },
  );

  test("segments larger than the MTU are cut by the kernel for a device that takes none", async () => {
    await plugHosts();
    execFileSync("ip", ["link", "set", "tdp-b-sw", "gso_max_size", "2000"]);
    flood(datapath);
    expect(await transfer("tdp-a", "tdp-b", "10.98.2.2", 1_000_000)).toBe(true);
    expect([...datapath.ports()].map((port) => port.stats.txDropped)).toEqual([0, 0]);
  });

  test.each([
    ["goes by the segments of what is yet to be cut", 1514, false],
    ["does with longer packets what their list says", 1000, true],
  ] as const)("a choice by length %s", async (_, sizeBytes, isLongerSent) => {
    const [a, b] = await plugHosts();
    datapath.onUpcall(({ frame, inPort, key }) => {
      const out: DatapathAction = { type: "output", port: inPort === a ? b : a };
      const choice: DatapathAction = { type: "checkLength", sizeBytes, greater: isLongerSent ? [out] : [], lessOrEqual: [out] };
      datapath.putFlow(key, matchOf({ in_port: 1, eth_type: 1 }).mask, [choice]);
      datapath.execute(frame, inPort, [choice]);
    });
    expect(await transfer("tdp-a", "tdp-b", "10.98.2.2", 1_000_000)).toBe(true);
    expect(Math.max(...[...datapath.flows()].map((flow) => flow.nBytes / Math.max(1, flow.nPackets)))).toBeGreaterThan(3000);
  });

  test("TCP crosses even when every segment goes through the slow path", async () => {
    await plugHosts();
    flood(datapath, [], false);
    expect(await transfer("tdp-a", "tdp-b", "10.98.2.2", 2_000_000)).toBe(true);
    expect(datapath.stats().hits).toBe(0);
  });

  test("TCP crosses with addresses rewritten on the way", async () => {
    const [a, b] = await plugHosts();
    // Host a calls 10.98.2.9; the switch makes that 10.98.2.2 there and back.
    datapath.onUpcall(({ frame, inPort, key }) => {
      const isIp = getField(key, FIELDS.eth_type) === 0x0800;
      const field = inPort === a ? "nw_dst" : "nw_src";
      const value = 0x0a620200 + (inPort === a ? 2 : 9);
      const rewrite: DatapathAction = { type: "setMasked", ...matchOf({ [field]: value }) };
      // ARP for 10.98.2.9 is answered as well: its addresses are rewritten in the same way.
      const actions: DatapathAction[] = [rewrite, { type: "output", port: (inPort === a ? b : a) ?? 0 }];
      if (isIp || getField(key, FIELDS.eth_type) === 0x0806) {
        datapath.putFlow(key, matchOf({ in_port: 1, eth_type: 1 }).mask, actions);
        datapath.execute(frame, inPort, actions);
      }
    });
    expect(await transfer("tdp-a", "tdp-b", "10.98.2.9", 2_000_000)).toBe(true);
  });

  test("a tag pushed at one port and popped at the other carries TCP, and the frames on the way are tagged", async () => {
    // Two switches in a row: the first tags what goes out on the trunk, the second takes the tag off.
    await plugHost("a", 1);
    createVethPair({ name: "tdp-t0", peer: "tdp-t1" });
    for (const name of ["tdp-t0", "tdp-t1"]) setLinkUp(name);
    const second = new UserDatapath();
    second.start(stop.signal);
    const first = datapath;
    datapath = second;
    const hostB = await plugHost("b", 2);
    datapath = first;
    const trunk1 = first.addPort({ name: "tdp-t0", kind: "system" });
    const trunk2 = second.addPort({ name: "tdp-t1", kind: "system" });
    const vids = new Set<number>();
    const push: DatapathAction = { type: "pushVlan", tpid: 0x8100, tci: 42 };
    const wire = (target: UserDatapath, host: number, trunk: number): void => {
      const out = matchOf({ in_port: host });
      target.putFlow(out.key, out.mask, [push, { type: "output", port: trunk }]);
      target.onUpcall(({ frame, inPort, key }) => {
        const { tcp, vlan } = dissect(frame);
        if (tcp !== undefined) vids.add(vlan?.vid ?? 0); // the kernel sends its own, untagged, on the trunk
        const actions: DatapathAction[] = [{ type: "popVlan" }, { type: "output", port: host }];
        if (getField(key, FIELDS.vlan_tci) === 0x102a) target.putFlow(key, makeFlowKey().fill(0xffffffff), actions);
        target.execute(frame, inPort, actions);
      });
    };
    wire(first, 1, trunk1);
    wire(second, hostB, trunk2);
    const ok = await transfer("tdp-a", "tdp-b", "10.98.2.2", 1_000_000);
    await second[Symbol.asyncDispose]();
    expect(ok).toBe(true);
    expect([...vids]).toEqual([42]);
  });

  test("frames to a memory port are whole: segmented to the MTU, checksums complete", async () => {
    await plugHosts();
    const link = new MemoryLink();
    const own = new UserDatapath({ openMemoryLink: () => link });
    await datapath[Symbol.asyncDispose]();
    datapath = own;
    own.start(stop.signal);
    for (const name of ["a", "b"]) own.addPort({ name: `tdp-${name}-sw`, kind: "system" });
    own.addPort({ name: "tap", kind: "memory" });
    const lengths: number[] = [];
    let nBad = 0;
    link.onFrame((frame) => {
      const { tcp, ip4 } = dissect(frame);
      if (tcp === undefined || ip4 === undefined) return;
      lengths.push(frame.length);
      if (!hasGoodChecksums(frame)) nBad++;
    });
    flood(own);
    expect(await transfer("tdp-a", "tdp-b", "10.98.2.2", 300_000)).toBe(true);
    expect(Math.max(...lengths)).toBe(1514);
    expect(lengths.reduce((sum, length) => sum + length, 0)).toBeGreaterThan(300_000);
    expect(nBad).toBe(0);
  });

  test("an internal port is a device of this machine", async () => {
    await plugHost("a", 1);
    flood(datapath);
    const internal = datapath.addPort({ name: "tdp-int", kind: "internal" });
    addAddress("tdp-int", "10.98.2.200/24");
    setLinkUp("tdp-int");
    const prober = new ReachabilityProber();
    expect(await prober.ping("tdp-a", "10.98.2.200")).toMatchObject({ outcome: "reply" });
    prober.close();
    expect(await transfer(undefined, "tdp-a", "10.98.2.1", 1_000_000)).toBe(true);
    expect([...datapath.ports()].find((port) => port.portNo === internal)).toMatchObject({ kind: "internal", isUp: true });
    datapath.removePort(internal);
    expect(() => deleteLink("tdp-int")).toThrow(/ENODEV/);
  });

  test("an internal port serves the namespace that its device is moved to, until the device is deleted", async () => {
    await plugHost("a", 1);
    flood(datapath, [], false);
    const internal = datapath.addPort({ name: "tdp-int", kind: "internal" });
    const isOpen = () => [...datapath.ports()].some(({ portNo }) => portNo === internal);
    createNamespace("tdp-far");
    const ip = (...args: string[]) => execFileSync("ip", args);
    const prober = new ReachabilityProber();
    for (const [from, to] of [
      ["1", "tdp-far"],
      ["tdp-far", "1"],
      ["1", "tdp-far"],
    ] as const) {
      ip(...(from === "1" ? [] : ["-n", from]), "link", "set", "tdp-int", "netns", to);
      const port = () => [...datapath.ports()].find(({ portNo }) => portNo === internal);
      await vi.waitFor(() => expect(port()).toMatchObject({ isUp: to !== "1" }), PATIENCE);
    }
    inNamespace("tdp-far", () => {
      addAddress("tdp-int", "10.98.2.77/24");
      setLinkUp("tdp-int");
    });
    expect(await prober.ping("tdp-far", "10.98.2.1")).toMatchObject({ outcome: "reply" });
    prober.close();
    expect(isOpen()).toBe(true);
    ip("-n", "tdp-far", "link", "del", "tdp-int");
    await vi.waitFor(() => expect(isOpen()).toBe(false), PATIENCE);
  });

  test("a port going down, up and away is reported, and the others keep forwarding", async () => {
    const [a] = await plugHosts();
    await plugHost("c", 3);
    flood(datapath);
    const seen: string[] = [];
    datapath.onPortChange((portNo) => {
      const port = [...datapath.ports()].find((candidate) => candidate.portNo === portNo);
      seen.push(`${portNo} ${port === undefined ? "gone" : port.isUp ? "up" : "down"}`);
    });
    const becomes = (state: string): Promise<void> => vi.waitFor(() => expect(seen).toContain(`${a} ${state}`), PATIENCE);
    setLinkDown("tdp-a-sw");
    await becomes("down");
    setLinkUp("tdp-a-sw");
    await becomes("up");
    deleteLink("tdp-a-sw");
    await becomes("gone");
    const prober = new ReachabilityProber();
    expect(await prober.ping("tdp-b", "10.98.2.3")).toMatchObject({ outcome: "reply" });
    prober.close();
  });

  test("a device that appears is announced", async () => {
    const names: string[] = [];
    datapath.onDeviceChange((name) => names.push(name));
    createVethPair({ name: "tdp-x0", peer: "tdp-x1" });
    await vi.waitFor(() => expect(names).toContain("tdp-x0"), PATIENCE);
  });

  test("opening a device that is not there fails with its name", () => {
    expect(() => datapath.addPort({ name: "tdp-none", kind: "system" })).toThrow(/"tdp-none".*ENODEV/);
    expect([...datapath.ports()]).toEqual([]);
  });
});

function hasGoodChecksums(frame: Uint8Array): boolean {
  const ipLength = getU16(frame, 16);
  const l4Length = ipLength - 20;
  const sum = foldSum(addToSum(pseudoSum4(frame, 14, 6, l4Length), frame, 34, l4Length));
  return internetChecksum(frame, 14, 20) === 0 && sum === 0xffff;
}
