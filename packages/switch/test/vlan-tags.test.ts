/** Packets with several VLAN tags, through tables and over the wire. */
import { buildVlan, composePacket } from "@tenet/net";
import { parseFlow, parseMatch } from "@tenet/openflow";
import { expect, test } from "vitest";
import { finish } from "../src/turns.ts";
import { Cables } from "./cables.ts";

const UNTAGGED = "ip,dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,nw_dst=10.0.0.2,nw_ttl=9";

type Tag = readonly [tpid: number, vid: number];
const OUTER: Tag = [0x88a8, 5];
const INNER: Tag = [0x8100, 7];

function frameOf(packet: string, ...tags: readonly Tag[]): Uint8Array {
  return tags.reduceRight((frame, [tpid, vid]) => buildVlan({ tpid, vid }, frame), composePacket(parseMatch(packet).key));
}

/** A switch whose tables see so many tags. */
function switchOf(vlanLimit: number, ...flows: readonly string[]): Cables {
  const cables = new Cables("p1", "p2", "p3");
  finish(cables.vswitch.slowPath.changingVlanLimit(vlanLimit));
  for (const flow of flows) cables.apply(flow);
  return cables;
}

/** What leaves when a packet with tags comes in at p1: of a second packet, which its megaflow forwards, as of the first. */
function sent(cables: Cables, ...tags: readonly Tag[]): { port: string; frame: Uint8Array }[] {
  cables.sendFrame("p1", frameOf(UNTAGGED, ...tags));
  const first = cables.received.slice();
  cables.sendFrame("p1", frameOf(UNTAGGED, ...tags));
  expect(cables.received).toEqual(first);
  return first;
}

test("beneath as many tags as vlan-limit says, the tables see what the packet is", async () => {
  const flows = ["priority=2,dl_vlan=5,ip,actions=output:2", "priority=1,dl_vlan=5,dl_type=0x8100,actions=output:3"];
  await using one = switchOf(1, ...flows);
  await using two = switchOf(2, ...flows);
  const frame = frameOf(UNTAGGED, OUTER, INNER);
  expect(sent(one, OUTER, INNER)).toEqual([{ port: "p3", frame }]);
  expect(sent(two, OUTER, INNER)).toEqual([{ port: "p2", frame }]);
  finish(one.vswitch.slowPath.changingVlanLimit(2));
  expect(sent(one, OUTER, INNER)).toEqual([{ port: "p2", frame }]);
});

test("a tag that is popped shows the one beneath it, which then is matched and set", async () => {
  await using cables = switchOf(
    2,
    "table=0,priority=1,dl_vlan=5,actions=pop_vlan,resubmit(,1)",
    "table=1,dl_vlan=7,actions=mod_vlan_vid:8,output:2,pop_vlan,output:3",
  );
  expect(sent(cables, OUTER, INNER)).toEqual([
    { port: "p2", frame: frameOf(UNTAGGED, [0x8100, 8]) },
    { port: "p3", frame: frameOf(UNTAGGED) },
  ]);
  expect(sent(cables, OUTER, [0x8100, 9])).toEqual([]);
});

test.each([1, 2])("tags are pushed over tags and popped again, as many as there are, with vlan-limit %i", async (vlanLimit) => {
  const push = (vid: number): string => `push_vlan:0x8100,set_field:${0x1000 | vid}->vlan_vid`;
  const actions = [push(10), "output:2", push(11), "output:3", "pop_vlan", push(12), "output:2", "pop_vlan,pop_vlan,output:3"];
  await using cables = switchOf(vlanLimit, `priority=1,actions=${actions.join()}`);
  const own = [OUTER, INNER];
  expect(sent(cables, ...own)).toEqual([
    { port: "p2", frame: frameOf(UNTAGGED, [0x8100, 10], ...own) },
    { port: "p3", frame: frameOf(UNTAGGED, [0x8100, 11], [0x8100, 10], ...own) },
    { port: "p2", frame: frameOf(UNTAGGED, [0x8100, 12], [0x8100, 10], ...own) },
    { port: "p3", frame: frameOf(UNTAGGED, ...own) },
  ]);
});

test("headers beneath two tags are rewritten", async () => {
  await using cables = switchOf(2, "priority=1,ip,actions=mod_nw_dst:10.9.9.9,dec_ttl,output:2");
  const rewritten = UNTAGGED.replace("10.0.0.2", "10.9.9.9").replace("nw_ttl=9", "nw_ttl=8");
  expect(sent(cables, OUTER, INNER)).toEqual([{ port: "p2", frame: frameOf(rewritten, OUTER, INNER) }]);
});

test("set_vlan_vid changes a tag that is there, and makes none", async () => {
  await using cables = switchOf(1);
  const flow = parseFlow("actions=set_vlan_vid:8,output:2");
  expect(() => cables.bridge.pipeline.apply([{ command: "add", flow }])).toThrow("not every packet of the flow has a VLAN tag");
  cables.bridge.pipeline.apply([{ command: "add", flow, isOf10: true }]);
  expect(sent(cables)).toEqual([{ port: "p2", frame: frameOf(UNTAGGED) }]);
  expect(sent(cables, INNER)).toEqual([{ port: "p2", frame: frameOf(UNTAGGED, [0x8100, 8]) }]);
});
