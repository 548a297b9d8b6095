/** Flow monitors: a controller hears of every change of the flows that it asks for. */
import type { Match } from "./action.ts";
import type { FlowSpec } from "./flow-spec.ts";
import type { FlowRemovedReason } from "./message.ts";

/** What a monitor tells of, in bits. */
export const MONITOR_FLAG: {
  /** The flows that are there when the monitor starts. */
  readonly INITIAL: 1;
  readonly ADD: 2;
  readonly DELETE: 4;
  readonly MODIFY: 8;
  /** With actions. */
  readonly ACTIONS: 16;
  /** The controller's own changes whole; else it hears of them by transaction id. */
  readonly OWN: 32;
} = { INITIAL: 1, ADD: 2, DELETE: 4, MODIFY: 8, ACTIONS: 16, OWN: 32 };

/** Starts, changes or ends a monitor; changing and ending are of OpenFlow 1.4 and later. */
export interface FlowMonitorRequest {
  readonly id: number;
  readonly command: "add" | "modify" | "delete";
  /** Bits of {@link MONITOR_FLAG}. */
  readonly flags: number;
  readonly table: number;
  readonly match: Match;
  readonly outPort?: number;
  readonly outGroup?: number;
}

/** What a flow is told by; `actions` are there when the monitor wants them. */
export type MonitoredFlow = Pick<FlowSpec, "table" | "priority" | "cookie" | "match" | "idleTimeout" | "hardTimeout"> & {
  readonly actions: FlowSpec["actions"] | undefined;
};

/** One thing that a monitor tells. */
export type FlowUpdate =
  | { readonly event: "initial" | "added" | "modified"; readonly flow: MonitoredFlow }
  | { readonly event: "removed"; readonly reason: FlowRemovedReason; readonly flow: MonitoredFlow }
  /** The controller's own request of this transaction id was carried out. */
  | { readonly event: "abbreviated"; readonly xid: number }
  /** In OpenFlow 1.4 and later, nothing is told from here on, and again, because the controller is slow to read. */
  | { readonly event: "paused" }
  | { readonly event: "resumed" };
