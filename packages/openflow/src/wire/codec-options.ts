import type { Match } from "../action.ts";

/** State of a connection that changes how messages read. */
export interface CodecOptions {
  /**
   * OpenFlow 1.0 alone: the high byte of a flow-mod's command is a table number (NXT_FLOW_MOD_TABLE_ID).
   * Default: on.
   */
  readonly hasTableId?: boolean;
  /**
   * Flow-mods of OpenFlow 1.3 and later are read into this match instead of one of their own: for a reader that is done with
   * a flow-mod before it decodes the next. Those of every version then say too where the bytes of their actions lie.
   */
  readonly flowModMatch?: Match;
}
