import fc from "fast-check";
import { expect, test } from "vitest";
import { ManualClock } from "@tenet/kit";
import { buildVlan, makeFlowKey } from "@tenet/net";
import { type DatapathAction, MemoryLink, type Upcall, UserDatapath } from "@tenet/datapath";
import { keyOf, matchOf, tcpFrame, udpFrame } from "./frames.ts";

interface Rig {
  datapath: UserDatapath;
  links: MemoryLink[];
  /** Frames that left each port, by index. */
  out: Uint8Array[][];
  upcalls: Upcall[];
}

/** A datapath with memory ports 1..n. */
function rig(nPorts: number, clock = new ManualClock(1000)): Rig {
  const links = Array.from({ length: nPorts }, () => new MemoryLink());
  const out: Uint8Array[][] = links.map(() => []);
  const datapath = new UserDatapath({ clock, openMemoryLink: (name) => links[Number(name.slice(1)) - 1] ?? new MemoryLink() });
  links.forEach((link, i) => {
    datapath.addPort({ name: `m${i + 1}`, kind: "memory" });
    link.onFrame((frame) => out[i]?.push(frame));
  });
  const upcalls: Upcall[] = [];
  datapath.onUpcall((upcall) => upcalls.push({ ...upcall, frame: upcall.frame.slice(), key: upcall.key.slice() }));
  return { datapath, links, out, upcalls };
}

/** A rig whose packets from port 1 meet these actions. */
function rigWith(actions: readonly DatapathAction[], nPorts = 3): Rig {
  const made = rig(nPorts);
  const { key, mask } = matchOf({ in_port: 1 });
  made.datapath.putFlow(key, mask, actions);
  return made;
}

test("a packet without a flow goes up as a miss, with its key, and nowhere else", () => {
  const { datapath, links, out, upcalls } = rig(2);
  const frame = udpFrame();
  links[0]?.send(frame);
  expect(upcalls).toEqual([{ reason: "miss", inPort: 1, frame, key: keyOf(frame), userdata: 0 }]);
  expect(out).toEqual([[], []]);
  expect(datapath.stats()).toMatchObject({ hits: 0, misses: 1, lost: 0, nFlows: 0 });
});

test("a packet for a port that is not there is counted, and goes to the others", () => {
  const { datapath, links, out } = rigWith([
    { type: "output", port: 99 },
    { type: "output", port: 2 },
  ]);
  links[0]?.send(udpFrame());
  expect(out.map((frames) => frames.length)).toEqual([0, 1, 0]);
  expect(datapath.traffic()).toEqual({ nReceived: 1, nSent: 1, nLost: 0, nWithoutPort: 1 });
});

test("a packet with a flow goes where its actions say and is counted", () => {
  const clock = new ManualClock(5000);
  const { datapath, links, out, upcalls } = rig(3, clock);
  const { key, mask } = matchOf({ in_port: 1 });
  const flow = datapath.putFlow(key, mask, [
    { type: "output", port: 2 },
    { type: "output", port: 3 },
  ]);
  const frame = tcpFrame();
  links[0]?.send(frame);
  clock.advance(10);
  links[0]?.send(frame);
  expect(out).toEqual([[], [frame, frame], [frame, frame]]);
  expect(upcalls).toEqual([]);
  expect(flow).toMatchObject({ nPackets: 2, nBytes: 2 * frame.length, usedMs: 5010, tcpFlags: 0x18 });
  expect(datapath.stats()).toMatchObject({ hits: 2, misses: 0, nFlows: 1, nMasks: 1 });
  const stats = [...datapath.ports()].map((port) => port.stats);
  expect(stats[0]).toMatchObject({ rxPackets: 2, rxBytes: 2 * frame.length, txPackets: 0 });
  expect(stats[1]).toMatchObject({ rxPackets: 0, txPackets: 2, txBytes: 2 * frame.length });
});

test("an empty action list drops", () => {
  const { datapath, links, out, upcalls } = rigWith([]);
  links[0]?.send(udpFrame());
  expect([out.flat(), upcalls]).toEqual([[], []]);
  expect(datapath.stats().hits).toBe(1);
});

test("a deleted flow misses again", () => {
  const { datapath, links, upcalls } = rigWith([{ type: "output", port: 2 }]);
  links[0]?.send(udpFrame());
  for (const flow of datapath.flows()) datapath.deleteFlow(flow);
  links[0]?.send(udpFrame());
  expect(upcalls.length).toBe(1);
});

test("changing a packet between two outputs does not change what was sent before", () => {
  const set = matchOf({ eth_dst: 0x0a00000000ff });
  const { links, out } = rigWith([
    { type: "output", port: 2 },
    { type: "setMasked", ...set },
    { type: "pushVlan", tpid: 0x8100, tci: 0x2005 },
    { type: "output", port: 3 },
  ]);
  const frame = udpFrame();
  const original = frame.slice();
  links[0]?.send(frame);
  expect(frame).toEqual(original);
  expect(out[1]).toEqual([original]);
  const changed = original.slice();
  changed.set([0x0a, 0, 0, 0, 0, 0xff]);
  expect(out[2]).toEqual([buildVlan({ vid: 5, pcp: 1 }, changed)]);
});

test("pop takes off the tag that push put on, and leaves an untagged frame alone", () => {
  const { links, out } = rigWith([
    { type: "popVlan" },
    { type: "output", port: 2 },
    { type: "pushVlan", tpid: 0x88a8, tci: 7 },
    { type: "pushVlan", tpid: 0x8100, tci: 8 },
    { type: "popVlan" },
    { type: "output", port: 3 },
  ]);
  links[0]?.send(buildVlan({ vid: 9 }, udpFrame()));
  links[0]?.send(udpFrame());
  expect(out[1]).toEqual([udpFrame(), udpFrame()]);
  expect(out[2]?.[0]).toEqual(buildVlan({ vid: 7, tpid: 0x88a8 }, udpFrame()));
});

test("a userspace action goes up with its userdata and the packet as it is by then", () => {
  const set = matchOf({ nw_ttl: 9 });
  const { links, upcalls } = rigWith([
    { type: "setMasked", ...set },
    { type: "userspace", userdata: 77 },
  ]);
  links[0]?.send(udpFrame());
  expect(upcalls).toMatchObject([{ reason: "action", inPort: 1, userdata: 77 }]);
  expect(upcalls[0]?.key).toEqual(keyOf(upcalls[0]?.frame ?? new Uint8Array(0)));
  expect(upcalls[0]?.frame[22]).toBe(9);
});

test("the slow path may install a flow and execute the packet inside the upcall", () => {
  const { datapath, links, out } = rig(2);
  datapath.onUpcall(({ frame, inPort, key }) => {
    const actions: DatapathAction[] = [
      { type: "setMasked", ...matchOf({ eth_src: 5 }) },
      { type: "output", port: 2 },
    ];
    datapath.putFlow(key, makeFlowKey().fill(0xffffffff), actions);
    datapath.execute(frame, inPort, actions);
  });
  const frame = udpFrame();
  links[0]?.send(frame);
  links[0]?.send(frame);
  expect(datapath.stats()).toMatchObject({ hits: 1, misses: 1 });
  expect(out[1]?.length).toBe(2);
  expect(out[1]?.[0]).toEqual(out[1]?.[1]);
  expect([...datapath.flows()][0]?.nPackets).toBe(1);
});

test("execute makes no flow, and an upcall inside it is handled", () => {
  const { datapath, out, upcalls } = rig(2);
  const frame = udpFrame();
  datapath.execute(frame, 1, [
    { type: "output", port: 2 },
    { type: "userspace", userdata: 3 },
  ]);
  expect(out[1]).toEqual([frame]);
  expect(upcalls).toMatchObject([{ reason: "action", userdata: 3, inPort: 1 }]);
  expect(datapath.stats().nFlows).toBe(0);
});

test("an upcall that executes into another upcall without end is cut off and counted", () => {
  const { datapath, links } = rig(1);
  let n = 0;
  datapath.onUpcall(({ frame, inPort }) => {
    n++;
    datapath.execute(frame, inPort, [{ type: "userspace", userdata: 0 }]);
  });
  links[0]?.send(udpFrame());
  expect(n).toBeLessThan(40);
  expect(datapath.stats().lost).toBe(1);
});

test("a listener that answers at once does not grow the stack", async () => {
  const { datapath, links } = rig(2);
  let n = 0;
  links[1]?.onFrame((frame) => {
    if (++n < 20_000) links[1]?.send(frame);
  });
  const back = matchOf({ in_port: 2 });
  datapath.putFlow(back.key, back.mask, [{ type: "output", port: 2 }]);
  const there = matchOf({ in_port: 1 });
  datapath.putFlow(there.key, there.mask, [{ type: "output", port: 2 }]);
  links[0]?.send(udpFrame());
  while (n < 20_000) await new Promise((resolve) => setImmediate(resolve));
  expect(n).toBe(20_000);
});

test("a listener that throws does not break the next packet", () => {
  const { links, out } = rigWith([
    { type: "output", port: 2 },
    { type: "output", port: 3 },
  ]);
  links[1]?.onFrame(() => {
    throw new Error("listener");
  });
  expect(() => links[0]?.send(udpFrame())).toThrow("listener");
  links[1]?.onFrame(() => undefined);
  for (let i = 0; i < 100; i++) links[0]?.send(udpFrame());
  expect(out[2]?.length).toBe(100);
});

test("a removed port neither sends nor receives, and its number is not given out again", () => {
  const { datapath, links, out } = rigWith([
    { type: "output", port: 2 },
    { type: "output", port: 3 },
  ]);
  links[1]?.onFrame(() => datapath.removePort(3));
  links[0]?.send(udpFrame());
  expect(out[2]).toEqual([]);
  expect([...datapath.ports()].map((port) => port.portNo)).toEqual([1, 2]);
  expect(links[2]?.isPlugged).toBe(false);
  links[2]?.send(udpFrame());
  expect(datapath.addPort({ name: "m9", kind: "memory" })).toBe(4);
});

test("ports are told one after the other, each when its turn comes", () => {
  const { datapath } = rig(3);
  const ports = datapath.ports();
  expect(ports.next().value.portNo).toBe(1);
  datapath.removePort(2);
  expect(Array.from(ports, ({ portNo }) => portNo)).toEqual([3]);
  expect([datapath.portNamed("m2"), datapath.portNamed("m3")?.portNo]).toEqual([undefined, 3]);
});

test("a name is taken only once", () => {
  const { datapath } = rig(1);
  expect(() => datapath.addPort({ name: "m1", kind: "memory" })).toThrow('Cannot add port "m1": it is port 1 already');
});

test("ports of a memory link have a stable address", () => {
  const [port] = rig(1).datapath.ports();
  expect(port).toMatchObject({ name: "m1", kind: "memory", mtu: 1500, isUp: true });
  expect(rig(1).datapath.port(1)?.mac).toBe(port?.mac);
  expect(rig(1).datapath.port(2)).toBeUndefined();
  expect((port?.mac ?? 0) / 2 ** 40).toBeGreaterThanOrEqual(2);
});

test("random frames and actions never throw, and a runt is an error of the port", () => {
  const { datapath, links } = rig(3);
  const word = fc.integer({ min: 0, max: 0xffffffff });
  const words = fc.array(word, { minLength: 60, maxLength: 60 }).map((values) => Uint32Array.from(values));
  const action: fc.Arbitrary<DatapathAction> = fc.oneof(
    fc.record({ type: fc.constant("output" as const), port: fc.integer({ min: -1, max: 5 }) }),
    fc.record({ type: fc.constant("setMasked" as const), key: words, mask: words }),
    fc.record({ type: fc.constant("pushVlan" as const), tpid: fc.constantFrom(0x8100, 0x88a8), tci: fc.nat(0xffff) }),
    fc.constant({ type: "popVlan" as const }),
    fc.record({ type: fc.constant("userspace" as const), userdata: fc.nat() }),
  );
  const frames = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom(udpFrame(), tcpFrame(), tcpFrame(6)).chain((frame) => fc.nat(frame.length).map((n) => frame.slice(0, n))),
  );
  const { key, mask } = matchOf({ in_port: 1 });
  fc.assert(
    fc.property(fc.array(action, { maxLength: 20 }), frames, (actions, frame) => {
      datapath.putFlow(key, mask, actions);
      links[0]?.send(frame);
    }),
    { numRuns: 1000 },
  );
  links[0]?.send(new Uint8Array(13));
  expect([...datapath.ports()][0]?.stats.rxErrors).toBeGreaterThan(0);
  links[0]?.send(new Uint8Array(70_000));
});

test("a datapath that is disposed of unplugs its links", async () => {
  const { datapath, links, upcalls } = rig(1);
  await datapath[Symbol.asyncDispose]();
  links[0]?.send(udpFrame());
  expect(upcalls).toEqual([]);
});

test("a port that floods while the switch is at work loses frames of its own, and those of others are not kept waiting", async () => {
  const { datapath, links, out } = rig(4);
  for (const inPort of [1, 3]) {
    const { key, mask } = matchOf({ in_port: inPort });
    datapath.putFlow(key, mask, [{ type: "output", port: 2 }]);
  }
  const isFlooding = (frame: Uint8Array): boolean => frame.length > 100;
  const [flood, quiet] = [udpFrame(53, new Uint8Array(100)), udpFrame()];
  let isFirst = true;
  links[1]?.onFrame((frame) => {
    out[1]?.push(frame);
    if (!isFirst) return;
    isFirst = false;
    for (let n = 0; n < 5000; n++) links[0]?.send(flood); // the switch is at work: all of these have to wait
    for (let n = 0; n < 10; n++) links[2]?.send(quiet);
  });
  links[0]?.send(flood);
  while ((out[1]?.length ?? 0) < 1 + 1024 + 10) await new Promise((resolve) => setImmediate(resolve));
  const order = out[1] ?? [];
  const last = order.findLastIndex((frame) => !isFlooding(frame));
  expect(order.filter((frame) => !isFlooding(frame))).toHaveLength(10);
  expect(last).toBeLessThanOrEqual(21); // by turns: ten of each, after the first
  expect(order).toHaveLength(1 + 1024 + 10);
  expect(datapath.port(1)?.stats.rxDropped).toBe(5000 - 1024);
  expect(datapath.port(3)?.stats.rxDropped).toBe(0);
});

test("frames that wait for a port that vanishes go with it", async () => {
  const { datapath, links, out } = rig(3);
  for (const inPort of [1, 3]) {
    const { key, mask } = matchOf({ in_port: inPort });
    datapath.putFlow(key, mask, [{ type: "output", port: 2 }]);
  }
  let isFirst = true;
  links[1]?.onFrame((frame) => {
    out[1]?.push(frame);
    if (!isFirst) return;
    isFirst = false;
    for (let n = 0; n < 100; n++) for (const link of [links[0], links[2]]) link?.send(udpFrame());
    datapath.removePort(1);
  });
  links[0]?.send(udpFrame());
  while ((out[1]?.length ?? 0) < 101) await new Promise((resolve) => setImmediate(resolve));
  for (let n = 0; n < 10; n++) await new Promise((resolve) => setImmediate(resolve));
  expect(out[1]).toHaveLength(101);
});
