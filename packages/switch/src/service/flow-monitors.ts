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
  VERSION,
} from "@tenet/openflow";
import { N_TABLES } from "../table/flow-mod.ts";
import type { Pipeline } from "../table/pipeline.ts";
import type { RuleEvent } from "../table/table-events.ts";
import { RefusedError } from "../table/refused-error.ts";
import type { Rule } from "../table/rule.ts";
import type { Peer } from "./peer.ts";

/** Bytes not read yet beyond which telling pauses. */
const MAX_BACKLOG_BYTES = 128 * 1024;
const KINDS = { added: MONITOR_FLAG.ADD, modified: MONITOR_FLAG.MODIFY, removed: MONITOR_FLAG.DELETE } as const;

/** Monitors by their number. */
export class FlowMonitors {
  readonly #pipeline: Pipeline;
  readonly #peer: Peer;
  readonly #monitorById = new Map<number, FlowMonitorRequest>();
  /** While telling pauses: what became of flows, other than that they went. */
  #untold: Map<Rule, "added" | "modified"> | undefined;

  constructor(pipeline: Pipeline, peer: Peer) {
    this.#pipeline = pipeline;
    this.#peer = peer;
  }

  /** Carries out requests, all or none. @returns the flows that are there, where asked for @throws RefusedError */
  request(requests: readonly FlowMonitorRequest[]): FlowUpdate[] {
    const before = new Map(this.#monitorById);
    try {
      for (const request of requests) this.#change(request);
    } catch (error) {
      this.#monitorById.clear();
      for (const [id, monitor] of before) this.#monitorById.set(id, monitor);
      throw error;
    }
    const started = requests.filter(({ command, flags }) => command !== "delete" && (flags & MONITOR_FLAG.INITIAL) !== 0);
    const flagsByRule = new Map<Rule, number>();
    for (const { table, match, outPort, outGroup, flags } of started) {
      const filter = { table, match, cookie: 0n, ...portOf({ outPort, outGroup }) };
      for (const rule of this.#pipeline.select(filter)) flagsByRule.set(rule, (flagsByRule.get(rule) ?? 0) | flags);
    }
    return [...flagsByRule].map(([rule, flags]) => ({ event: "initial", flow: toldOf(rule, flags) }));
  }

  /** Ends a monitor. @throws RefusedError when there is none of this number */
  cancel(id: number): void {
    if (!this.#monitorById.delete(id)) throw new RefusedError("OFPMOFC_UNKNOWN_MONITOR", `there is no monitor ${id}`);
  }

  /** Tells of a transaction; `ownXid` is that of the request when this connection made it. */
  tell(events: readonly RuleEvent[], ownXid: number | undefined): void {
    if (this.#monitorById.size === 0) return;
    const updates: FlowUpdate[] = [];
    for (const event of events) {
      // What another flow took the place of is not told: the other one is.
      if (event.type === "removed" && event.reason === undefined) {
        this.#untold?.delete(event.rule);
        continue;
      }
      const flags = this.#flagsFor(event.rule, KINDS[event.type]);
      if (flags !== 0) this.#add(updates, event, flags, ownXid);
    }
    this.#send(updates);
    if (this.#untold !== undefined || this.#peer.backlogBytes <= MAX_BACKLOG_BYTES) return;
    this.#untold = new Map();
    if (this.#isStandard) this.#send([{ event: "paused" }]);
    else this.#peer.send({ type: "flowMonitorPaused" }, 0);
  }

  /** The controller has read all: tells what was held back. */
  resume(): void {
    const untold = this.#untold;
    if (untold === undefined) return;
    this.#untold = undefined;
    const updates: FlowUpdate[] = [];
    for (const [rule, event] of untold) {
      if (rule.isReleased) continue;
      const flags = this.#flagsFor(rule, KINDS[event]);
      if (flags !== 0) updates.push({ event, flow: toldOf(rule, flags) });
    }
    this.#send(this.#isStandard ? [...updates, { event: "resumed" }] : updates);
    if (!this.#isStandard) this.#peer.send({ type: "flowMonitorResumed" }, 0);
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
    if (type !== "removed" && this.#untold !== undefined) {
      if (!isAbbreviated && this.#untold.get(rule) !== "added") this.#untold.set(rule, type);
    } else if (type === "removed" && this.#untold?.get(rule) === "added") this.#untold.delete(rule);
    else if (isAbbreviated) {
      const last = updates.at(-1);
      if (last?.event !== "abbreviated" || last.xid !== ownXid) updates.push({ event: "abbreviated", xid: ownXid });
    } else if (type === "removed") {
      this.#untold?.delete(rule);
      updates.push({ event: "removed", reason: reason ?? "delete", flow: toldOf(rule, flags) });
    } else updates.push({ event: type, flow: toldOf(rule, flags) });
  }

  /** What the monitors of a flow want that want to hear of `kind`; 0 when none does. */
  #flagsFor(rule: Rule, kind: number): number {
    let flags = 0;
    for (const monitor of this.#monitorById.values()) {
      if ((monitor.flags & kind) !== 0 && isAbout(monitor, rule)) flags |= monitor.flags;
    }
    return flags;
  }

  get #isStandard(): boolean {
    return this.#peer.version >= VERSION.OF14;
  }

  #send(updates: readonly FlowUpdate[]): void {
    if (updates.length === 0) return;
    const message: Message = { type: "multipartReply", reply: { kind: "flowMonitor", updates }, isLast: true };
    this.#peer.send(message, 0);
  }
}

function toldOf(rule: Rule, flags: number): MonitoredFlow {
  const { table, priority, cookie, idleTimeout, hardTimeout } = rule;
  const { key, mask, options } = rule.match;
  const match = { key, mask, options }; // that of the rule goes with it
  const actions = (flags & MONITOR_FLAG.ACTIONS) === 0 ? undefined : rule.actions;
  return { table, priority, cookie, match, idleTimeout, hardTimeout, actions };
}

function isAbout({ table, match, outPort, outGroup }: FlowMonitorRequest, rule: Rule): boolean {
  if (table !== ALL_TABLES && table !== rule.table) return false;
  if (outPort !== undefined && !rule.outputsTo(outPort)) return false;
  if (outGroup !== undefined && !rule.refersToGroup(outGroup)) return false;
  const { key, mask } = rule.match;
  return match.mask.every((bits, i) => (bits & ~(mask[i] ?? 0)) === 0 && (((match.key[i] ?? 0) ^ (key[i] ?? 0)) & bits) === 0);
}

function portOf({ outPort, outGroup }: { outPort: number | undefined; outGroup: number | undefined }): {
  readonly outPort?: number;
  readonly outGroup?: number;
} {
  return { ...(outPort === undefined ? {} : { outPort }), ...(outGroup === undefined ? {} : { outGroup }) };
}
