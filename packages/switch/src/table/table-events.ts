/** What listeners are told of a transaction on the tables. */
import type { FlowRemovedReason, TableStatus } from "@tenet/openflow";
import type { FlowTable } from "./flow-table.ts";
import type { Rule } from "./rule.ts";

/** One rule's part in a transaction. */
export interface RuleEvent {
  readonly type: "added" | "modified" | "removed";
  readonly rule: Rule;
  /** For `removed` only; absent when another rule took its place. */
  readonly reason?: FlowRemovedReason;
}

/** Whether another rule took the place of one; what is told next is that it came. */
export function isDisplaced({ type, reason }: RuleEvent): boolean {
  return type === "removed" && reason === undefined;
}

/** What a transaction changed; of a long one the first part, and later the other rules. */
export interface TableEvents {
  /** Tables whose rules came, changed or went, in the first part. */
  readonly tables: readonly FlowTable[];
  readonly rules: readonly RuleEvent[];
  /** Numbers of the groups that came, changed or went. */
  readonly groups: readonly number[];
  /** Whether meters came or went. */
  readonly haveMetersChanged: boolean;
  /** What controllers who watch are to hear of how full tables are. */
  readonly statuses: readonly TableStatus[];
  /** Who asked for it, as given to `apply`. */
  readonly author: object | undefined;
}
