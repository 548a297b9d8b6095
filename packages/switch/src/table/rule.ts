/** One OpenFlow flow with its counters and timers. */
import type { ClassifierRule, Conjunction } from "@tenet/classifier";
import type { PackedMatch } from "./packed-match.ts";
import type { TableVisit } from "./flow-table.ts";
import { type Action, ALL_TABLES, type FlowSpec, formatActions } from "@tenet/openflow";

/** What a flow-mod may change of a rule that packets can see. */
export interface RuleTerms {
  readonly cookie: bigint;
  readonly actions: readonly Action[];
  readonly conjunctions: readonly Conjunction[] | undefined;
}

/** Whether packets see what a transaction came to; one object for all of it. */
export interface Publication {
  isOut: boolean;
}

/** New terms of a rule, until they are its own. */
export interface Revision extends RuleTerms {
  readonly publication: Publication;
}

/** A flow in a table, or on its way there. Match, table and priority are its identity; the rest a flow-mod may change. */
export class Rule implements ClassifierRule, FlowSpec {
  readonly table: number;
  readonly priority: number;
  readonly match: PackedMatch;
  #cookie: bigint;
  #actions: readonly Action[];
  #conjunctions: readonly Conjunction[] | undefined;
  /** What a transaction makes of the rule; packets see it when all of that is published. */
  revision: Revision | undefined = undefined;
  /** Seconds, 0 = never; `fin_timeout` lowers them. */
  idleTimeout: number;
  hardTimeout: number;
  readonly flags: number;
  readonly importance: number;
  /** Monotonic ms. */
  createdMs = 0;
  modifiedMs = 0;
  usedMs = 0;
  nPackets = 0;
  nBytes = 0;
  /** The classifier's own. */
  since = 0;
  /** To be had from `FlowTable.visitOf`. */
  visit: TableVisit | undefined = undefined;

  /** @param match - that of `spec`; {@link begin} is to follow */
  constructor(spec: FlowSpec, match: PackedMatch) {
    this.table = spec.table === ALL_TABLES ? 0 : spec.table;
    this.priority = spec.priority;
    this.match = match;
    this.#cookie = spec.cookie;
    this.#actions = spec.actions.slice();
    this.#conjunctions = conjunctionsOf(spec.actions);
    this.idleTimeout = spec.idleTimeout;
    this.hardTimeout = spec.hardTimeout;
    this.flags = spec.flags;
    this.importance = spec.importance;
  }

  /** The rule comes into its table. @returns itself */
  begin(nowMs: number): this {
    const wholeMs = Math.floor(nowMs); // is held in place
    this.createdMs = wholeMs;
    this.modifiedMs = wholeMs;
    this.usedMs = wholeMs;
    return this;
  }

  get cookie(): bigint {
    return this.revision?.publication.isOut === true ? this.revision.cookie : this.#cookie;
  }

  get actions(): readonly Action[] {
    return this.revision?.publication.isOut === true ? this.revision.actions : this.#actions;
  }

  get conjunctions(): readonly Conjunction[] | undefined {
    return this.revision?.publication.isOut === true ? this.revision.conjunctions : this.#conjunctions;
  }

  /** The terms after all changes so far, whether packets see them or not. */
  get latest(): RuleTerms {
    return this.revision ?? this;
  }

  /** Makes the terms of a revision its own. */
  settle(): void {
    if (this.revision === undefined) return;
    this.#cookie = this.revision.cookie;
    this.#actions = this.revision.actions;
    this.#conjunctions = this.revision.conjunctions;
    this.revision = undefined;
  }

  /** Whether the rule goes by itself some time. */
  get isMortal(): boolean {
    return this.idleTimeout > 0 || this.hardTimeout > 0;
  }

  /** Why the rule is to go at `nowMs`; `undefined` when its time is not over. */
  reasonToExpire(nowMs: number): "hard" | "idle" | undefined {
    if (this.hardTimeout > 0 && nowMs >= this.modifiedMs + this.hardTimeout * 1000) return "hard";
    const usedMs = Math.max(this.usedMs, this.modifiedMs);
    if (this.idleTimeout > 0 && nowMs >= usedMs + this.idleTimeout * 1000) return "idle";
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
    return someAction(
      this.latest.actions,
      (action) => (action.type === "output" || action.type === "enqueue") && action.port === port,
    );
  }

  /** Whether the rule refers to a group, at any depth of its actions. */
  refersToGroup(id: number): boolean {
    return someAction(this.latest.actions, (action) => action.type === "group" && action.group === id);
  }
}

/** The clauses of a rule, or `undefined` for a rule that is not soft. */
export function conjunctionsOf(actions: readonly Action[]): readonly Conjunction[] | undefined {
  if (!actions.some(isConjunction)) return undefined;
  return actions.filter(isConjunction);
}

function isConjunction(action: Action): action is Extract<Action, { type: "conjunction" }> {
  return action.type === "conjunction";
}

function someAction(actions: readonly Action[], holds: (action: Action) => boolean): boolean {
  return actions.some(
    (action) =>
      holds(action) || ((action.type === "clone" || action.type === "writeActions") && someAction(action.actions, holds)),
  );
}
