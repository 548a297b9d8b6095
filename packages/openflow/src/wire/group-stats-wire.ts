/** Counters of groups, and what groups can do. */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import type { GroupFeatures, GroupStats } from "../group.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { splitSeconds } from "../split-seconds.ts";

/** ofp_group_stats, OpenFlow 1.3.5 section 7.3.5.6; counters of each bucket follow. */
const groupStats = defineStruct({
  length: "u16",
  pad1: "pad:2",
  id: "u32",
  nReferences: "u32",
  pad2: "pad:4",
  nPackets: "u64",
  nBytes: "u64",
  seconds: "u32",
  nanoseconds: "u32",
});
const bucketStats = defineStruct({ nPackets: "u64", nBytes: "u64" });

/** One entry of a reply. */
export function encodeGroupStats(stats: GroupStats): Uint8Array {
  const length = groupStats.size + stats.buckets.length * bucketStats.size;
  const [seconds, nanoseconds] = splitSeconds(stats.durationSec);
  const writer = new ByteWriter(length).struct(groupStats, { ...stats, length, seconds, nanoseconds });
  for (const bucket of stats.buckets) writer.struct(bucketStats, bucket);
  return writer.toBytes();
}

/** Reads one entry of a reply. @throws OpenFlowError, TruncatedError */
export function readGroupStats(reader: ByteReader): GroupStats {
  const { at } = reader;
  const length = reader.peekU16();
  if (length < groupStats.size || (length - groupStats.size) % bucketStats.size !== 0) {
    throw new OpenFlowError("OFPBRC_BAD_LEN", `Counters of a group cannot have ${length} bytes`, { details: { at } });
  }
  const body = reader.sub(length);
  const { id, nReferences, nPackets, nBytes, seconds, nanoseconds } = body.struct(groupStats);
  const buckets = [];
  while (body.remaining > 0) buckets.push(body.struct(bucketStats));
  return { id, nReferences, durationSec: seconds + nanoseconds / 1e9, nPackets, nBytes, buckets };
}

/** The reply. */
export function encodeGroupFeatures({ types, capabilities, maxGroups, actions }: GroupFeatures): Uint8Array {
  const writer = new ByteWriter(40).u32(types).u32(capabilities);
  for (const max of maxGroups) writer.u32(max);
  for (const bits of actions) writer.u32(bits);
  return writer.toBytes();
}

/** Reads the reply. @throws TruncatedError */
export function readGroupFeatures(reader: ByteReader): GroupFeatures {
  const four = (): [number, number, number, number] => [reader.u32(), reader.u32(), reader.u32(), reader.u32()];
  return { types: reader.u32(), capabilities: reader.u32(), maxGroups: four(), actions: four() };
}
