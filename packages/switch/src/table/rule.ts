/** One OpenFlow flow with its counters and timers. */
import type { ClassifierRule, Conjunction } from "@tenet/classifier";
import { type Action, FLOW_FLAG, type FlowSpec, formatActions } from "@tenet/openflow";
import type { FlowTable, TableVisit } from "./flow-table.ts";
import { type FlowTerms, PackedFlow } from "./packed-flow.ts";
import type { Shape } from "./packed-match.ts";
import type { RecordStore } from "./record-store.ts";

/** Whether packets see what a transaction came to; one object for all of it. */
export interface Publication {
  isOut: boolean;
}

/** New terms of a rule, until they are its own. */
export class Revision extends PackedFlow {
  readonly publication: Publication;

  /** @param store - that of the rule */
  constructor(rule: Rule, shape: Shape, store: RecordStore, terms: FlowTerms, publication: Publication) {
    super(rule, shape, store, terms);
    this.publication = publication;
  }
}

/** A flow in a table. Match, table and priority are its identity; the rest a flow-mod may change. */
export class Rule extends PackedFlow implements ClassifierRule {
  /** What a transaction makes of the rule; packets see it when all of that is published. */
  revision: Revision | undefined = undefined;

  /** The rule comes into its table. @returns itself */
  begin(nowMs: number): this {
    const wholeMs = Math.floor(nowMs);
    this.createdMs = wholeMs;
    this.modifiedMs = wholeMs;
    this.usedMs = wholeMs;
    return this;
  }

  override get cookie(): bigint {
    return this.revision?.publication.isOut === true ? this.revision.cookie : super.cookie;
  }

  override get actions(): readonly Action[] {
    return this.revision?.publication.isOut === true ? this.revision.actions : super.actions;
  }

  override get conjunctions(): readonly Conjunction[] | undefined {
    return this.revision?.publication.isOut === true ? this.revision.conjunctions : super.conjunctions;
  }

  /** With the terms after all changes so far, whether packets see them or not. */
  get latest(): PackedFlow {
    return this.revision ?? this;
  }

  /** Whether the transaction that modifies it gives it other actions or another cookie. */
  get isRevised(): boolean {
    const { revision } = this;
    if (revision === undefined) return false;
    return revision.cookie !== super.cookie || formatActions(revision.actions) !== formatActions(super.actions);
  }

  /** Makes the terms of a revision its own. */
  settle(): void {
    const { revision } = this;
    if (revision === undefined) return;
    this.revision = undefined;
    this.adopt(revision);
  }

  override release(): void {
    this.revision?.release();
    this.revision = undefined;
    super.release();
  }

  /** The visit of packets that find it in its table. */
  visitIn(table: FlowTable): TableVisit {
    if (this.revision?.publication.isOut === true) this.revision.keepActions();
    else this.keepActions();
    this.visit ??= { table, rule: this, nKept: 0, number: 0 };
    return this.visit;
  }

  /**
   * The rule takes the place of another: it was used when that was, and unless it is to count anew it counts on from there, also those
   * packets that found the other and are not counted yet.
   */
  follow(other: Rule): void {
    this.usedMs = other.usedMs;
    if ((this.flags & FLOW_FLAG.RESET_COUNTS) === 0) this.#takeCounts(other);
  }

  /** The rule comes back, and that which had taken its place goes. */
  resume(other: Rule): void {
    if (this.visit?.rule === other) this.#takeCounts(other);
  }

  #takeCounts({ nPackets, nBytes, visit }: Rule): void {
    [this.nPackets, this.nBytes] = [nPackets, nBytes];
    if (visit === undefined) return;
    this.visit = visit;
    visit.rule = this;
  }

  /** Packets were forwarded by it. */
  count(nPackets: number, nBytes: number, usedMs: number): void {
    if (this.isReleased) return;
    this.nPackets += nPackets;
    this.nBytes += nBytes;
    if (usedMs > this.usedMs) this.usedMs = usedMs;
  }

  /** Whether the rule is for what no other of its table matches. */
  get isTableMiss(): boolean {
    return this.priority === 0 && this.match.mask.every((bits) => bits === 0);
  }

  /** Whether the rule goes by itself some time. */
  get isMortal(): boolean {
    return this.idleTimeout > 0 || this.hardTimeout > 0;
  }

  /** Why the rule is to go at `nowMs`; `undefined` when its time is not over. */
  reasonToExpire(nowMs: number): "hard" | "idle" | undefined {
    if (this.hardTimeout > 0 && nowMs > this.modifiedMs + this.hardTimeout * 1000) return "hard";
    const usedMs = Math.max(this.usedMs, this.modifiedMs);
    if (this.idleTimeout > 0 && nowMs > usedMs + this.idleTimeout * 1000) return "idle";
    return undefined;
  }

  /** Whether a flow that is learned says nothing new of this rule, whose match and priority it has. */
  isLike({ cookie, idleTimeout, hardTimeout, flags, importance, actions }: FlowSpec): boolean {
    const { latest } = this;
    if (cookie !== 0n && cookie !== latest.cookie) return false;
    if (idleTimeout !== this.idleTimeout || hardTimeout !== this.hardTimeout) return false;
    if (flags !== this.flags || importance !== this.importance) return false;
    return formatActions(actions) === formatActions(latest.actions);
  }

  /** Whether the rule sends to OpenFlow port `port`, at any depth of its actions. */
  outputsTo(port: number): boolean {
    return outputTo(this.latest.actions, port);
  }

  /** Whether the rule refers to a group, at any depth of its actions. */
  refersToGroup(id: number): boolean {
    const { latest } = this;
    return latest.refers && someAction(latest.actions, (action) => action.type === "group" && action.group === id);
  }

  /** Whether it sends to a port, or did so before the transaction that it is being changed by. */
  hasToDoWithPort(port: number): boolean {
    return this.outputsTo(port) || (this.revision !== undefined && outputTo(super.actions, port));
  }
}

function outputTo(actions: readonly Action[], port: number): boolean {
  return someAction(actions, (action) => (action.type === "output" || action.type === "enqueue") && action.port === port);
}

function someAction(actions: readonly Action[], holds: (action: Action) => boolean): boolean {
  return actions.some(
    (action) =>
      holds(action) || ((action.type === "clone" || action.type === "writeActions") && someAction(action.actions, holds)),
  );
}
