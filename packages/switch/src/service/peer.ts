/** The other end of an OpenFlow connection, as a session sees it. */
import type { Message, Version } from "@tenet/openflow";

/** The other end. */
export interface Peer {
  readonly version: Version;
  /** Bytes sent that it has not read yet. */
  readonly backlogBytes: number;
  /** Whether it has not read much of what was sent to it. */
  readonly isBehind: boolean;
  /** Sends a message; without `xid` it is unsolicited, and lost when the peer does not keep up. */
  send(message: Message, xid?: number): void;
  /** OpenFlow 1.0: whether flow-mods hold a table number (NXT_FLOW_MOD_TABLE_ID). */
  setTableIdInCommand(isOn: boolean): void;
}
