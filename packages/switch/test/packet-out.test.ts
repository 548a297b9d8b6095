/** Packets that controllers send. */
import { buildArp, buildEthernet, MAC_BROADCAST, parseIp4, parseMac } from "@tenet/net";
import { parseActions, parseFlow, parseMatch } from "@tenet/openflow";
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
