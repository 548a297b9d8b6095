/** What a controller may ask of the flow tables, independent of the protocol version. */
import { AppError } from "@tenet/kit";
import type { Action, FlowModCommand, FlowSpec } from "@tenet/openflow";

/** Number of tables; the last is hidden: a controller may look at it, not change it. */
export const N_TABLES = 255;

/** Adds, changes or deletes rules. */
export interface FlowChange {
  readonly command: FlowModCommand;
  readonly flow: FlowSpec;
  /** OpenFlow 1.0: a modify also sets the cookie, and adds the flow when none is there. */
  readonly isUpsert?: boolean;
}

/** What the switch refuses, by the names of the OpenFlow specification. */
export type RefusalName =
  | "OFPFMFC_TABLE_FULL"
  | "OFPFMFC_BAD_TABLE_ID"
  | "OFPFMFC_OVERLAP"
  | "OFPBAC_BAD_OUT_GROUP"
  | "OFPBAC_BAD_ARGUMENT"
  | "OFPBIC_UNSUP_INST"
  | "OFPBIC_BAD_TABLE_ID"
  | "OFPBRC_EPERM"
  | "OFPBRC_IS_SLAVE"
  | "OFPBRC_BUFFER_UNKNOWN"
  | "OFPBRC_BAD_TYPE"
  | "OFPPMFC_BAD_PORT"
  | "OFPPMFC_BAD_HW_ADDR"
  | "OFPBFC_BAD_ID"
  | "OFPBFC_BUNDLE_EXIST"
  | "OFPBFC_BUNDLE_CLOSED"
  | "OFPBFC_MSG_UNSUP"
  | "OFPBFC_MSG_FAILED"
  | "OFPRRFC_STALE";

/** A request that the switch does not carry out; `errorName` is that of the OpenFlow error. */
export class RefusedError extends AppError {
  static override readonly code: string = "OPENFLOW_REFUSED";
  readonly errorName: RefusalName;
  /** Of a list of changes: the index of the one at fault. */
  position: number | undefined;
  constructor(errorName: RefusalName, problem: string, hint?: string) {
    super(`Cannot carry out the OpenFlow request: ${problem}`, {
      details: { error: errorName },
      ...(hint === undefined ? {} : { hint }),
    });
    this.errorName = errorName;
  }
}

/** Refuses actions that this switch does not have. @throws RefusedError */
export function checkActions(actions: readonly Action[], table: number): void {
  for (const action of actions) {
    switch (action.type) {
      case "group":
        throw new RefusedError("OFPBAC_BAD_OUT_GROUP", `there is no group ${action.group}`, "Groups are not supported");
      case "meter":
        throw new RefusedError("OFPBIC_UNSUP_INST", `there is no meter ${action.meter}`, "Meters are not supported");
      case "ct":
        throw new RefusedError("OFPBAC_BAD_ARGUMENT", "connections are not tracked");
      case "gotoTable":
        if (action.table > table) break;
        throw new RefusedError("OFPBIC_BAD_TABLE_ID", `goto_table from ${table} to ${action.table}`, "Go to a later table");
      case "clone":
      case "writeActions":
        checkActions(action.actions, table);
    }
  }
}
