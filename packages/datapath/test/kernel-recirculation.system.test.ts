/** Packets that are looked up several times: the kernel's program gives what this process gives, and tells what it found out. */
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { addAddress, setLinkUp } from "@tenet/linux";
import type { DatapathAction, Megaflow, UserDatapath } from "@tenet/datapath";
import { FIELDS, getField, IP_PROTO, makeFlowKey } from "@tenet/net";
import { matchOf } from "./frames.ts";
import { KernelSwitch, pingFrom } from "./kernel-switch.ts";
import { transfer } from "./tcp-transfer.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
/** Of this run alone. */
const PREFIX = `tkr${process.pid % 10_000}-`;
const PATIENCE = { timeout: 10_000, interval: 10 };
/** The longest time between a change and the program that has it. */
const RELOAD_MS = 100;
/** A first one, and as many tail calls as the kernel makes. */
const KERNEL_LOOK_UPS = 34;
/** What every flow here matches on. */
const { mask: MASK } = matchOf({ in_port: 1, recirc_id: 1, eth_type: 1, vlan_tci: 1, nw_proto: 1 });
const TAGGED = 0x1000;
const { icmp: ICMP, tcp: TCP, udp: UDP } = IP_PROTO;

/** What is done with the packets of a port, by their `recirc_id`. */
type Pipeline = (recircId: number, inPort: number) => readonly DatapathAction[];

let kernel: KernelSwitch;
let datapath: UserDatapath;
/** Of each IPv4 packet that came up: its key. */
let upcalls: Uint32Array[];

function plugHost(name: string, n: number): Promise<number> {
  return kernel.plugHost(name, [`10.98.4.${n}/24`]);
}

/** A slow path that installs what `pipeline` says, but for numbers in `uncached`. */
function follow(pipeline: Pipeline, uncached: ReadonlySet<number> = new Set()): void {
  datapath.onUpcall(({ frame, inPort, key }) => {
    if (getField(key, FIELDS.eth_type) === 0x0800) upcalls.push(key.slice());
    const recircId = getField(key, FIELDS.recirc_id);
    const actions = pipeline(recircId, inPort);
    if (!uncached.has(recircId)) datapath.putFlow(key, MASK, actions);
    datapath.execute(frame, inPort, actions);
  });
}

const ping = (from = "a", to = "10.98.4.2"): Promise<string> => pingFrom(`${PREFIX}${from}`, to);

/** What a flow counts while this process looks at no packet: the kernel counted it. */
async function countedWhile(
  inPort: number,
  recircId: number,
  run: () => Promise<unknown>,
  proto: number = ICMP,
): Promise<number> {
  const count = (): number => flowOf(inPort, recircId, 0, proto)?.nPackets ?? 0;
  const nBefore = count();
  await kernel.lookingAway(run);
  return count() - nBefore;
}

function flowOf(inPort: number, recircId: number, tci = 0, proto: number = ICMP): Megaflow | undefined {
  for (const flow of datapath.flows()) {
    const { key } = flow;
    const isIt =
      getField(key, FIELDS.in_port) === inPort &&
      getField(key, FIELDS.recirc_id) === recircId &&
      getField(key, FIELDS.vlan_tci) === tci &&
      getField(key, FIELDS.eth_type) === 0x0800 &&
      getField(key, FIELDS.nw_proto) === proto;
    if (isIt) return flow;
  }
  return undefined;
}

describe.skipIf(obstacle !== undefined)("packets that the kernel looks up again", () => {
  beforeEach(() => {
    upcalls = [];
    kernel = new KernelSwitch(PREFIX);
    ({ datapath } = kernel);
  });

  afterEach(() => kernel.close());

  /** Two look-ups, or three with a tag on between the second and the third. */
  function steps(n: 2 | 3, a: number, b: number): Pipeline {
    return (recircId, inPort) => {
      const output: DatapathAction = { type: "output", port: inPort === a ? b : a };
      if (recircId === 0) return [{ type: "clone", actions: [{ type: "recirc", id: 1 }] }];
      if (n === 2) return [output];
      if (recircId === 1)
        return [
          { type: "pushVlan", tpid: 0x8100, tci: 42 },
          { type: "recirc", id: 2 },
        ];
      return [{ type: "popVlan" }, output];
    };
  }

  test.each([2, 3] as const)("are forwarded after %i look-ups while this process looks away, and each flow counts", async (n) => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    follow(steps(n, a, b));
    await kernel.untilInKernel(ping);
    const flows = [a, b].flatMap((port) => Array.from({ length: n }, (_, i) => flowOf(port, i, i === 2 ? TAGGED | 42 : 0)));
    const before = flows.map((flow) => flow?.nPackets ?? Number.NaN);
    await kernel.lookingAway(async () => {
      for (let i = 0; i < 5; i++) expect(await ping()).toBe("reply");
    });
    expect(flows.map((flow, i) => (flow?.nPackets ?? 0) - (before[i] ?? 0))).toEqual(flows.map(() => 5));
    expect(flows.map((flow) => flow?.tcpFlags)).toEqual(flows.map(() => 0));
  });

  test("are forwarded again when all flows were gone", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    follow(steps(2, a, b));
    await kernel.untilInKernel(ping);
    await kernel.lookingAway(async () => {
      for (const flow of datapath.flows()) datapath.deleteFlow(flow);
      await new Promise((resolve) => setTimeout(resolve, 3 * RELOAD_MS)); // both programs find no flow
    });
    await kernel.untilInKernel(ping);
  });

  test("come up with what is known of them when there is no flow for them", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    follow(steps(3, a, b));
    await kernel.untilInKernel(ping);
    const last = flowOf(a, 2, TAGGED | 42);
    if (last === undefined) throw new Error("the last flow is not there");
    const nPackets = last.nPackets;
    upcalls = [];
    datapath.deleteFlow(last);
    expect(await ping()).toBe("reply");
    expect(nPackets).toBeGreaterThan(0);
    expect(upcalls).toHaveLength(1);
    const key = upcalls[0] ?? makeFlowKey();
    const seen = (["in_port", "recirc_id", "vlan_tci", "nw_dst"] as const).map((name) => getField(key, FIELDS[name]));
    expect(seen).toEqual([a, 2, TAGGED | 42, 0x0a620402]);
  });

  test("are all forwarded while both programs are replaced", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    follow(steps(3, a, b));
    await kernel.untilInKernel(ping);
    const pings = promisify(execFile)("ip", ["netns", "exec", `${PREFIX}a`, "ping", "-q", "-f", "-c", "40000", "10.98.4.2"]);
    let isOver = false;
    const over = pings.finally(() => (isOver = true));
    for (let bits = 1; !isOver; bits++) {
      const flows = [0, 1].map((recircId) => {
        const { key, mask } = matchOf({ in_port: a, recirc_id: recircId, eth_type: 0x88b6 });
        mask[FIELDS.eth_src.word + 1] = bits; // a mask that there never was
        return datapath.putFlow(key, mask, []);
      });
      await new Promise((resolve) => setTimeout(resolve, 2 * RELOAD_MS));
      for (const flow of flows) datapath.deleteFlow(flow);
    }
    expect((await over).stdout).toContain("40000 packets transmitted, 40000 received");
  });

  test("of more look-ups than the kernel makes of one packet go on here", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    const nLookUps = 40;
    const flows = [a, b].map((inPort) =>
      Array.from({ length: nLookUps }, (_, i) => {
        const { key, mask } = matchOf({ in_port: inPort, recirc_id: i });
        const output: DatapathAction = { type: "output", port: inPort === a ? b : a };
        return datapath.putFlow(key, mask, [i === nLookUps - 1 ? output : { type: "recirc", id: i + 1 }]);
      }),
    );
    expect(await ping()).toBe("reply");
    await vi.waitFor(async () => {
      const nBefore = flows[0]?.map(({ nPackets }) => nPackets) ?? [];
      await kernel.lookingAway(ping);
      const counted = flows[0]?.findLastIndex(({ nPackets }, i) => nPackets > (nBefore[i] ?? 0));
      expect(counted).toBe(KERNEL_LOOK_UPS - 1);
    }, PATIENCE);
    expect(await ping()).toBe("reply");
  });

  test("arrive intact through this process, in segments larger than the MTU", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    follow(steps(3, a, b), new Set([2]));
    await vi.waitFor(async () => {
      await ping();
      expect(await countedWhile(a, 1, ping)).toBeGreaterThan(0);
    }, PATIENCE);
    upcalls = [];
    expect(await transfer(`${PREFIX}a`, `${PREFIX}b`, "10.98.4.2", 2_000_000)).toBe(true);
    // The first packet of each direction comes up before each look-up, all others only before the last.
    expect(upcalls.filter((key) => getField(key, FIELDS.recirc_id) !== 2)).toHaveLength(4);
    const first = flowOf(a, 0, 0, TCP);
    expect((first?.nBytes ?? 0) / (first?.nPackets ?? 1)).toBeGreaterThan(3000);
  });

  test("of the host itself come up as those of others do", async () => {
    const a = datapath.addPort({ name: `${PREFIX}int`, kind: "internal" });
    addAddress(`${PREFIX}int`, "10.98.4.1/24");
    setLinkUp(`${PREFIX}int`);
    const b = await plugHost("b", 2);
    follow(steps(3, a, b), new Set([2]));
    const socket = createSocket("udp4");
    const send = (): Promise<void> => new Promise((resolve) => socket.send("x", 9, "10.98.4.2", () => resolve()));
    await vi.waitFor(async () => {
      expect(await ping("b", "10.98.4.1")).toBe("reply");
      expect(await countedWhile(a, 1, send, UDP)).toBeGreaterThan(0);
    }, PATIENCE);
    socket.close();
    expect(await transfer(undefined, `${PREFIX}b`, "10.98.4.2", 2_000_000)).toBe(true);
  });
});
