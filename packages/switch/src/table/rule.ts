/** One OpenFlow flow with its counters and timers. */
import type { ClassifierRule, Conjunction } from "@tenet/classifier";
import type { Action, FlowSpec, Match } from "@tenet/openflow";

/** A flow in a table. Match, table and priority are its identity; the rest a flow-mod may change. */
export class Rule implements ClassifierRule {
  readonly table: number;
  readonly priority: number;
  readonly match: Match;
  cookie: bigint;
  actions: readonly Action[];
  conjunctions: readonly Conjunction[] | undefined;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly flags: number;
  readonly importance: number;
  /** Monotonic ms. */
  readonly createdMs: number;
  modifiedMs: number;
  usedMs: number;
  nPackets = 0;
  nBytes = 0;

  constructor(spec: FlowSpec, nowMs: number) {
    this.table = spec.table;
    this.priority = spec.priority;
    this.match = spec.match;
    this.cookie = spec.cookie;
    this.actions = spec.actions;
    this.conjunctions = conjunctionsOf(spec.actions);
    this.idleTimeout = spec.idleTimeout;
    this.hardTimeout = spec.hardTimeout;
    this.flags = spec.flags;
    this.importance = spec.importance;
    this.createdMs = nowMs;
    this.modifiedMs = nowMs;
    this.usedMs = nowMs;
  }

  /** Whether the rule sends to OpenFlow port `port`, at any depth of its actions. */
  outputsTo(port: number): boolean {
    return someAction(this.actions, (action) => action.type === "output" && action.port === port);
  }

  /** Whether the rule refers to a group, at any depth of its actions. */
  refersToGroup(id: number): boolean {
    return someAction(this.actions, (action) => action.type === "group" && action.group === id);
  }
}

/** The clauses of a rule, or `undefined` for a rule that is not soft. */
export function conjunctionsOf(actions: readonly Action[]): readonly Conjunction[] | undefined {
  const conjunctions = actions.filter((action) => action.type === "conjunction");
  return conjunctions.length === 0 ? undefined : conjunctions;
}

function someAction(actions: readonly Action[], holds: (action: Action) => boolean): boolean {
  return actions.some(
    (action) =>
      holds(action) || ((action.type === "clone" || action.type === "writeActions") && someAction(action.actions, holds)),
  );
}
