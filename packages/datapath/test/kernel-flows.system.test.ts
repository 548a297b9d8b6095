/** What the kernel's program does by itself, and what it leaves to this process. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { probeBpf } from "@tenet/bpf";
import { FRAME_OFFSET, FrameArena, inNamespace, listLinks, openPacketSocket, SendQueue, setMtu } from "@tenet/linux";
import type { DatapathAction, MeterConfig, PortSpec, UserDatapath } from "@tenet/datapath";
import { matchOf } from "./frames.ts";
import { KernelSwitch, pingFrom } from "./kernel-switch.ts";

const { obstacle } = probeBpf();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);
const PATIENCE = { timeout: 10_000, interval: 10 };
const MAY_BE_UNDER_WAY = 256;
const MAX_MTU = 65_535;
/** More than the program goes through. */
const NINE_BANDS: MeterConfig = {
  unit: "pktps",
  bands: Array.from({ length: 9 }, () => ({ kind: "drop", rate: 1000, burst: 1000, precedence: 0 })),
};

let kernel: KernelSwitch;
let datapath: UserDatapath;
let nUpcalls: number;

function plugHost(name: string, n: number, spec: Partial<PortSpec> = {}): Promise<number> {
  return kernel.plugHost(name, [`10.98.3.${n}/24`], spec);
}

/** A slow path that sends what comes in at one of two ports out at the other, by a flow for each port and type. */
function cross(a: number, b: number, extra: readonly DatapathAction[] = []): void {
  datapath.onUpcall(({ frame, inPort, key }) => {
    nUpcalls++;
    const actions = [...extra, { type: "output", port: inPort === a ? b : a } as const];
    datapath.putFlow(key, matchOf({ in_port: 1, eth_type: 1 }).mask, actions);
    datapath.execute(frame, inPort, actions);
  });
}

const ping = (): Promise<string> => pingFrom("tkf-a", "10.98.3.2");

describe.skipIf(obstacle !== undefined)("flows in the kernel", () => {
  beforeEach(() => {
    nUpcalls = 0;
    kernel = new KernelSwitch("tkf-");
    ({ datapath } = kernel);
  });

  afterEach(() => kernel.close());

  test("packets are forwarded and counted while this process looks away", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    cross(a, b);
    await kernel.untilInKernel(ping);
    const { mask, key } = matchOf({ in_port: a, eth_type: 0x0800 });
    const flow = datapath.putFlow(key, mask, [{ type: "output", port: b }]);
    const before = { ...flow, nPackets: flow.nPackets, nBytes: flow.nBytes, sent: datapath.port(b)?.stats.txPackets ?? 0 };
    const { hits } = datapath.stats();
    kernel.lookAway();
    for (let i = 0; i < 5; i++) expect(await ping()).toBe("reply");
    expect(flow.nPackets - before.nPackets).toBe(5);
    expect(flow.nBytes - before.nBytes).toBeGreaterThanOrEqual(5 * 42);
    expect(flow.usedMs).toBeGreaterThan(performance.now() - 60_000);
    expect((datapath.port(b)?.stats.txPackets ?? 0) - before.sent).toBeGreaterThanOrEqual(5);
    expect(datapath.stats().hits - hits).toBeGreaterThanOrEqual(10);
  });

  test("other actions and a deletion count from the next packet on", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    cross(a, b);
    await kernel.untilInKernel(ping);
    const { mask, key } = matchOf({ in_port: a, eth_type: 0x0800 });
    const flow = datapath.putFlow(key, mask, []);
    expect(await ping()).not.toBe("reply");
    const nDropped = flow.nPackets;
    expect(nDropped).toBeGreaterThan(0);
    nUpcalls = 0;
    datapath.deleteFlow(flow);
    expect(flow.nPackets).toBe(nDropped);
    expect(await ping()).toBe("reply");
    expect(nUpcalls).toBe(1);
  });

  test("what the program cannot do is done here", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    const meter = datapath.addMeter(NINE_BANDS);
    cross(a, b, [{ type: "meter", meter }]);
    for (let i = 0; i < 3; i++) expect(await ping()).toBe("reply");
    expect(datapath.meterStats(meter)?.nPackets).toBeGreaterThanOrEqual(6);
    const { nFlows, nLeftByReason } = datapath.stats().kernel ?? {};
    expect(nFlows).toBe(0);
    expect([...(nLeftByReason?.keys() ?? [])]).toEqual(["action meter"]);
  });

  test("a meter is run by the program, until it gets more bands than that can", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    const meter = datapath.addMeter({ unit: "pktps", bands: [] });
    cross(a, b, [{ type: "meter", meter }]);
    await kernel.untilInKernel(ping);
    const nBefore = datapath.meterStats(meter)?.nPackets ?? 0;
    kernel.lookAway();
    expect(await ping()).toBe("reply");
    expect((datapath.meterStats(meter)?.nPackets ?? 0) - nBefore).toBeGreaterThanOrEqual(2);
    datapath.setMeter(meter, NINE_BANDS);
    expect(datapath.stats().kernel?.nFlows).toBe(0);
    kernel.look();
    expect(await ping()).toBe("reply");
  });

  test("a port that is to stay in user space is forwarded to and from here", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2, { isInUserSpace: true })];
    cross(a, b);
    for (let i = 0; i < 3; i++) expect(await ping()).toBe("reply");
    expect(datapath.stats().kernel?.nLeftByReason.get("a port outside the kernel's reach")).toBeGreaterThan(0);
    expect(datapath.stats().hits).toBeGreaterThan(0);
  });

  test("copies come up with what they are for, up to the port's limit, and the packets go on without this process", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    const seen: string[] = [];
    datapath.onUpcall(({ reason, frame, inPort, key, userdata }) => {
      if (reason === "action") return seen.push(`${inPort} ${userdata}`);
      const output = { type: "output", port: inPort === a ? b : a } as const;
      const actions: DatapathAction[] = [{ type: "userspace", userdata: 7 }, output, { type: "userspace", userdata: 8 }];
      datapath.putFlow(key, matchOf({ in_port: 1, eth_type: 1 }).mask, actions);
      return datapath.execute(frame, inPort, actions);
    });
    await kernel.untilInKernel(ping);
    const { key, mask } = matchOf({ in_port: a, eth_type: 0x88b5 });
    const flow = datapath.putFlow(key, mask, [
      { type: "userspace", userdata: 9 },
      { type: "output", port: b },
      { type: "userspace", userdata: 10 },
    ]);
    kernel.lookAway();
    const before = { held: datapath.port(a)?.stats.rxDropped ?? 0, sent: datapath.port(b)?.stats.txPackets ?? 0 };
    seen.length = 0;
    expect(await ping()).toBe("reply");
    inNamespace("tkf-a", () => flood("eth0", 2 * MAY_BE_UNDER_WAY));
    expect(seen).toEqual([]);
    expect(flow.nPackets).toBe(2 * MAY_BE_UNDER_WAY);
    expect((datapath.port(b)?.stats.txPackets ?? 0) - before.sent).toBeGreaterThan(2 * MAY_BE_UNDER_WAY);
    expect((datapath.port(a)?.stats.rxDropped ?? 0) - before.held).toBeGreaterThan(MAY_BE_UNDER_WAY);
    kernel.look();
    const nFlooded = (): number => seen.filter((each) => each === `${a} 9`).length;
    await vi.waitFor(() => expect(nFlooded()).toBeGreaterThan(MAY_BE_UNDER_WAY / 4), PATIENCE);
    for (const port of [a, b]) for (const userdata of [7, 8]) expect(seen).toContain(`${port} ${userdata}`);
  });

  test("a port that is ahead of this process is held back, and the loss is its own", async () => {
    const a = await plugHost("a", 1);
    const b = await plugHost("b", 2);
    datapath.onUpcall(({ inPort }) => void (nUpcalls += inPort === a ? 1 : 0));
    kernel.lookAway();
    const nSent = 4 * MAY_BE_UNDER_WAY;
    inNamespace("tkf-a", () => flood("eth0", nSent));
    const held = datapath.port(a)?.stats.rxDropped ?? 0;
    expect(held).toBeGreaterThanOrEqual(nSent - MAY_BE_UNDER_WAY);
    expect(datapath.port(a)?.upcalls?.nLost).toBe(held);
    // The host itself may have sent something, too.
    expect(datapath.port(a)?.upcalls?.nSent).toBeGreaterThanOrEqual(nSent - held);
    expect(datapath.port(a)?.upcalls?.nSent).toBeLessThanOrEqual(MAY_BE_UNDER_WAY);
    expect(datapath.port(b)?.stats.rxDropped).toBe(0);
    expect(datapath.port(b)?.upcalls?.nLost).toBe(0);
    expect(datapath.stats().lost).toBe(held);
    datapath.start(new AbortController().signal);
    await vi.waitFor(() => expect(nUpcalls).toBeGreaterThanOrEqual(MAY_BE_UNDER_WAY - 16), PATIENCE);
    inNamespace("tkf-a", () => flood("eth0", 1));
    await vi.waitFor(() => expect(nUpcalls).toBeGreaterThanOrEqual(MAY_BE_UNDER_WAY - 15), PATIENCE);
  });

  test("packets lost on their way up hold a port back for a while only", async () => {
    const a = await plugHost("a", 1);
    setMtu("tkf-a-sw", MAX_MTU);
    inNamespace("tkf-a", () => setMtu("eth0", MAX_MTU));
    datapath.onUpcall(() => void nUpcalls++);
    const floodUnseen = (n: number, nBytes?: number): number => {
      kernel.lookAway();
      const nHeld = datapath.port(a)?.stats.rxDropped ?? 0;
      inNamespace("tkf-a", () => flood("eth0", n, nBytes));
      kernel.look();
      return (datapath.port(a)?.stats.rxDropped ?? 0) - nHeld;
    };
    floodUnseen(MAY_BE_UNDER_WAY, MAX_MTU); // more than the collector's socket takes
    await vi.waitFor(() => expect(datapath.port(a)?.upcalls?.nLost).toBeGreaterThan(0), PATIENCE);
    await vi.waitFor(() => expect(floodUnseen(MAY_BE_UNDER_WAY + 1)).toBe(1), { ...PATIENCE, interval: 100 });
  });

  test("flows tell what they counted when the datapath has ended", async () => {
    const [a, b] = [await plugHost("a", 1), await plugHost("b", 2)];
    cross(a, b);
    await kernel.untilInKernel(ping);
    const flows = [...datapath.flows()];
    const before = flows.map(({ nPackets }) => nPackets);
    await datapath[Symbol.asyncDispose]();
    expect(flows.map(({ nPackets }, i) => nPackets >= (before[i] ?? 0))).not.toContain(false);
  });

  test("nothing is left in the kernel", async () => {
    const own = (): string[] => listLinks().flatMap(({ name }) => (name.startsWith(`tup${process.pid}.`) ? [name] : []));
    expect(own()).toHaveLength(2);
    await datapath[Symbol.asyncDispose]();
    expect(own()).toEqual([]);
  });
});

/** Frames of a protocol for local experiments. */
function flood(device: string, n: number, nBytes = 60): void {
  const arena = new FrameArena(1);
  const socket = openPacketSocket(device);
  const at = arena.slotAt(0) + FRAME_OFFSET;
  arena.view.setUint16(at + 12, 0x88b5);
  for (let sent = 0; sent < n; ) {
    const queue = new SendQueue(64);
    while (!queue.isFull && sent + queue.length < n) queue.push(arena, at, nBytes);
    sent += queue.length;
    expect(socket.send(queue)).toBeGreaterThan(0);
  }
  socket.close();
}
