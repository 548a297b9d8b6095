/** Which unsolicited messages a controller hears of. */
import { decodeMessage, encodeMessage, type Message, parseActions, parseFlow, parseGroup, type Version } from "@tenet/openflow";
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
  readonly #version: Version;

  constructor(version: Version) {
    this.#version = version;
    const send = (message: Message): void => void this.told.push(message);
    const ignore = (): void => undefined;
    const peer = {
      version,
      backlogBytes: 0,
      isBehind: false,
      send,
      tell: ignore,
      refuse: ignore,
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

  /** The packets that were sent up, as their bytes say. */
  packetsIn(): Extract<Message, { type: "packetIn" }>[] {
    return this.told.flatMap((message) => {
      const { message: sent } = decodeMessage(encodeMessage(message, this.#version, 0));
      return sent.type === "packetIn" ? [sent] : [];
    });
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

test.each([
  [1, 7, ["add 0"]],
  [4, 7, ["add 0", "modify 4"]],
  [6, 7, ["add 0", "modify 4"]],
  [6, 4, ["modify 4"]],
] as const)(
  "version %i, choice %i: that a port which came is live is told for itself, where it can be said",
  (version, choice, told) => {
    const conversation = new Conversation(version);
    conversation.say({ ...ALL, portStatus: [choice, 0] });
    const { bridge, vswitch } = conversation.bench;
    vswitch.addPort(bridge, { name: "late", kind: "memory" });
    const state = ({ port }: Extract<Message, { type: "portStatus" }>): number => (version === 1 ? port.state & 1 : port.state);
    const heard = conversation.told.flatMap((each) => (each.type === "portStatus" ? [`${each.reason} ${state(each)}`] : []));
    expect(heard).toEqual(told);
  },
);

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

/** What makes a packet go up, and as what OpenFlow 1.0, 1.3 and 1.4 tell it; the last three flows are found by a packet-out's `resubmit`. */
const REASONS = [
  ["a flow", "in_port=1,actions=controller", [1, 1, 1]],
  ["a flow for what no other matches", "priority=0,actions=controller", [1, 0, 0]],
  ["a flow of the lowest priority", "priority=0,in_port=1,actions=controller", [1, 1, 1]],
  ["an action set", "in_port=1,actions=write_actions(controller)", [1, 1, 3]],
  ["a group", "in_port=1,actions=group:1", [1, 1, 4]],
  ["a group of an action set", "in_port=1,actions=write_actions(group:1)", [1, 1, 4]],
  ["a flow that a group goes on to", "in_port=1,actions=group:2", [1, 1, 1]],
  ["an action that says more", "in_port=1,actions=write_actions(controller(userdata=01))", [1, 1, 1]],
] as const;

test.each(REASONS)("a packet is told by the reason that %s sends it for", (_what, flow, reasons) => {
  const told = ([1, 4, 5] as const).map((version) => {
    const conversation = new Conversation(version);
    conversation.say({ type: "setConfig", flags: 0, missSendLength: 128 });
    const { bench } = conversation;
    bench.bridge.pipeline.apply([parseGroup("group_id=1,type=all,bucket=controller")]);
    bench.bridge.pipeline.apply([parseGroup("group_id=2,type=all,bucket=resubmit(,5)")]);
    bench.add("table=5,in_port=1,actions=controller", `cookie=9,${flow}`);
    bench.send("in_port=1,arp");
    return conversation.packetsIn().map(({ reason, cookie }) => (version === 1 ? [reason] : [reason, cookie]));
  });
  const cookie = flow.endsWith("group:2") ? 0n : 9n;
  expect(told).toEqual(reasons.map((reason, i) => [i === 0 ? [reason] : [reason, cookie]]));
});

test("a packet that a packet-out sends up is told as that from OpenFlow 1.4 on", () => {
  const told = ([1, 4, 5] as const).map((version) => {
    const conversation = new Conversation(version);
    conversation.say({ type: "setConfig", flags: 0, missSendLength: 128 });
    conversation.say({ type: "setPacketInFormat", format: "nxt2" });
    conversation.bench.add("actions=controller");
    const packetOut = { type: "packetOut", inPort: 1, data: new Uint8Array(14) } as const;
    conversation.say({ ...packetOut, actions: parseActions("controller,output:TABLE") });
    return conversation.packetsIn().map(({ reason }) => reason);
  });
  expect(told).toEqual([
    [1, 1],
    [1, 1],
    [5, 5],
  ]);
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

test.each<readonly [Version, "standard" | "nxt2"]>([
  [1, "standard"],
  [4, "standard"],
  [5, "standard"],
  [6, "nxt2"],
])("version %i, %s: of a packet that is too long for a message as much is told as there is room for", (version, format) => {
  const conversation = new Conversation(version);
  conversation.say({ type: "setConfig", flags: 0, missSendLength: 0xffff });
  conversation.say({ type: "setPacketInFormat", format });
  const { bench } = conversation;
  bench.add("actions=controller(max_len=65535,userdata=01.02.03)");
  for (const length of [60_000, 0xffff]) {
    const frame = new Uint8Array(length).fill(7);
    bench.datapath.receive("p1", frame);
    const [told] = conversation.packetsIn().slice(-1);
    expect(told?.totalLength).toBe(length);
    expect(told?.data.length).toBeGreaterThan(Math.min(length, 65_300) - 1);
    expect(told?.data.every((byte) => byte === 7)).toBe(true);
  }
});
