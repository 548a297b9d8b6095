import { makeBundle, Bond, type BondSettings } from "@tenet/switch";
import { expect, test } from "vitest";
import type { Work } from "../src/turns.ts";
import { Bench } from "./bench-switch.ts";
import { Cables } from "./cables.ts";

const SETTINGS: BondSettings = {
  mode: "active-backup",
  upDelayMs: 2000,
  downDelayMs: 1000,
  rebalanceMs: 10_000,
  basis: 0,
  primary: undefined,
  areAllActive: false,
};
const from = (last: string): string => `in_port=1,dl_src=02:00:00:00:00:${last},dl_dst=02:00:00:00:00:99,ip`;

/** Port 1, and ports 2 and 3 in a bond. */
function bonded(settings: Partial<BondSettings> = {}): { bench: Bench; bond: Bond } {
  const bench = new Bench(1);
  const bundle = makeBundle("bond0");
  const bond = new Bond({ ...SETTINGS, ...settings }, bench.clock);
  bundle.bond = bond;
  for (const ofport of [2, 3]) bench.vswitch.addPort(bench.bridge, { name: `p${ofport}`, kind: "memory", ofport, bundle });
  bench.vswitch.settle();
  return { bench, bond };
}

/** Changes a link, as the datapath would report it. */
function setLink(bench: Bench, ofport: number, isUp: boolean): void {
  const port = bench.bridge.port(ofport);
  if (port === undefined) throw new Error(`no port ${ofport}`);
  port.isUp = isUp;
  bench.vswitch.tick();
}

test("an active-backup bond sends through one member, and through the other once its link has been down long enough", () => {
  const { bench } = bonded();
  expect(bench.send(from("01"))).toEqual(["p2"]);
  setLink(bench, 2, false);
  expect(bench.send(from("01"))).toEqual(["p2"]);
  bench.clock.advance(1000);
  bench.vswitch.tick();
  expect(bench.send(from("01"))).toEqual(["p3"]);
  setLink(bench, 3, false);
  bench.clock.advance(1000);
  bench.vswitch.tick();
  expect(bench.send(from("01"))).toEqual([]);
  setLink(bench, 2, true); // without any other, it is not made to wait
  expect(bench.send(from("01"))).toEqual(["p2"]);
});

test("a link that comes back in time was never away", () => {
  const { bench, bond } = bonded();
  setLink(bench, 2, false);
  bench.clock.advance(900);
  setLink(bench, 2, true);
  bench.clock.advance(900);
  bench.vswitch.tick();
  expect(bond.active?.port.name).toBe("p2");
  expect(bond.members.map(({ changesAtMs }) => changesAtMs)).toEqual([undefined, undefined]);
});

test("the primary member takes over when it is enabled again", () => {
  const { bench, bond } = bonded({ primary: "p3" });
  expect(bond.active?.port.name).toBe("p3");
  setLink(bench, 3, false);
  bench.clock.advance(1000);
  bench.vswitch.tick();
  expect(bond.active?.port.name).toBe("p2");
  setLink(bench, 3, true);
  bench.clock.advance(2000);
  bench.vswitch.tick();
  expect(bond.active?.port.name).toBe("p3");
});

test("groups come in at the active member alone, and a bond sends nothing back to itself", () => {
  const { bench } = bonded({ mode: "balance-slb" });
  const group = (inPort: number): string => `in_port=${inPort},dl_src=02:00:00:00:00:05,dl_dst=01:00:5e:00:00:01,ip`;
  expect(bench.send(group(2))).toEqual(["p1"]);
  expect(bench.send(group(3))).toEqual([]);
});

test("what balance-slb sent out and got back is dropped, until gratuitous ARP says that the host moved", () => {
  const { bench } = bonded({ mode: "balance-slb" });
  bench.send(from("01"));
  const back = "dl_src=02:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff";
  expect(bench.send(`in_port=2,${back},arp,arp_op=1,arp_spa=1.1.1.1,arp_tpa=1.1.1.2`)).toEqual([]);
  const gratuitous = `in_port=2,${back},arp,arp_op=1,arp_spa=1.1.1.1,arp_tpa=1.1.1.1`;
  expect(bench.send(gratuitous)).toEqual(["p1"]);
  expect(bench.send("in_port=1,dl_src=02:00:00:00:00:07,dl_dst=02:00:00:00:00:01,ip")).toHaveLength(1);
});

test("gratuitous ARP of a host here is not believed when it comes back at a bond", () => {
  const { bench } = bonded({ mode: "balance-slb" });
  const gratuitous = "dl_src=02:00:00:00:00:01,dl_dst=ff:ff:ff:ff:ff:ff,arp,arp_op=1,arp_spa=1.1.1.1,arp_tpa=1.1.1.1";
  bench.send(`in_port=1,${gratuitous}`);
  expect(bench.send(`in_port=2,${gratuitous}`)).toEqual([]);
  bench.clock.advance(10_000);
  bench.vswitch.tick();
  expect(bench.send(`in_port=2,${gratuitous}`)).toEqual(["p1"]);
});

test("balance-slb moves senders from a busy member to an idle one", () => {
  const { bench, bond } = bonded({ mode: "balance-slb" });
  const senders = ["01", "02", "03", "04"];
  for (const sender of senders) {
    bench.send(from(sender));
    const hash = bond.hashOf(0x0200_0000_0000 + Number.parseInt(sender, 16), 0);
    if (hash !== undefined) bond.migrate(hash.value, "p2");
    hash?.count(1000, 1_000_000);
  }
  bench.clock.advance(10_000);
  bench.vswitch.tick();
  const [p2, p3] = bond.members;
  expect([p2, p3].map((member) => (member === undefined ? 0 : bond.hashesOf(member).length))).toEqual([2, 2]);
  const left = senders.flatMap((sender) => bench.send(from(sender)));
  expect([...new Set(left)].sort()).toEqual(["p2", "p3"]);
});

test("when another member becomes active, senders elsewhere are announced there", async () => {
  await using cables = new Cables("p1");
  const bundle = makeBundle("bond0");
  bundle.bond = new Bond({ ...SETTINGS, downDelayMs: 0 }, cables.clock);
  for (const name of ["p2", "p3"]) cables.vswitch.addPort(cables.bridge, { name, kind: "memory", bundle });
  cables.vswitch.tick();
  cables.send("p1", "dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:99,ip");
  cables.send("p2", "dl_src=02:00:00:00:00:33,dl_dst=02:00:00:00:00:99,ip");
  cables.received.length = 0;
  cables.vswitch.setAdminState("p2", false);
  await cables.vswitch.turns.run(cables.vswitch.settling());
  const said = cables.received.map(({ port, frame }) => `${port} ${Buffer.from(frame).toString("hex")}`);
  expect(said).toEqual(["p3 ffffffffffff020000000001803500010800060400030200000000010000000002000000000100000000"]);
});

test("senders are announced one after the other, with a chance for others between", async () => {
  await using cables = new Cables("p1");
  const bundle = makeBundle("bond0");
  bundle.bond = new Bond({ ...SETTINGS, downDelayMs: 0 }, cables.clock);
  for (const name of ["p2", "p3"]) cables.vswitch.addPort(cables.bridge, { name, kind: "memory", bundle });
  cables.vswitch.tick();
  for (let n = 10; n < 60; n++) cables.send("p1", `dl_src=02:00:00:00:00:${n},dl_dst=02:00:00:00:00:99,ip`);
  cables.received.length = 0;
  const works: Work<unknown>[] = [];
  cables.vswitch.turns.begin = (work) => works.push(work);
  cables.vswitch.setAdminState("p2", false);
  expect(cables.received).toHaveLength(0);
  const nSaid = works.flatMap((work) => Array.from(work, () => cables.received.length));
  expect(nSaid).toEqual(Array.from({ length: 50 }, (_, n) => n + 1));
});
