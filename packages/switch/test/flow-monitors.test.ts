/** What controllers hear of flows that others change. */
import { type FlowUpdate, formatFlow, MONITOR_FLAG, makeMatch, type Message, parseFlow, parseMatch } from "@tenet/openflow";
import { expect, test } from "vitest";
import { type Controller, controllersOf } from "./controller.ts";

const ALL = 0x3f;

function add(text: string): Message {
  return { type: "flowMod", command: "add", flow: parseFlow(text) };
}

function remove(text: string): Message {
  return { type: "flowMod", command: "delete", flow: parseFlow(text, { purpose: "delete" }) };
}

function watch(controller: Controller, id: number, text: string, flags = ALL): string | undefined {
  const match = text === "" ? makeMatch() : parseMatch(text);
  const request = { id, command: "add", flags, table: 0xff, match } as const;
  return controller.say({ type: "multipartRequest", request: { kind: "flowMonitor", requests: [request] }, isLast: true });
}

/** The updates told since last, in words. */
function updatesOf(controller: Controller): string[] {
  return controller.heard().flatMap((message) => {
    if (message.type !== "multipartReply" || message.reply.kind !== "flowMonitor") return [message.type];
    return message.reply.updates.map(textOf);
  });
}

function textOf(update: FlowUpdate): string {
  if (update.event === "abbreviated") return `abbreviated ${update.xid}`;
  if (!("flow" in update)) return update.event;
  const { flow } = update;
  const spec = { ...parseFlow("actions=drop"), ...flow, actions: flow.actions ?? [] };
  return `${update.event} ${formatFlow(spec)}${flow.actions === undefined ? " (no actions)" : ""}`;
}

test("a monitor tells the flows that are there, then each change, once however many monitors are about it", () => {
  const { controllers } = controllersOf(6, 6);
  const [watcher, other] = controllers as [Controller, Controller];
  other.say(add("tcp,actions=output:1"));
  other.say(add("arp,actions=output:1"));
  expect(watch(watcher, 1, "ip")).toBeUndefined();
  expect(updatesOf(watcher)).toEqual(["initial tcp actions=output:1"]);
  expect(watch(watcher, 2, "tcp", MONITOR_FLAG.DELETE)).toBeUndefined();
  expect(updatesOf(watcher)).toEqual([]);
  other.say(add("udp,actions=drop"));
  other.say(add("udp,actions=output:2"));
  other.say({ type: "flowMod", command: "modify", flow: parseFlow("udp,actions=output:3") });
  other.say(add("arp,actions=output:3"));
  other.say(remove(""));
  expect(updatesOf(watcher)).toEqual([
    "added udp actions=drop",
    "added udp actions=output:2",
    "modified udp actions=output:3",
    "removed tcp actions=output:1",
    "removed udp actions=output:3",
  ]);
});

test("a controller's own changes come by transaction id unless it wants them whole", () => {
  const { controllers } = controllersOf(6);
  const [controller] = controllers as [Controller];
  watch(controller, 1, "", ALL & ~MONITOR_FLAG.OWN & ~MONITOR_FLAG.ACTIONS);
  controller.heard();
  controller.say(add("tcp,actions=drop"), 77);
  expect(updatesOf(controller)).toEqual(["abbreviated 77"]);
  watch(controller, 2, "", MONITOR_FLAG.OWN | MONITOR_FLAG.ADD);
  controller.heard();
  controller.say(add("udp,actions=drop"), 78);
  controller.say(remove("udp"), 79);
  expect(updatesOf(controller)).toEqual(["added udp actions=drop (no actions)", "abbreviated 79"]);
});

test("a monitor ends when it is cancelled, and numbers are given once", () => {
  const { controllers } = controllersOf(6, 1);
  const [watcher, old] = controllers as [Controller, Controller];
  expect(watch(watcher, 1, "")).toBeUndefined();
  expect(watch(watcher, 1, "")).toBe("OFPMOFC_MONITOR_EXISTS");
  expect(old.say({ type: "flowMonitorCancel", id: 1 })).toBe("OFPMOFC_UNKNOWN_MONITOR");
  expect(watcher.say({ type: "flowMonitorCancel", id: 1 })).toBeUndefined();
  watcher.heard();
  old.say(add("tcp,actions=drop"));
  expect(watcher.heard()).toEqual([]);
});

test.each([
  [6, "paused", "resumed"],
  [1, "flowMonitorPaused", "flowMonitorResumed"],
] as const)(
  "OpenFlow of wire version %i: a controller that does not read hears of removals alone until it has",
  (version, paused, resumed) => {
    const { controllers } = controllersOf(version, 6);
    const [watcher, other] = controllers as [Controller, Controller];
    watch(watcher, 1, "");
    other.say(add("tcp,actions=output:1"));
    other.say(add("icmp,actions=output:1"));
    watcher.heard();
    watcher.backlogBytes = 1e6;
    other.say(add("arp,actions=output:1"));
    expect(updatesOf(watcher)).toEqual(["added arp actions=output:1", paused]);
    other.say(add("udp,actions=output:1"));
    other.say(add("sctp,actions=output:1"));
    other.say({ type: "flowMod", command: "modify", flow: parseFlow("tcp,actions=output:2") });
    expect(updatesOf(watcher)).toEqual([]);
    other.say(remove("udp"));
    other.say(remove("icmp"));
    expect(updatesOf(watcher)).toEqual(["removed icmp actions=output:1"]);
    watcher.backlogBytes = 0;
    watcher.session.drained();
    expect(updatesOf(watcher)).toEqual(["added sctp actions=output:1", "modified tcp actions=output:2", resumed]);
    other.say(add("rarp,actions=drop"));
    expect(updatesOf(watcher)).toEqual(["added rarp actions=drop"]);
  },
);
