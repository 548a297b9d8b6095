/** Which unsolicited messages a controller hears of. */
import { type Message, parseFlow, type Version } from "@tenet/openflow";
import { expect, test } from "vitest";
import { Session } from "../src/service/session.ts";
import { SessionGroup } from "../src/service/session-group.ts";
import { Bench } from "./bench-switch.ts";

const ALL = { type: "setAsync", packetIn: [0x3f, 0x3f], portStatus: [7, 7], flowRemoved: [0x3f, 0x3f] } as const;

/** A bridge with a controller, and what the controller is told. */
class Conversation {
  readonly bench: Bench = new Bench(3, ["priority=9,ip,nw_ttl=1,actions=dec_ttl,2", "priority=5,ip,actions=controller,2"]);
  readonly told: Message[] = [];
  readonly session: Session;

  constructor(version: Version) {
    const send = (message: Message): void => void this.told.push(message);
    const ignore = (): void => undefined;
    const peer = {
      version,
      backlogBytes: 0,
      isBehind: false,
      send,
      sendPart: ignore,
      endReply: ignore,
      setTableIdInCommand: ignore,
    };
    const group = new SessionGroup();
    this.session = new Session(this.bench.bridge, this.bench.vswitch, peer, group, this.bench.clock, { isPrimary: false });
    group.sessions.add(this.session);
    const { notices } = this.session;
    this.bench.vswitch.slowPath.onPacketForController(({ punt, frame }) => notices.tellPacket(punt, frame));
    this.bench.bridge.onPort((event) => notices.tellPort(event));
    this.bench.bridge.pipeline.onChange((events) => this.session.tellChange(events));
  }

  say(message: Message): void {
    expect(this.session.handle({ version: 4, xid: 1, message })).toBeUndefined();
  }

  /** The kinds of message that follow from a packet, a packet whose TTL runs out, a port's change and a flow's removal. */
  events(): string[] {
    this.told.length = 0;
    const { bridge, vswitch } = this.bench;
    this.bench.send("in_port=1,udp,nw_ttl=64");
    this.bench.send("in_port=1,udp,nw_ttl=1");
    const port = bridge.port(3);
    if (port !== undefined) vswitch.portChanged(bridge, port);
    bridge.pipeline.apply([{ command: "add", flow: parseFlow("table=7,send_flow_rem,actions=drop") }]);
    bridge.pipeline.apply([{ command: "delete", flow: parseFlow("table=7", { purpose: "delete" }) }]);
    return this.told.map((message) => (message.type === "packetIn" ? `packetIn ${message.reason}` : message.type));
  }
}

test("a management connection hears of nothing until it says how much of a packet it wants", () => {
  const conversation = new Conversation(4);
  expect(conversation.events()).toEqual([]);
  conversation.say({ type: "setConfig", flags: 0, missSendLength: 128 });
  expect(conversation.events()).toEqual(["packetIn 1", "portStatus", "flowRemoved"]);
});

test("a slave hears of ports alone, unless it asks for more", () => {
  const conversation = new Conversation(4);
  conversation.say({ type: "setConfig", flags: 0, missSendLength: 128 });
  conversation.say({ type: "roleRequest", role: "slave", generationId: 1n });
  expect(conversation.events()).toEqual(["portStatus"]);
  conversation.say({ ...ALL, packetIn: [0, 2], portStatus: [0, 0] });
  expect(conversation.events()).toEqual(["packetIn 1", "flowRemoved"]);
});

test("a choice counts by reason, leaves the rest as it is, and is told when asked", () => {
  const conversation = new Conversation(5);
  conversation.say(ALL);
  expect(conversation.events()).toEqual(["packetIn 1", "packetIn 2", "portStatus", "flowRemoved"]);
  conversation.say({ type: "setAsync", packetIn: [4, undefined], portStatus: [3, undefined], flowRemoved: [undefined, 0] });
  expect(conversation.events()).toEqual(["packetIn 2", "flowRemoved"]);
  conversation.told.length = 0;
  conversation.say({ type: "getAsyncRequest" });
  const told = { type: "getAsyncReply", packetIn: [4, 0x3f], portStatus: [3, 7], flowRemoved: [0x3f, 0] };
  expect(conversation.told).toEqual([{ ...told, roleStatus: [0, 0], tableStatus: [0, 0], requestForward: [0, 0] }]);
});

test("in OpenFlow 1.0 a flag of the configuration asks for packets whose TTL ran out", () => {
  const conversation = new Conversation(1);
  conversation.say({ type: "setConfig", flags: 4, missSendLength: 128 });
  expect(conversation.events()).toContain("packetIn 2");
  conversation.say({ type: "getConfigRequest" });
  expect(conversation.told.at(-1)).toEqual({ type: "getConfigReply", flags: 4, missSendLength: 128 });
  conversation.say({ type: "setConfig", flags: 0, missSendLength: 128 });
  expect(conversation.events()).not.toContain("packetIn 2");
});

test("packets that no flow matches are sent up as long as a controller of OpenFlow 1.0 hears of them", () => {
  const conversation = new Conversation(1);
  const { bench, told } = conversation;
  /** Reasons that a packet without a flow was told of by. */
  const misses = (): number[] => {
    told.length = 0;
    bench.vswitch.settle();
    bench.send("in_port=2,arp");
    return told.flatMap((message) => (message.type === "packetIn" ? [message.reason] : []));
  };
  expect(misses()).toEqual([]);
  conversation.say({ type: "setConfig", flags: 0, missSendLength: 128 });
  expect(misses()).toEqual([0]);
  conversation.say({ type: "roleRequest", role: "slave", generationId: 1n });
  expect(misses()).toEqual([]);
  conversation.say({ type: "roleRequest", role: "master", generationId: 2n });
  expect(misses()).toEqual([0]);
  conversation.say({ type: "setControllerId", controllerId: 7 });
  expect(misses()).toEqual([]);
  conversation.say({ type: "setControllerId", controllerId: 0 });
  conversation.say({ ...ALL, packetIn: [2, 0] });
  expect(misses()).toEqual([]);
  expect(bench.bridge.sendsMisses).toBe(false);
});

test("a controller of a later version hears of no packet without a flow", () => {
  const conversation = new Conversation(4);
  conversation.say({ type: "setConfig", flags: 0, missSendLength: 128 });
  conversation.bench.send("in_port=2,arp");
  expect(conversation.told).toEqual([]);
});
