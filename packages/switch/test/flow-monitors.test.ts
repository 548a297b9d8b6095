/** What controllers hear of flows that others change. */
import { FIELDS, getField } from "@tenet/net";
import {
  type FlowUpdate,
  formatActions,
  formatFlow,
  MONITOR_FLAG,
  makeMatch,
  type Message,
  parseFlow,
  parseGroup,
  parseMatch,
} from "@tenet/openflow";
import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { finish, type Work } from "../src/turns.ts";
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

/** The controller reads all that was sent. */
function read(controller: Controller): void {
  controller.backlogBytes = 0;
  const work = controller.session.drained();
  if (work !== undefined) finish(work);
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

test("a monitor of a port or group hears of flows that come to send there, one of a port of those that cease to", () => {
  const { controllers } = controllersOf(6, 6);
  const [watcher, other] = controllers as [Controller, Controller];
  other.say(parseGroup("group_id=1,type=all,bucket=output:1"));
  const request = { command: "add", flags: ALL, table: 0xff, match: makeMatch() } as const;
  const requests = [
    { ...request, id: 1, outPort: 2 },
    { ...request, id: 2, outGroup: 1 },
  ];
  watcher.say({ type: "multipartRequest", request: { kind: "flowMonitor", requests }, isLast: true });
  updatesOf(watcher);
  for (const actions of ["output:1", "output:2", "output:3", "group:1", "drop", "output:1"]) {
    other.say(add(`tcp,actions=${actions}`));
    other.say({ type: "flowMod", command: "modify", flow: parseFlow(`tcp,actions=${actions}`) });
  }
  expect(updatesOf(watcher)).toEqual(["added tcp actions=output:2", "added tcp actions=output:3", "added tcp actions=group:1"]);
  for (const actions of ["output:2", "group:1", "drop", "output:1"]) {
    other.say({ type: "flowMod", command: "modify", flow: parseFlow(`tcp,actions=${actions}`) });
  }
  expect(updatesOf(watcher)).toEqual(["output:2", "group:1"].map((actions) => `modified tcp actions=${actions}`));
});

test("a monitor of a port hears of each flow that ceases to send there, though many are replaced at once", () => {
  const { bench, controllers } = controllersOf(6);
  const [watcher] = controllers as [Controller];
  const flows = Array.from({ length: 100 }, (_, n) => `priority=${n}`);
  bench.add(...flows.map((flow) => `${flow},actions=output:2`));
  const request = {
    id: 1,
    command: "add",
    flags: ALL & ~MONITOR_FLAG.INITIAL,
    table: 0xff,
    match: makeMatch(),
    outPort: 2,
  } as const;
  watcher.say({ type: "multipartRequest", request: { kind: "flowMonitor", requests: [request] }, isLast: true });
  watcher.heard();
  bench.add("table=1,actions=drop", ...flows.map((flow) => `${flow},actions=output:3`));
  expect(updatesOf(watcher)).toHaveLength(flows.length);
});

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
    read(watcher);
    expect(updatesOf(watcher)).toEqual(["added sctp actions=output:1", "modified tcp actions=output:2", resumed]);
    other.say(add("rarp,actions=drop"));
    expect(updatesOf(watcher)).toEqual(["added rarp actions=drop"]);
  },
);

/** As many flows as are looked at in many steps. */
const MANY = 3000;

function addMany(controller: Controller): void {
  for (let n = 1; n <= MANY; n++) controller.say(add(`priority=5,udp,tp_dst=${n},actions=output:1`));
}

test("what was held back is looked through in turns, though nobody wants to hear of it any more", () => {
  const { controllers } = controllersOf(6, 6);
  const [watcher, other] = controllers as [Controller, Controller];
  watch(watcher, 1, "");
  watcher.backlogBytes = 1e6;
  addMany(other);
  watcher.say({ type: "flowMonitorCancel", id: 1 });
  watcher.heard();
  const work = watcher.session.drained();
  let nSteps = 0;
  while (work?.next().done === false) nSteps++;
  expect(nSteps).toBeGreaterThan(MANY / 300);
  expect(updatesOf(watcher)).toEqual(["resumed"]);
});

test("telling ends with the connection, whether of what was held back or of what is there", () => {
  for (const isPaused of [true, false]) {
    const { controllers } = controllersOf(6, 6);
    const [watcher, other] = controllers as [Controller, Controller];
    if (isPaused) {
      watch(watcher, 1, "");
      watcher.backlogBytes = 1e6;
    }
    addMany(other);
    const requests = [{ id: 2, command: "add", flags: ALL, table: 0xff, match: makeMatch() }] as const;
    const message: Message = { type: "multipartRequest", request: { kind: "flowMonitor", requests }, isLast: true };
    const work = (isPaused ? watcher.session.drained() : watcher.session.handle({ version: 6, xid: 7, message })) as Work;
    watcher.heard();
    while (watcher.heard().length === 0) work.next();
    watcher.leave();
    other.say(remove(""));
    let nSteps = 0;
    while (nSteps < MANY && work.next().done !== true) nSteps++;
    expect(nSteps).toBeLessThan(5);
    expect(updatesOf(watcher)).toEqual([]);
    expect(watcher.session.drained()).toBeUndefined();
  }
});

test("a monitor that is modified goes on telling of the flows that it was about, while it tells what is there", () => {
  const { bench, controllers } = controllersOf(6, 6);
  const [watcher, other] = controllers as [Controller, Controller];
  other.say(add("tcp,actions=output:1"));
  for (let n = 1; n <= 40; n++) bench.add(`table=1,priority=${n},arp,actions=drop`);
  other.say(add("table=2,udp,actions=output:1"));
  other.say(add("table=2,tcp,actions=output:1"));
  watch(watcher, 1, "tcp");
  const requests = [{ id: 1, command: "modify", flags: ALL, table: 0xff, match: makeMatch() }] as const;
  const message: Message = { type: "multipartRequest", request: { kind: "flowMonitor", requests }, isLast: true };
  const work = watcher.session.handle({ version: 6, xid: 7, message }) as Work;
  watcher.heard();
  while (watcher.heard().length === 0) work.next();
  other.say({ type: "flowMod", command: "delete", flow: parseFlow("table=2,tcp", { purpose: "delete" }) });
  other.say({ type: "flowMod", command: "delete", flow: parseFlow("table=2,udp", { purpose: "delete" }) });
  expect(updatesOf(watcher)).toEqual(["removed table=2, tcp actions=output:1"]);
  finish(work);
  expect(updatesOf(watcher).filter((text) => text.includes("table=2"))).toEqual([]);
});

test("a flow that is told as being there while telling pauses does not go without a word", () => {
  const { controllers } = controllersOf(6, 6);
  const [watcher, other] = controllers as [Controller, Controller];
  watch(watcher, 1, "");
  watcher.backlogBytes = 1e6;
  other.say(add("arp,actions=output:1"));
  other.say(add("tcp,actions=output:1"));
  other.say(add("udp,actions=output:1"));
  watcher.heard();
  watch(watcher, 2, "ip");
  expect(updatesOf(watcher).sort()).toEqual(["initial tcp actions=output:1", "initial udp actions=output:1"]);
  other.say(remove("tcp"));
  expect(updatesOf(watcher)).toEqual(["removed tcp actions=output:1"]);
  read(watcher);
  expect(updatesOf(watcher)).toEqual(["modified udp actions=output:1", "resumed"]);
});

test("monitors are as they were when the flows cannot be looked for: an option has gone meanwhile", () => {
  const { bench, controllers } = controllersOf(6, 6);
  const [watcher, other] = controllers as [Controller, Controller];
  const { pipeline } = bench.bridge;
  const mappings = [{ optionClass: 1, optionType: 1, sizeBytes: 4, index: 1 }];
  finish(pipeline.applyingTlvTable({ type: "tlvTableMod", command: "add", mappings }));
  watch(watcher, 1, "tcp");
  addMany(other);
  const removing = pipeline.applyingTlvTable({ type: "tlvTableMod", command: "delete", mappings });
  removing.next();
  const requests = [
    { id: 1, command: "delete", flags: 0, table: 0xff, match: makeMatch() },
    { id: 2, command: "add", flags: ALL, table: 0xff, match: parseMatch("tun_metadata1=5") },
  ] as const;
  const message: Message = { type: "multipartRequest", request: { kind: "flowMonitor", requests }, isLast: true };
  const work = watcher.session.handle({ version: 6, xid: 7, message }) as Work<string | undefined>;
  expect(work.next().value).toBe("blocked");
  finish(removing);
  expect(finish(work)).toBe("NXFMFC_INVALID_TLV_FIELD");
  other.say(add("tcp,actions=drop"));
  expect(updatesOf(watcher)).toEqual(["added tcp actions=drop"]);
  expect(watcher.say({ type: "flowMonitorCancel", id: 2 })).toBe("OFPMOFC_UNKNOWN_MONITOR");
});

/** What a watcher that believes what it is told thinks is there; one that is told of a flow that it does not know, or twice of one, complains. */
class Belief {
  readonly actionsByPort = new Map<number, string>();

  take(messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.type !== "multipartReply" || message.reply.kind !== "flowMonitor") continue;
      for (const update of message.reply.updates) this.#learn(update);
    }
  }

  #learn(update: FlowUpdate): void {
    if (!("flow" in update)) return;
    const port = getField(update.flow.match.key, FIELDS.tp_dst);
    const isKnown = this.actionsByPort.has(port);
    const isNews = update.event === "initial" || (update.event === "added" && !isKnown);
    if (isNews === isKnown && update.event !== "added") throw new Error(`tp_dst=${port} is told as ${update.event}`);
    if (update.event === "removed") this.actionsByPort.delete(port);
    else this.actionsByPort.set(port, formatActions(update.flow.actions ?? []));
  }
}

test("a watcher learns of every flow once, and then of what becomes of it, whatever changes while it is told or does not read", () => {
  const nFlows = 700;
  const change = fc.record({
    kind: fc.constantFrom("add", "modifyStrict", "deleteStrict", "delete", "learn", "learn", "learn", "choke", "read"),
    port: fc.oneof(fc.integer({ min: 1, max: nFlows }), fc.integer({ min: nFlows + 1, max: nFlows + 9 })),
    out: fc.integer({ min: 1, max: 3 }),
    nSteps: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 60 }), fc.boolean(), (changes, isStandard) => {
      const { bench, controllers } = controllersOf(isStandard ? 6 : 1, 6);
      const [watcher, other] = controllers as [Controller, Controller];
      const { pipeline } = bench.bridge;
      bench.add(...Array.from({ length: nFlows }, (_, n) => `priority=5,udp,tp_dst=${n + 1},actions=output:1`));
      const belief = new Belief();
      const requests = [{ id: 1, command: "add", flags: ALL, table: 0xff, match: makeMatch() }] as const;
      const message: Message = { type: "multipartRequest", request: { kind: "flowMonitor", requests }, isLast: true };
      const work = watcher.session.handle({ version: 6, xid: 7, message }) as Work;
      const others: Work[] = [];
      const go = (nSteps: number): void => {
        for (let n = 0; n < nSteps; n++) for (const each of [work, ...others]) each.next();
        belief.take(watcher.heard());
      };
      for (const { kind, port, out, nSteps } of changes) {
        go(nSteps);
        const flow = parseFlow(`priority=5,udp,tp_dst=${port},actions=output:${out}`);
        if (kind === "learn") pipeline.learned.learn(flow, 0);
        else if (kind === "choke") watcher.backlogBytes = 1e6;
        else if (kind === "read") {
          watcher.backlogBytes = 0;
          others.push(watcher.session.drained() ?? nothing());
        } else {
          const ours = other.session.handle({ version: 6, xid: 8, message: { type: "flowMod", command: kind, flow } });
          if (typeof ours === "object") others.push(ours as Work);
        }
      }
      watcher.backlogBytes = 0;
      for (let isOver = false; !isOver; ) isOver = [work, ...others].map((each) => each.next().done === true).every(Boolean);
      read(watcher);
      belief.take(watcher.heard());
      const flows = pipeline.select({ table: 0xff, match: makeMatch(), cookie: 0n });
      const there = flows.map(({ match, actions }) => [getField(match.key, FIELDS.tp_dst), formatActions(actions)] as const);
      expect(belief.actionsByPort).toEqual(new Map(there));
    }),
    { seed: inject("seed"), numRuns: 10 * inject("effort") },
  );
});

function* nothing(): Work {}
