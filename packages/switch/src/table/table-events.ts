/** What listeners are told of a transaction on the tables. */
import type { FlowRemovedReason, TableStatus } from "@tenet/openflow";
import type { Rule } from "./rule.ts";

/** One rule's part in a transaction. */
export interface RuleEvent {
  readonly type: "added" | "modified" | "removed";
  readonly rule: Rule;
  /** For `removed` only; absent when another rule took its place. */
  readonly reason?: FlowRemovedReason;
}

/** What a transaction changed. */
export interface TableEvents {
  readonly rules: readonly RuleEvent[];
  /** Numbers of the groups that came, changed or went. */
  readonly groups: readonly number[];
  /** Numbers of the meters that came or went. */
  readonly meters: readonly number[];
  /** What controllers who watch are to hear of how full tables are. */
  readonly statuses: readonly TableStatus[];
  /** Who asked for it, as given to `apply`. */
  readonly author: object | undefined;
}
