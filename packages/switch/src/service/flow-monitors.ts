/**
 * The flow monitors of one connection.
 *
 * A change of a flow that several monitors are about is told once. When the controller does not keep up, nothing is
 * told but what is deleted; what else changed is remembered, flow by flow, and told when it has read what was sent.
 *
 * @see OpenFlow 1.5.1, section 7.3.5.17
 */
import {
  ALL_TABLES,
  type FlowMonitorRequest,
  type FlowUpdate,
  type Message,
  MONITOR_FLAG,
  type MonitoredFlow,
  type MultipartReply,
  VERSION,
} from "@tenet/openflow";
import { LongMap } from "../long-map.ts";
import { N_TABLES } from "../table/flow-mod.ts";
import type { Pipeline } from "../table/pipeline.ts";
import { isDisplaced, type RuleEvent } from "../table/table-events.ts";
import { RefusedError } from "../table/refused-error.ts";
import type { Rule } from "../table/rule.ts";
import type { Work } from "../turns.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { InitialFlows } from "./initial-flows.ts";
import { isAbout } from "./monitor-filter.ts";
import type { Peer } from "./peer.ts";

/** Bytes not read yet beyond which telling pauses. */
const MAX_BACKLOG_BYTES = 128 * 1024;
const KINDS = { added: MONITOR_FLAG.ADD, modified: MONITOR_FLAG.MODIFY, removed: MONITOR_FLAG.DELETE } as const;

/** How many flows are told of in one part. */
const UPDATES_PER_PART = 4;
/** How many rules are looked at between two chances for others. */
const RULES_PER_STEP = 32;

interface Untold {
  readonly rule: Rule;
  readonly event: "added" | "modified";
}

/** Monitors by their number. */
export class FlowMonitors {
  readonly #pipeline: Pipeline;
  readonly #vswitch: VirtualSwitch;
  readonly #peer: Peer;
  readonly #monitorById = new Map<number, FlowMonitorRequest>();
  /** What the request in hand is answered with. */
  #initial: InitialFlows | undefined;
  /** While telling pauses: what became of flows, other than that they went. */
  #untold: LongMap<Rule, Untold> | undefined;
  /** Whether it is told now what was held back; until that is done telling pauses. */
  #isResuming = false;
  #isClosed = false;

  constructor(pipeline: Pipeline, vswitch: VirtualSwitch, peer: Peer) {
    this.#pipeline = pipeline;
    this.#vswitch = vswitch;
    this.#peer = peer;
  }

  /**
   * Carries out requests, all or none.
   *
   * @returns the flows that are there, where asked for, in parts to be sent at once, and between them what {@link Work} yields
   * @throws RefusedError
   */
  *request(requests: readonly FlowMonitorRequest[]): Generator<MultipartReply | "blocked" | undefined, void, undefined> {
    const before = new Map(this.#monitorById);
    try {
      for (const request of requests) this.#change(request);
      const initial = new InitialFlows(this.#beginning(before), before);
      this.#initial = initial;
      yield* this.#vswitch.changingTables(initial.collecting(this.#pipeline));
      yield* this.#tellingInitial(initial);
    } catch (error) {
      this.#monitorById.clear();
      for (const [id, monitor] of before) this.#monitorById.set(id, monitor);
      throw error;
    } finally {
      this.#initial = undefined;
    }
  }

  *#tellingInitial(initial: InitialFlows): Generator<MultipartReply, void, undefined> {
    let updates: FlowUpdate[] = [];
    let n = 0;
    for (const rule of initial.told()) {
      if (this.#isClosed) return;
      if (rule !== undefined) {
        updates.push({ event: "initial", flow: toldOf(rule, initial.flagsFor(rule)) });
        this.#noteTold(rule);
      }
      if (++n % RULES_PER_STEP !== 0 && updates.length < UPDATES_PER_PART) continue;
      yield { kind: "flowMonitor", updates };
      updates = [];
    }
    yield { kind: "flowMonitor", updates };
  }

  /** The controller knows a flow now, though telling pauses: it is to hear when the flow goes. */
  #noteTold(rule: Rule): void {
    if (this.#untold?.get(rule)?.event === "added") this.#untold.set(rule, { rule, event: "modified" });
  }

  /** The connection has ended: nothing is told any more, nor does anybody say which flows go. */
  close(): void {
    this.#isClosed = true;
    this.#monitorById.clear();
    this.#untold = undefined;
  }

  /** Ends a monitor. @throws RefusedError when there is none of this number */
  cancel(id: number): void {
    if (!this.#monitorById.delete(id)) throw new RefusedError("OFPMOFC_UNKNOWN_MONITOR", `there is no monitor ${id}`);
  }

  /** Tells of a transaction; `ownXid` is that of the request when this connection made it. */
  tell(events: readonly RuleEvent[], ownXid: number | undefined): void {
    if (this.#monitorById.size === 0 && this.#untold === undefined) return;
    const updates: FlowUpdate[] = [];
    let displaced: Rule | undefined;
    for (const event of events) {
      const { type, rule } = event;
      if (type === "added") this.#initial?.came(rule);
      // What another flow took the place of is not told: the other one is.
      const isNews = !isDisplaced(event) && (type !== "modified" || rule.isRevised);
      const flags = isNews ? this.#flagsFor(rule, KINDS[type], displaced) : 0;
      displaced = isDisplaced(event) ? rule : undefined;
      if (flags !== 0) this.#add(updates, event, flags, ownXid);
      if (type !== "removed") continue;
      this.#initial?.went(rule);
      this.#untold?.delete(rule);
    }
    this.#send(updates);
    if (this.#untold !== undefined || this.#peer.backlogBytes <= MAX_BACKLOG_BYTES) return;
    this.#untold = new LongMap((rule) => rule.hash);
    if (this.#isStandard) this.#send([{ event: "paused" }]);
    else this.#peer.tell({ type: "flowMonitorPaused" });
  }

  /** The controller has read all: tells what was held back, if anything was and that is not under way. */
  resume(): Work | undefined {
    return this.#untold === undefined || this.#isResuming ? undefined : this.#resuming(this.#untold);
  }

  *#resuming(untold: LongMap<Rule, Untold>): Work {
    this.#isResuming = true;
    let updates: FlowUpdate[] = [];
    let n = 0;
    for (let isOver = false; !isOver; ) {
      isOver = true; // unless something has come behind the place where it was looked
      for (const { rule, event } of untold.values()) {
        if (!rule.isReleased) {
          isOver = false;
          untold.delete(rule);
          const flags = this.#flagsFor(rule, KINDS[event]);
          if (flags !== 0) updates.push({ event, flow: toldOf(rule, flags) });
        }
        if (++n % RULES_PER_STEP !== 0 && updates.length < UPDATES_PER_PART) continue;
        this.#send(updates);
        updates = [];
        yield;
        while (this.#peer.isBehind) yield "blocked";
        if (this.#isClosed) return;
      }
    }
    this.#send(updates);
    this.#isResuming = false;
    this.#untold = undefined;
    if (this.#isStandard) this.#send([{ event: "resumed" }]);
    else this.#peer.tell({ type: "flowMonitorResumed" });
  }

  /** The monitors that tell of the flows that are there, and did not do so before. */
  #beginning(before: ReadonlyMap<number, FlowMonitorRequest>): FlowMonitorRequest[] {
    return [...this.#monitorById.values()].filter(
      (monitor) => before.get(monitor.id) !== monitor && (monitor.flags & MONITOR_FLAG.INITIAL) !== 0,
    );
  }

  #change(request: FlowMonitorRequest): void {
    const { id, command, table, match } = request;
    if (command === "delete") return this.cancel(id);
    if (table >= N_TABLES && table !== ALL_TABLES) throw new RefusedError("OFPBRC_BAD_TABLE_ID", `there is no table ${table}`);
    const isThere = this.#monitorById.has(id);
    if (command === "add" && isThere) throw new RefusedError("OFPMOFC_MONITOR_EXISTS", `there is a monitor ${id}`);
    if (command === "modify" && !isThere) throw new RefusedError("OFPMOFC_UNKNOWN_MONITOR", `there is no monitor ${id}`);
    this.#monitorById.set(id, { ...request, match: this.#pipeline.tlvTable.placeMatch(match) });
  }

  #add(updates: FlowUpdate[], { type, rule, reason }: RuleEvent, flags: number, ownXid: number | undefined): void {
    const isAbbreviated = ownXid !== undefined && (flags & MONITOR_FLAG.OWN) === 0;
    const untold = this.#untold;
    const isComingUntold = untold?.get(rule)?.event === "added";
    if (type !== "removed" && untold !== undefined) {
      if (!isAbbreviated && !isComingUntold) untold.set(rule, { rule, event: type });
    } else if (isComingUntold) return;
    else if (isAbbreviated) {
      const last = updates.at(-1);
      if (last?.event !== "abbreviated" || last.xid !== ownXid) updates.push({ event: "abbreviated", xid: ownXid });
    } else if (type === "removed") updates.push({ event: "removed", reason: reason ?? "delete", flow: toldOf(rule, flags) });
    else updates.push({ event: type, flow: toldOf(rule, flags) });
  }

  /** What the monitors of a flow want that want to hear of `kind`; 0 when none does. */
  #flagsFor(rule: Rule, kind: number, displaced?: Rule): number {
    let flags = 0;
    for (const monitor of this.#monitorById.values()) {
      if ((monitor.flags & kind) === 0 || !isAbout(monitor, rule, displaced)) continue;
      if (this.#initial?.awaits(monitor, rule) !== true) flags |= monitor.flags;
    }
    return flags;
  }

  get #isStandard(): boolean {
    return this.#peer.version >= VERSION.OF14;
  }

  #send(updates: readonly FlowUpdate[]): void {
    if (updates.length === 0) return;
    const message: Message = { type: "multipartReply", reply: { kind: "flowMonitor", updates }, isLast: true };
    this.#peer.tell(message);
  }
}

function toldOf(rule: Rule, flags: number): MonitoredFlow {
  const { table, priority, cookie, idleTimeout, hardTimeout } = rule;
  const { key, mask, options } = rule.match;
  const match = { key, mask, options }; // that of the rule goes with it
  const actions = (flags & MONITOR_FLAG.ACTIONS) === 0 ? undefined : rule.actions;
  return { table, priority, cookie, match, idleTimeout, hardTimeout, actions };
}
