/** The other end of an OpenFlow connection, as a session sees it. */
import type { ErrorName, Message, MultipartReply, Version } from "@tenet/openflow";

/** The other end. */
export interface Peer {
  readonly version: Version;
  /** Bytes sent that it has not read yet. */
  readonly backlogBytes: number;
  /** Whether it has not read much of what was sent to it. */
  readonly isBehind: boolean;
  /** Sends a message; without `xid` it is unsolicited, and lost when the peer does not keep up. */
  send(message: Message, xid?: number): void;
  /** Sends an unsolicited message that is not lost when the peer does not keep up. */
  tell(message: Message): void;
  /** Answers a message with an error that says all of it, and tells the log. */
  refuse(error: ErrorName, bytes: Uint8Array): void;
  /** Sends a part of a reply; of parts messages are made that are as long as they may be. Other messages come after it. */
  sendPart(reply: MultipartReply, xid: number): void;
  /** That was the last part of the reply. */
  endReply(): void;
  /** OpenFlow 1.0: whether flow-mods hold a table number (NXT_FLOW_MOD_TABLE_ID). */
  setTableIdInCommand(isOn: boolean): void;
}
