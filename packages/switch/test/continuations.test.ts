/** Packets that a controller holds and gives back: `controller(pause)` and NXT_RESUME. */
import { decodeMessage, encodeMessage, formatMatch, type PacketIn } from "@tenet/openflow";
import type { PacketForController } from "@tenet/switch";
import { expect, test } from "vitest";
import { fromContinuation, toContinuation } from "../src/service/continuations.ts";
import { metadataMatch } from "../src/service/metadata-match.ts";
import { Cables } from "./cables.ts";

const PACKET = "dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,dl_type=0x88b5";
const FLOWS = [
  "table=0,priority=9,in_port=1,cookie=0x11,actions=set_field:5->reg0,push:NXM_NX_REG0[],resubmit(,1),pop:NXM_NX_REG2[],resubmit(,2)",
  "table=1,priority=9,cookie=0x22,actions=set_field:7->reg1,clone(controller(pause,userdata=01.02),mod_dl_dst:02:00:00:00:00:99,4),2",
  "table=2,priority=9,reg2=5,reg1=7,actions=controller(pause),3",
];

/** The packets that come to controllers. */
function listen(cables: Cables): PacketForController[] {
  const packets: PacketForController[] = [];
  cables.vswitch.slowPath.onPacketForController((packet) => packets.push(packet));
  return packets;
}

/** As it goes to a controller. */
function toMessage({ punt, frame }: PacketForController): PacketIn {
  if (punt.paused === undefined) throw new Error("it is not paused");
  return {
    type: "packetIn",
    totalLength: frame.length,
    reason: punt.reason,
    table: punt.table,
    cookie: punt.cookie,
    match: metadataMatch(punt),
    data: frame,
    continuation: toContinuation(punt.paused),
    format: "nxt2",
  };
}

function resume(cables: Cables, packet: PacketIn): void {
  cables.vswitch.slowPath.resume(fromContinuation(cables.bridge, packet), packet.data, packet.match.key);
}

test.each([1, 4, 5, 6] as const)(
  "a packet goes on where it was paused, having been through a controller (version %i)",
  async (version) => {
    await using cables = new Cables("p1", "p2", "p3", "p4");
    for (const flow of FLOWS) cables.apply(flow);
    const packets = listen(cables);
    for (let round = 0; round < 2; round++) {
      packets.length = 0;
      expect(cables.send("p1", PACKET)).toEqual(["p2"]);
      expect(packets.map(({ punt }) => [punt.table, punt.cookie])).toEqual([
        [1, 0x22n],
        [0, 0x11n],
      ]);
      for (const [i, port] of ["p4", "p3"].entries()) {
        const packet = packets[i];
        if (packet === undefined) throw new Error("a packet is missing");
        const { message } = decodeMessage(encodeMessage({ type: "resume", packet: toMessage(packet) }, version, 1));
        if (message.type !== "resume") throw new Error(`read as ${message.type}`);
        cables.received.length = 0;
        resume(cables, message.packet);
        expect(cables.received.map((each) => each.port)).toEqual([port]);
      }
    }
  },
);

test("another bridge does not take it", async () => {
  await using cables = new Cables("p1", "p2");
  cables.apply("priority=9,in_port=1,actions=controller(pause),2");
  const [packet] = [listen(cables), cables.send("p1", PACKET)][0] as PacketForController[];
  if (packet === undefined) throw new Error("a packet is missing");
  expect(() => fromContinuation(cables.vswitch.addBridge("br1"), toMessage(packet))).toThrow(/another bridge/);
});

test("what the connection tracker said of a packet is known when it comes back", async () => {
  await using cables = new Cables("p1", "p2");
  cables.apply("priority=9,in_port=1,ip,actions=ct(table=1,zone=3)");
  cables.apply("table=1,priority=9,ip,actions=controller(pause),resubmit(,2)");
  cables.apply("table=2,priority=9,ct_state=+trk+new,ct_zone=3,ip,actions=2");
  const packets = listen(cables);
  expect(
    cables.send("p1", "dl_src=02:00:00:00:00:01,dl_dst=02:00:00:00:00:02,icmp,nw_src=1.1.1.1,nw_dst=1.1.1.2,icmp_type=8"),
  ).toEqual([]);
  const [packet] = packets;
  if (packet === undefined) throw new Error("a packet is missing");
  const { message } = decodeMessage(encodeMessage({ type: "resume", packet: toMessage(packet) }, 4, 1));
  if (message.type !== "resume") throw new Error(`read as ${message.type}`);
  expect(formatMatch(message.packet.match)).toContain("ct_tp_src=8,ct_tp_dst=0,ip,");
  cables.received.length = 0;
  resume(cables, message.packet);
  expect(cables.received.map(({ port }) => port)).toEqual(["p2"]);
});
