/** Notices that a flow went away, in the layouts of each version. */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import type { FlowSpec } from "../flow-spec.ts";
import type { FlowRemovedReason, Message } from "../message.ts";
import { encodeOxs, readOxs } from "./oxs.ts";
import { isOf10Match, readOf10Match, writeOf10Match } from "./of10-match.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { decodeFields, encodeNxm, readMatch, writeMatch } from "./oxm.ts";
import { splitSeconds } from "../split-seconds.ts";

/** The message. */
export type FlowRemoved = Extract<Message, { type: "flowRemoved" }>;

/** Reasons in the order of their numbers. */
export const REASONS: readonly FlowRemovedReason[] = ["idle", "hard", "delete", "group", "meter", "eviction"];

/** ofp_flow_removed, OpenFlow 1.3.5 section 7.4.2; the match follows. */
const removed13 = defineStruct({
  cookie: "u64",
  priority: "u16",
  reason: "u8",
  table: "u8",
  seconds: "u32",
  nanoseconds: "u32",
  idleTimeout: "u16",
  hardTimeout: "u16",
  nPackets: "u64",
  nBytes: "u64",
});

/** ofp_flow_removed, OpenFlow 1.5.1 section 7.4.2; match and statistics follow. */
const removed15 = defineStruct({
  table: "u8",
  reason: "u8",
  priority: "u16",
  idleTimeout: "u16",
  hardTimeout: "u16",
  cookie: "u64",
});

/** ofp_flow_removed, OpenFlow 1.0.0 section 5.4.3, after the match. */
const removed10 = defineStruct({
  cookie: "u64",
  priority: "u16",
  reason: "u8",
  pad1: "pad:1",
  seconds: "u32",
  nanoseconds: "u32",
  idleTimeout: "u16",
  pad2: "pad:2",
  nPackets: "u64",
  nBytes: "u64",
});

/** nx_flow_removed, after the experimenter header; `table` is one more than the table's number, 0 = unknown. */
const removedNx = defineStruct({
  cookie: "u64",
  priority: "u16",
  reason: "u8",
  table: "u8",
  seconds: "u32",
  nanoseconds: "u32",
  idleTimeout: "u16",
  matchLength: "u16",
  nPackets: "u64",
  nBytes: "u64",
});

/** Whether OpenFlow 1.0 needs Nicira's form for this one. */
export function needsNiciraFlowRemoved({ flow }: FlowRemoved): boolean {
  return !isOf10Match(flow.match) || flow.table !== 0;
}

/** The body after the message header (and after the experimenter header of Nicira's form). */
export function encodeFlowRemoved(removed: FlowRemoved, version: number): Uint8Array {
  const writer = new ByteWriter();
  const { flow, nPackets, nBytes } = removed;
  const [seconds, nanoseconds] = splitSeconds(removed.durationSec);
  const { cookie, priority, table, idleTimeout, hardTimeout } = flow;
  const reason = REASONS.indexOf(removed.reason);
  const fixed = { cookie, priority, reason, table, seconds, nanoseconds, idleTimeout, hardTimeout, nPackets, nBytes };
  if (version >= 6) {
    writer.struct(removed15, fixed);
    writeMatch(writer, flow.match, version);
    return writer.bytes(encodeOxs(removed)).toBytes();
  }
  if (version > 1) {
    writer.struct(removed13, fixed);
    writeMatch(writer, flow.match, version);
  } else if (needsNiciraFlowRemoved(removed)) {
    const fields = encodeNxm(flow.match);
    writer.struct(removedNx, { matchLength: fields.length, ...fixed, table: table + 1 }).bytes(fields);
    writer.align(8);
  } else {
    writeOf10Match(writer, flow.match);
    writer.struct(removed10, fixed);
  }
  return writer.toBytes();
}

/** Reads the body of the standard form. @throws OpenFlowError, TruncatedError */
export function decodeFlowRemoved(reader: ByteReader, version: number): FlowRemoved {
  if (version === 1) {
    const match = readOf10Match(reader);
    const fixed = reader.struct(removed10);
    return finish({ ...fixed, table: 0, hardTimeout: 0 }, match, durationOf(fixed));
  }
  if (version < 6) {
    const fixed = reader.struct(removed13);
    return finish(fixed, readMatch(reader), durationOf(fixed));
  }
  const fixed = reader.struct(removed15);
  const match = readMatch(reader);
  const { durationSec, nPackets, nBytes } = readOxs(reader);
  return finish({ ...fixed, nPackets, nBytes }, match, durationSec);
}

/** Reads the body of Nicira's form. @throws OpenFlowError, TruncatedError */
export function decodeNiciraFlowRemoved(reader: ByteReader): FlowRemoved {
  const fixed = reader.struct(removedNx);
  const { match } = decodeFields(reader.sub(fixed.matchLength));
  reader.skip((8 - (fixed.matchLength % 8)) % 8);
  return finish({ ...fixed, table: Math.max(0, fixed.table - 1), hardTimeout: 0 }, match, durationOf(fixed));
}

interface Fixed {
  readonly cookie: bigint;
  readonly priority: number;
  readonly reason: number;
  readonly table: number;
  readonly idleTimeout: number;
  readonly hardTimeout: number;
  readonly nPackets: bigint;
  readonly nBytes: bigint;
}

function finish(fixed: Fixed, match: FlowSpec["match"], durationSec: number): FlowRemoved {
  const reason = REASONS[fixed.reason];
  if (reason === undefined) throw new OpenFlowError("OFPBRC_BAD_TYPE", `Flow removal reason ${fixed.reason} is not known`);
  const { table, priority, cookie, idleTimeout, hardTimeout, nPackets, nBytes } = fixed;
  const flow = { table, priority, cookie, match, actions: [], idleTimeout, hardTimeout, flags: 0, importance: 0 };
  return { type: "flowRemoved", flow, reason, durationSec, nPackets, nBytes };
}

function durationOf(fixed: { readonly seconds: number; readonly nanoseconds: number }): number {
  return fixed.seconds + fixed.nanoseconds / 1e9;
}
