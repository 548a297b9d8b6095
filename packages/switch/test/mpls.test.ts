/** MPLS labels on real frames: pushed, set, counted down and popped, and what was beneath them looked at again. */
import { FIELDS, getField } from "@tenet/net";
import { expect, test } from "vitest";
import { formatOdpMatch } from "../src/trace/format-odp-flow.ts";
import { Cables } from "./cables.ts";

const IP =
  "dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,udp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,nw_tos=16,tp_src=5,tp_dst=6";
const MPLS_FIELDS = [FIELDS.mpls_lse, FIELDS.mpls_lse1, FIELDS.mpls_lse2];

function hexOf(frame: Uint8Array | undefined, from: number, to: number): string {
  return Buffer.from(frame?.subarray(from, to) ?? []).toString("hex");
}

test("a label has the class and TTL of the packet, is changed, and is popped into what was there", async () => {
  await using cables = new Cables("p1", "p2", "p3");
  cables.apply(
    "priority=9,in_port=1,ip,actions=2,push_mpls:0x8847,set_mpls_label:5,push_mpls:0x8847,set_mpls_label:7,dec_mpls_ttl,3",
  );
  cables.apply("priority=9,in_port=2,mpls,mpls_label=7,actions=pop_mpls:0x8847,resubmit(,1)");
  cables.apply("table=1,priority=9,mpls,mpls_label=5,actions=pop_mpls:0x0800,1,resubmit(,2)");
  cables.apply("table=2,priority=9,ip,nw_dst=10.0.0.2,actions=dec_ttl,3");
  for (let round = 0; round < 2; round++) {
    expect(cables.send("p1", IP)).toEqual(["p2", "p3"]);
    const [plain, labelled] = cables.received.map(({ frame }) => frame);
    // |7, class 4, TTL 63| and |5, class 4, bottom, TTL 64|
    expect(hexOf(labelled, 12, 22)).toBe("88470000783f00005940");
    expect(hexOf(labelled, 22, 70)).toBe(hexOf(plain, 14, 62));
    if (plain === undefined || labelled === undefined) throw new Error("a frame is missing");
    expect(cables.sendFrame("p2", labelled)).toEqual(["p1", "p3"]);
    const [popped, forwarded] = cables.received.map(({ frame }) => frame);
    expect(popped).toEqual(plain);
    expect(hexOf(forwarded, 22, 23)).toBe("3f");
  }
});

test("labels that a clone pops stay on the packet, and tags stay outside of labels", async () => {
  await using cables = new Cables("p1", "p2", "p3");
  cables.apply("priority=9,in_port=1,dl_vlan=7,ip,actions=push_mpls:0x8848,clone(pop_mpls:0x0800,2),3");
  const tagged = IP.replace("udp", "dl_vlan=7,dl_vlan_pcp=0,udp");
  expect(cables.send("p1", tagged)).toEqual(["p2", "p3"]);
  const [popped, labelled] = cables.received.map(({ frame }) => frame);
  expect(hexOf(popped, 12, 19)).toBe("81000007080045");
  expect(hexOf(labelled, 12, 22)).toBe("81000007884800000940");
});

test("a TTL that runs out ends the list of actions", async () => {
  await using cables = new Cables("p1", "p2");
  cables.apply("priority=9,in_port=1,ip,actions=push_mpls:0x8847,set_mpls_ttl:1,dec_mpls_ttl,2");
  expect(cables.send("p1", IP)).toEqual([]);
});

test("a lookup by the original tuple of a connection sees what translation has hidden", async () => {
  await using cables = new Cables("p1", "p2", "p3");
  cables.apply("table=0,priority=9,in_port=1,ip,actions=ct(commit,nat(dst=10.9.9.9),table=1)");
  cables.apply("table=1,priority=9,ct_state=+trk+new,ip,actions=resubmit(,2),resubmit(,3,ct)");
  cables.apply("table=1,priority=9,ct_state=+trk+est,ip,actions=resubmit(,2),resubmit(,3,ct)");
  cables.apply("table=2,priority=9,udp,nw_dst=10.9.9.9,actions=2");
  cables.apply("table=3,priority=9,udp,nw_dst=10.0.0.2,tp_dst=6,actions=3");
  for (let round = 0; round < 3; round++) expect(cables.send("p1", IP)).toEqual(["p2", "p3"]);
});

test("of a label that is popped or copied no more counts than the datapath needs", async () => {
  await using cables = new Cables("p1", "p2", "p3");
  cables.apply("priority=9,in_port=1,ip,actions=push_mpls:0x8847,set_mpls_label:5,3");
  cables.apply("priority=9,in_port=2,mpls,actions=pop_mpls:0x0800,3");
  cables.send("p1", IP);
  const labelled = cables.received[0]?.frame;
  if (labelled === undefined) throw new Error("the frame is missing");
  cables.sendFrame("p2", labelled);
  const [popping] = [...cables.datapath.flows()].filter(({ actions }) => actions[0]?.type === "popMpls");
  const masks = popping && MPLS_FIELDS.map((field) => getField(popping.mask, field));
  expect(masks).toEqual([0x100, 0, 0]); // whether it is the last
  cables.apply("priority=10,in_port=2,mpls,actions=push_mpls:0x8847,3");
  cables.sendFrame("p2", labelled);
  const [pushing] = [...cables.datapath.flows()].filter(
    ({ actions, key }) => actions[0]?.type === "pushMpls" && getField(key, FIELDS.eth_type) !== 0x0800,
  );
  expect(pushing && MPLS_FIELDS.map((field) => getField(pushing.mask, field))).toEqual([0xffffffff, 0, 0]);
});

test("of a label that is popped off others nothing counts but that it is not the last", async () => {
  await using cables = new Cables("p1", "p2", "p3");
  cables.apply("priority=9,in_port=1,ip,actions=push_mpls:0x8847,set_mpls_label:5,push_mpls:0x8847,3");
  cables.apply("priority=9,in_port=2,mpls,actions=pop_mpls:0x8847,3");
  cables.send("p1", IP);
  const labelled = cables.received[0]?.frame;
  if (labelled === undefined) throw new Error("the frame is missing");
  cables.sendFrame("p2", labelled);
  const [popping] = [...cables.datapath.flows()].filter(({ actions }) => actions[0]?.type === "popMpls");
  if (popping === undefined) throw new Error("the flow is missing");
  expect(MPLS_FIELDS.map((field) => getField(popping.mask, field))).toEqual([0x100, 0xffffffff, 0]);
  const text = formatOdpMatch(popping, { nowMs: 0, portName: String }, popping.key);
  expect(text).toContain("mpls(label=0/0x0,tc=0/0,ttl=0/0x0,bos=0/1,label=5/0xfffff,tc=4/7,ttl=64/0xff,bos=1/1)");
});

test("a label that is set before anything else happens is pushed so", async () => {
  await using cables = new Cables("p1", "p2", "p3");
  cables.apply("priority=9,in_port=1,ip,actions=push_mpls:0x8847,set_mpls_label:5,dec_mpls_ttl,2,set_mpls_label:6,3");
  expect(cables.send("p1", IP)).toEqual(["p2", "p3"]);
  const [flow] = cables.datapath.flows();
  expect(flow?.actions.map(({ type }) => type)).toEqual(["pushMpls", "output", "setMasked", "output"]);
  expect(cables.received.map(({ frame }) => hexOf(frame, 12, 18))).toEqual(["88470000593f", "88470000693f"]);
});
