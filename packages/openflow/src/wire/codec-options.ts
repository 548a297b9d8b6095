/** State of a connection that changes how messages read. */
export interface CodecOptions {
  /**
   * OpenFlow 1.0 alone: the high byte of a flow-mod's command is a table number (NXT_FLOW_MOD_TABLE_ID).
   * Default: on.
   */
  readonly hasTableId?: boolean;
}
