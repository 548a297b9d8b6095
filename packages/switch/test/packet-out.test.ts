/** Packets that controllers send. */
import { buildArp, buildEthernet, MAC_BROADCAST, parseIp4, parseMac } from "@tenet/net";
import { decodeMessage, encodeMessage, formatMatch, parseActions, parseFlow, parseMatch } from "@tenet/openflow";
import { expect, test } from "vitest";
import { type Controller, controllersOf } from "./controller.ts";

const HOST = { mac: parseMac("02:00:00:00:00:0a"), ip: parseIp4("10.0.0.1") };
const FRAME = buildEthernet(
  { dst: MAC_BROADCAST, src: HOST.mac, type: 0x0806 },
  buildArp({ operation: 1, senderMac: HOST.mac, senderIp: HOST.ip, targetMac: 0, targetIp: parseIp4("10.0.0.2") }),
);

test("a packet has the pipeline fields that the packet-out gives it", () => {
  const { bench, controllers } = controllersOf(6);
  const [controller] = controllers as [Controller];
  const flows = ["reg0=5,metadata=7,actions=output:2", "priority=1,actions=output:3"];
  bench.bridge.pipeline.apply(flows.map((text) => ({ command: "add", flow: parseFlow(text) })));
  const sent = { type: "packetOut", inPort: 1, actions: parseActions("resubmit(,0)"), data: FRAME } as const;
  const nPackets = (): number[] => {
    bench.vswitch.settle();
    const rules = bench.bridge.pipeline.select({ table: 0, match: parseMatch(""), cookie: 0n });
    return rules.sort((a, b) => b.priority - a.priority).map((rule) => rule.nPackets);
  };
  expect(controller.say({ ...sent, metadata: parseMatch("reg0=5,metadata=7") })).toBeUndefined();
  expect(nPackets()).toEqual([1, 0]);
  expect(controller.say(sent)).toBeUndefined();
  expect(nPackets()).toEqual([1, 1]);
});

test("a packet is told with the options of its tunnel that the tables see", () => {
  const { bench, controllers } = controllersOf(6);
  const [controller] = controllers as [Controller];
  const { notices } = controller.session;
  bench.vswitch.slowPath.onPacketForController(({ punt, frame }) => notices.tellPacket(punt, frame));
  controller.say({ type: "setConfig", flags: 0, missSendLength: 128 });
  const mappings = [2, 3, 4].map((index) => ({ optionClass: 0xffff, optionType: index, sizeBytes: 4 * index, index }));
  controller.say({ type: "tlvTableMod", command: "add", mappings });
  bench.bridge.pipeline.apply([
    { command: "add", flow: parseFlow("tun_metadata3=0x11,actions=set_field:0->tun_metadata4,controller") },
  ]);
  controller.say({
    type: "packetOut",
    inPort: 1,
    actions: parseActions("resubmit(,0)"),
    data: FRAME,
    metadata: parseMatch("tun_metadata3=0x11,reg1=9"),
  });
  bench.vswitch.settle();
  const [told] = controller.told.flatMap(({ message }) => (message.type === "packetIn" ? [message] : []));
  expect(told && formatMatch(told.match)).toBe("reg1=0x9,tun_metadata3=0x11,tun_metadata4=0,in_port=1");
});

test("the options of a packet's tunnel come back with it from a controller that held it", () => {
  const { bench, controllers } = controllersOf(6);
  const [controller] = controllers as [Controller];
  const { notices } = controller.session;
  bench.vswitch.slowPath.onPacketForController(({ punt, frame }) => notices.tellPacket(punt, frame));
  controller.say({ type: "setConfig", flags: 0, missSendLength: 128 });
  controller.say({ type: "setPacketInFormat", format: "nxt2" });
  const mappings = [2, 3].map((index) => ({ optionClass: 0xffff, optionType: index, sizeBytes: 4 * index, index }));
  controller.say({ type: "tlvTableMod", command: "add", mappings });
  const pausing = parseFlow("tun_metadata3=0x11,actions=controller(pause),resubmit(,1)");
  const waiting = parseFlow("table=1,tun_metadata3=0x11,reg1=9,actions=drop");
  bench.bridge.pipeline.apply([pausing, waiting].map((flow) => ({ command: "add", flow })));
  const metadata = parseMatch("tun_metadata3=0x11,reg1=9");
  controller.say({ type: "packetOut", inPort: 1, actions: parseActions("resubmit(,0)"), data: FRAME, metadata });
  bench.vswitch.settle();
  const [held] = controller.told.flatMap(({ message }) => (message.type === "packetIn" ? [message] : []));
  if (held === undefined) throw new Error("nobody was told of the packet");
  const { message } = decodeMessage(encodeMessage({ type: "resume", packet: held }, 6, 1));
  expect(controller.say(message)).toBeUndefined();
  bench.vswitch.settle();
  expect(bench.bridge.pipeline.select(waiting).map(({ nPackets }) => nPackets)).toEqual([1]);
});
