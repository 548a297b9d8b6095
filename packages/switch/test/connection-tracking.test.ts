/** `ct` from OpenFlow to the wire: what is let through, translated, remembered, recirculated and cleaned up. */
import type { ConnectionInfo } from "@tenet/datapath";
import { type CtFlush, formatMatch } from "@tenet/openflow";
import { expect, test } from "vitest";
import { connectionsMeant } from "../src/service/ct-flush.ts";
import { metadataMatch } from "../src/service/metadata-match.ts";
import { formatConnection } from "../src/trace/format-connection.ts";
import { Cables } from "./cables.ts";

const FIREWALL = [
  "table=0,priority=10,ip,actions=ct(table=1,zone=7)",
  "table=1,in_port=1,ip,ct_state=+trk+new,actions=ct(commit,zone=7,exec(set_field:5->ct_mark)),2",
  "table=1,in_port=1,ip,ct_state=+trk+est,actions=2",
  "table=1,in_port=2,ip,ct_state=+trk+est,actions=1",
];
const OUT = "dl_src=02:00:00:00:00:0a,dl_dst=02:00:00:00:00:0b,udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_src=5,tp_dst=6";
const BACK = "dl_src=02:00:00:00:00:0b,dl_dst=02:00:00:00:00:0a,udp,nw_src=10.0.0.2,nw_dst=10.0.0.1,tp_src=6,tp_dst=5";

function firewall(flows: readonly string[] = FIREWALL): Cables {
  const cables = new Cables("p1", "p2");
  for (const flow of flows) cables.apply(flow);
  return cables;
}

test("answers come in, what was not asked for does not", async () => {
  await using cables = firewall();
  expect(cables.send("p2", BACK)).toEqual([]);
  expect(cables.send("p1", OUT)).toEqual(["p2"]);
  expect(cables.send("p2", BACK)).toEqual(["p1"]);
  expect(cables.send("p2", BACK.replace("tp_src=6", "tp_src=7"))).toEqual([]);
});

test("packets of a connection take two megaflows, and later ones no upcall", async () => {
  await using cables = firewall();
  cables.send("p1", OUT);
  cables.send("p2", BACK);
  cables.send("p1", OUT);
  const { misses } = cables.datapath.stats();
  for (let i = 0; i < 5; i++) expect([cables.send("p1", OUT), cables.send("p2", BACK)]).toEqual([["p2"], ["p1"]]);
  expect(cables.datapath.stats().misses).toBe(misses);
  const [connection] = [...cables.datapath.conntrack.connections()];
  if (connection === undefined) throw new Error("there is no connection");
  expect(formatConnection(connection)).toBe(
    "udp,orig=(src=10.0.0.1,dst=10.0.0.2,sport=5,dport=6),reply=(src=10.0.0.2,dst=10.0.0.1,sport=6,dport=5),zone=7,mark=5",
  );
});

test("registers, the stack and the ingress port come back with the packet, and the header fields that were set", async () => {
  await using cables = firewall([
    "table=0,priority=9,ip,actions=load:7->NXM_NX_REG3[],push:NXM_NX_REG3[],mod_dl_dst:02:00:00:00:00:77,ct(table=1)",
    "table=1,priority=9,in_port=1,reg3=7,dl_dst=02:00:00:00:00:77,actions=pop:NXM_NX_REG4[],resubmit(,2)",
    "table=2,priority=9,reg4=7,ct_state=+trk,actions=2",
  ]);
  expect(cables.send("p1", OUT)).toEqual(["p2"]);
  expect(cables.send("p1", OUT)).toEqual(["p2"]);
});

test("what a clone sends through the tracker does not show outside of it", async () => {
  await using cables = firewall([
    "table=0,priority=9,ip,actions=clone(ct(commit,zone=3,nat(src=10.9.9.9))),output:2,ct(table=1,zone=4)",
    "table=1,priority=9,ip,ct_state=+trk-snat,actions=2",
  ]);
  expect(cables.send("p1", OUT)).toEqual(["p2", "p2"]);
  for (const { frame } of cables.received) expect(Buffer.from(frame.subarray(26, 30))).toEqual(Buffer.from([10, 0, 0, 1]));
});

test("without table= the tables go on and see nothing of what the tracker said", async () => {
  await using cables = firewall([
    "table=0,priority=9,ip,actions=ct(commit),resubmit(,1)",
    "table=1,priority=9,ip,ct_state=-trk,actions=2",
  ]);
  expect(cables.send("p1", OUT)).toEqual(["p2"]);
});

test("megaflows of packets that came back go when they are idle, and are made again", async () => {
  await using cables = firewall();
  cables.send("p1", OUT);
  expect(cables.datapath.stats().nFlows).toBe(2);
  cables.clock.advance(10_000);
  cables.vswitch.tick();
  expect(cables.datapath.stats().nFlows).toBe(0);
  expect(cables.send("p1", OUT)).toEqual(["p2"]);
});

test("a change of the table where packets go on takes effect on the next packet", async () => {
  await using cables = firewall();
  cables.send("p1", OUT);
  cables.send("p2", BACK);
  cables.apply("table=1,priority=60000,in_port=2,ip,actions=drop");
  expect(cables.send("p2", BACK)).toEqual([]);
  expect(cables.send("p1", OUT)).toEqual(["p2"]);
});

test("packets that go round without end are cut off", async () => {
  await using cables = firewall(["table=0,priority=9,ip,actions=ct(table=0)"]);
  expect(cables.send("p1", OUT)).toEqual([]);
  expect(cables.datapath.stats().lost).toBeGreaterThan(0);
});

test("controllers are told of a packet's connection when the tables have seen it", async () => {
  await using cables = firewall(["priority=9,udp,actions=ct(commit,table=1),controller", "table=1,udp,actions=controller"]);
  const told: string[] = [];
  cables.vswitch.slowPath.onPacketForController(({ punt }) => told.push(formatMatch(metadataMatch(punt))));
  cables.send("p1", OUT);
  const connection = "ct_state=new|trk,ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.2,ct_nw_proto=17,ct_tp_src=5,ct_tp_dst=6";
  expect(told.toSorted()).toEqual([`${connection},ip,in_port=1`, "in_port=1"]);
});

test("a controller forgets a connection by what packets of either direction say, and by less of its first direction alone", async () => {
  await using cables = firewall();
  cables.send("p1", OUT);
  const connections = [...cables.datapath.conntrack.connections()];
  const address = (last: number): Uint8Array => Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, last);
  const [a, b] = [address(1), address(2)];
  const isMeant = (protocol: number, original: CtFlush["original"]): boolean | undefined =>
    connectionsMeant({ type: "ctFlush", protocol, original, reply: {} }).matches?.(connections[0] as ConnectionInfo);
  expect(isMeant(17, { src: a, dst: b, srcPort: 5, dstPort: 6 })).toBe(true);
  expect(isMeant(17, { src: b, dst: a, srcPort: 6, dstPort: 5 })).toBe(true);
  expect(isMeant(0, { src: b, dst: a, srcPort: 6, dstPort: 5 })).toBe(false);
  expect(isMeant(17, { src: b, srcPort: 6, dstPort: 5 })).toBe(false);
  expect(isMeant(17, { src: a })).toBe(true);
});
