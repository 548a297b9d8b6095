/** What a controller may ask of the flow tables, independent of the protocol version. */
import { AppError } from "@tenet/kit";
import type { FlowModCommand, FlowSpec } from "@tenet/openflow";

/** Number of tables a controller may use. */
export const N_TABLES = 255;

/** Adds, changes or deletes rules. */
export interface FlowChange {
  readonly command: FlowModCommand;
  readonly flow: FlowSpec;
  /** OpenFlow 1.0: a modify also sets the cookie, and adds the flow when none is there. */
  readonly isUpsert?: boolean;
}

/** OFPET_FLOW_MOD_FAILED as of OpenFlow 1.1. */
const FLOW_MOD_FAILED = 5;

/** Codes of a failed flow-mod as of OpenFlow 1.1. */
export const FLOW_MOD_CODE: { readonly TABLE_FULL: 1; readonly BAD_TABLE_ID: 2; readonly OVERLAP: 3 } = {
  TABLE_FULL: 1,
  BAD_TABLE_ID: 2,
  OVERLAP: 3,
};

/** A flow-mod that the switch does not carry out; type and code are those of the OpenFlow error message. */
export class FlowModError extends AppError {
  static override readonly code: string = "OPENFLOW_FLOW_MOD_FAILED";
  readonly errorType: number = FLOW_MOD_FAILED;
  readonly errorCode: number;
  constructor(problem: string, errorCode: number, hint: string) {
    super(`Cannot change the flow table: ${problem}`, { hint, details: { errorType: FLOW_MOD_FAILED, errorCode } });
    this.errorCode = errorCode;
  }
}
