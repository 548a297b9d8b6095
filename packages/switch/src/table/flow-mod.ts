/** What a controller may ask of the flow tables, independent of the protocol version. */
import type { Action, FlowModCommand, FlowSpec, GroupMod } from "@tenet/openflow";
import { isKnownAlg } from "../translate/action/connection-tracking.ts";
import { RefusedError } from "./refused-error.ts";

/** Number of tables; the last is hidden: a controller may look at it, not change it. */
export const N_TABLES = 255;

/** Adds, changes or deletes rules. */
export interface FlowChange {
  readonly command: FlowModCommand;
  readonly flow: FlowSpec;
  /** A modify that looks for no cookie adds the flow when none is there: so it was until OpenFlow 1.1. */
  readonly isUpsert?: boolean;
  /** OpenFlow 1.0: some actions may be on what a packet of the flow need not have. */
  readonly isOf10?: boolean;
  /** What a modify sets the cookie to. */
  readonly newCookie?: bigint | undefined;
}

/** A condition on the tables as the changes before it in the same transaction left them. */
export interface TableCheck {
  /** @throws RefusedError when it does not hold */
  readonly check: () => void;
}

/** A change of the tables of a bridge. */
export type TableChange = FlowChange | GroupMod | TableCheck;

/** What actions may refer to. */
export interface Referable {
  hasGroup(id: number): boolean;
  hasMeter(id: number): boolean;
}

/** Refuses actions that this switch does not have, or that refer to what is not there. @throws RefusedError */
export function checkActions(actions: readonly Action[], table: number, there: Referable): void {
  for (const action of actions) {
    switch (action.type) {
      case "group":
        if (there.hasGroup(action.group)) break;
        throw new RefusedError("OFPBAC_BAD_OUT_GROUP", `there is no group ${action.group}`, "Add the group first");
      case "meter":
        if (there.hasMeter(action.meter)) break;
        throw new RefusedError("OFPMMFC_INVALID_METER", `there is no meter ${action.meter}`, "Add the meter first");
      case "ct":
        if (isKnownAlg(action.alg)) break;
        throw new RefusedError("OFPBAC_BAD_ARGUMENT", `alg=${action.alg} is not known`, "Write alg=ftp, alg=tftp, or none");
      case "gotoTable":
        if (action.table > table) break;
        throw new RefusedError("OFPBIC_BAD_TABLE_ID", `goto_table from ${table} to ${action.table}`, "Go to a later table");
      case "clone":
      case "writeActions":
        checkActions(action.actions, table, there);
    }
  }
}
