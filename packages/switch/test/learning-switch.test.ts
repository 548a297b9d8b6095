import { parseFlow } from "@tenet/openflow";
import { makeBundle } from "@tenet/switch";
import { expect, test } from "vitest";
import { Bench } from "./bench-switch.ts";

const A = "dl_src=02:00:00:00:00:0a,dl_dst=02:00:00:00:00:0b,ip";
const B = "dl_src=02:00:00:00:00:0b,dl_dst=02:00:00:00:00:0a,ip";

test("an unknown destination floods, a learned one goes to its port alone", () => {
  const bench = new Bench(3);
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p2", "p3"]);
  expect(bench.send(`in_port=2,${B}`)).toEqual(["p1"]);
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p2"]);
});

test("a flooding megaflow is corrected when its destination is learned", () => {
  const bench = new Bench(3);
  bench.send(`in_port=1,${A}`);
  bench.send(`in_port=2,${B}`);
  const nMisses = bench.datapath.nMisses;
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p2"]);
  expect(bench.datapath.nMisses).toBe(nMisses);
});

test("an address that moves is followed", () => {
  const bench = new Bench(3);
  bench.send(`in_port=2,${B}`);
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p2"]);
  bench.send(`in_port=3,${B}`);
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p3"]);
});

test("an address that comes and moves again and again is followed by the megaflows that there are", () => {
  const bench = new Bench(4);
  bench.send(`in_port=1,${A}`);
  for (const port of [2, 3, 4]) {
    bench.send(`in_port=${port},${B}`);
    const { nMisses } = bench.datapath;
    expect(bench.send(`in_port=1,${A}`)).toEqual([`p${port}`]);
    expect(bench.datapath.nMisses).toBe(nMisses);
  }
});

test("a megaflow that still fares as it did keeps what it had", () => {
  const bench = new Bench(3);
  for (let n = 0; n < 2; n++) for (const packet of [`in_port=2,${B}`, `in_port=1,${A}`]) bench.send(packet);
  const ownersBefore = [...bench.datapath.flows()].map(({ owner }) => owner);
  expect(ownersBefore).toHaveLength(2);
  bench.add("priority=1,actions=drop"); // in a table that both depend on
  for (const [i, { owner }] of [...bench.datapath.flows()].entries()) expect(owner).toBe(ownersBefore[i]);
});

test("an address is forgotten 300 s after its last packet, cached packets included", () => {
  const bench = new Bench(3);
  bench.send(`in_port=2,${B}`);
  for (let seconds = 0; seconds < 200; seconds += 5) {
    bench.clock.advance(5000);
    bench.send(`in_port=2,${B}`);
    bench.vswitch.tick();
  }
  bench.clock.advance(299_000);
  bench.vswitch.tick();
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p2"]);
  bench.clock.advance(2000);
  bench.vswitch.tick();
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p2", "p3"]);
});

test("packets from before a change of VLANs, counted after it, teach nothing about the old VLAN", () => {
  const bench = new Bench(3);
  for (let n = 0; n < 2; n++) bench.send(`in_port=2,${B}`);
  const bundle = bench.bridge.port(2)?.bundle ?? makeBundle("none");
  bundle.vlan = { mode: "access", tag: 10, trunks: [] };
  bench.vswitch.bundleChanged(bench.bridge, bundle);
  bench.vswitch.settle();
  expect([...bench.bridge.macs.entries()]).toEqual([]);
  bench.send(`in_port=2,${B}`);
  expect([...bench.bridge.macs.entries()].map(({ vlan }) => vlan)).toEqual([10]);
});

test("a removed port takes its addresses and is flooded to no more", () => {
  const bench = new Bench(3);
  bench.send(`in_port=2,${B}`);
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p2"]);
  bench.vswitch.removePort(bench.bridge, 2);
  bench.vswitch.settle();
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p3"]);
});

test("reserved multicast stays on its link", () => {
  const bench = new Bench(3);
  expect(bench.send("in_port=1,dl_src=02:00:00:00:00:0a,dl_dst=01:80:c2:00:00:0e")).toEqual([]);
});

test("access ports keep their VLAN apart; a trunk carries it tagged", () => {
  const bench = new Bench(0);
  const access = (name: string, tag: number) => makeBundle(name, { mode: "access", tag, trunks: [] });
  bench.vswitch.addPort(bench.bridge, { name: "p1", kind: "memory", ofport: 1, bundle: access("p1", 10) });
  bench.vswitch.addPort(bench.bridge, { name: "p2", kind: "memory", ofport: 2, bundle: access("p2", 10) });
  bench.vswitch.addPort(bench.bridge, { name: "p3", kind: "memory", ofport: 3, bundle: access("p3", 20) });
  bench.vswitch.addPort(bench.bridge, { name: "p4", kind: "memory", ofport: 4 });
  bench.vswitch.settle();
  expect(bench.sendWithChanges(`in_port=1,${A}`)).toEqual([
    { port: "p2", changes: [] },
    { port: "p4", changes: [{ type: "pushVlan", tpid: 0x8100, tci: 10 }] },
  ]);
  expect(bench.send(`in_port=3,${A}`)).toEqual(["p4"]);
  expect(bench.sendWithChanges(`in_port=4,dl_vlan=10,${B}`)).toEqual([{ port: "p1", changes: [{ type: "popVlan" }] }]);
  expect(bench.send(`in_port=1,dl_vlan=10,${A}`)).toEqual([]);
});

test("native ports give untagged packets their VLAN, and carry none without; a priority outlives its VLAN", () => {
  const bench = new Bench(0);
  const add = (ofport: number, mode: "trunk" | "access" | "native-tagged" | "native-untagged", tag: number) =>
    bench.vswitch.addPort(bench.bridge, {
      name: `p${ofport}`,
      kind: "memory",
      ofport,
      bundle: makeBundle(`p${ofport}`, { mode, tag, trunks: [] }),
    });
  add(1, "trunk", 0);
  add(2, "native-untagged", 5);
  add(3, "native-tagged", 5);
  add(4, "access", 5);
  add(5, "trunk", 0);
  bench.vswitch.settle();
  const push = (tci: number) => ({ type: "pushVlan" as const, tpid: 0x8100, tci });
  const pop = { type: "popVlan" as const };
  expect(bench.sendWithChanges(`in_port=1,vlan_tci=0x7000,${A}`)).toEqual([{ port: "p5", changes: [] }]);
  expect(bench.sendWithChanges(`in_port=1,vlan_tci=0x1000,${A}`)).toEqual([{ port: "p5", changes: [pop] }]);
  expect(bench.sendWithChanges(`in_port=2,vlan_tci=0x7000,${B}`)[0]).toEqual({ port: "p1", changes: [pop, push(0x6005)] });
  expect(bench.sendWithChanges(`in_port=1,vlan_tci=0x7005,dl_src=02:00:00:00:00:0c,dl_dst=ff:ff:ff:ff:ff:ff,arp`)).toEqual([
    { port: "p2", changes: [pop] },
    { port: "p3", changes: [pop, push(0x6005)] },
    { port: "p4", changes: [pop, push(0x6005), pop] },
    { port: "p5", changes: [pop, push(0x6005), pop, push(0x6005)] },
  ]);
});

test("patch ports join two bridges into one network, and senders behind a port that goes are forgotten in both", async () => {
  const bench = new Bench(2);
  const other = bench.vswitch.addBridge("br1");
  bench.vswitch.addPort(bench.bridge, { name: "to-br1", kind: "patch", peer: "to-br0" });
  bench.vswitch.addPort(other, { name: "to-br0", kind: "patch", peer: "to-br1" });
  bench.vswitch.addPort(other, { name: "q1", kind: "memory" });
  other.pipeline.apply([{ command: "add", flow: parseFlow("actions=NORMAL") }]);
  bench.vswitch.settle();
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p2", "q1"]);
  expect(other.macs.lookup(0, 0x02000000000a)).toBe(other.portNamed("to-br0")?.bundle);
  expect(other.portNamed("to-br0")?.patchCounters.rxPackets).toBe(1);
  bench.send("in_port=2,dl_src=02:00:00:00:00:0b,dl_dst=ff:ff:ff:ff:ff:ff,ip");
  bench.vswitch.removePort(bench.bridge, 1);
  await bench.vswitch.turns.run(bench.vswitch.settling());
  expect([...other.macs.entries()].map(({ mac }) => mac)).toEqual([0x02000000000b]);
});

test("a packet from elsewhere than where a static address is is counted, once", () => {
  const bench = new Bench(2);
  const home = bench.bridge.port(2)?.bundle;
  if (home === undefined) throw new Error("there is a port 2");
  bench.vswitch.addStaticMac(bench.bridge, 0, 0x02000000000a, home);
  expect(bench.send(`in_port=1,${A}`)).toEqual(["p2"]);
  expect(bench.vswitch.counts.mac_learning_static_none_move).toBe(1);
  expect(bench.bridge.macs.lookup(0, 0x02000000000a)).toBe(home);
});

test("megaflows flood to new ports when the work that adds them is done, and not before", () => {
  const bench = new Bench(2);
  const addPorts = function* (): Generator<undefined, void> {
    for (const ofport of [3, 4]) {
      bench.vswitch.addPort(bench.bridge, { name: `p${ofport}`, kind: "memory", ofport });
      yield;
    }
  };
  const flood = (): string[] => bench.send(`in_port=1,${A}`);
  expect(flood()).toEqual(["p2"]);
  const work = bench.vswitch.changingPorts(addPorts());
  for (let n = 0; n < 2; n++) {
    expect(work.next().done).toBe(false);
    expect(flood()).toEqual(["p2"]);
  }
  expect(work.next().done).toBe(true);
  bench.vswitch.settle();
  expect(flood()).toEqual(["p2", "p3", "p4"]);
});
