/** Counters of groups, and what groups can do. */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import type { GroupFeatures, GroupStats } from "../group.ts";
import { VERSION } from "../message.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { splitSeconds } from "../split-seconds.ts";

/** ofp_group_stats, OpenFlow 1.3.5 section 7.3.5.6; its duration and counters of each bucket follow. */
const groupStats = defineStruct({
  length: "u16",
  pad1: "pad:2",
  id: "u32",
  nReferences: "u32",
  pad2: "pad:4",
  nPackets: "u64",
  nBytes: "u64",
});
/** How long it has been there; not in OpenFlow 1.1 and 1.2. */
const duration = defineStruct({ seconds: "u32", nanoseconds: "u32" });
const bucketStats = defineStruct({ nPackets: "u64", nBytes: "u64" });

/** One entry of a reply. */
export function encodeGroupStats(stats: GroupStats, version: number): Uint8Array {
  const length = headSize(version) + stats.buckets.length * bucketStats.size;
  const writer = new ByteWriter(length).struct(groupStats, { ...stats, length });
  if (hasDuration(version)) {
    const [seconds, nanoseconds] = splitSeconds(stats.durationSec ?? 0);
    writer.struct(duration, { seconds, nanoseconds });
  }
  for (const bucket of stats.buckets) writer.struct(bucketStats, bucket);
  return writer.toBytes();
}

/** Reads one entry of a reply. @throws OpenFlowError, TruncatedError */
export function readGroupStats(reader: ByteReader, version: number): GroupStats {
  const { at } = reader;
  const length = reader.peekU16();
  if (length < headSize(version) || (length - headSize(version)) % bucketStats.size !== 0) {
    throw new OpenFlowError("OFPBRC_BAD_LEN", `Counters of a group cannot have ${length} bytes`, { details: { at } });
  }
  const body = reader.sub(length);
  const { id, nReferences, nPackets, nBytes } = body.struct(groupStats);
  const age = hasDuration(version) ? body.struct(duration) : undefined;
  const buckets = [];
  while (body.remaining > 0) buckets.push(body.struct(bucketStats));
  const durationSec = age === undefined ? {} : { durationSec: age.seconds + age.nanoseconds / 1e9 };
  return { id, nReferences, ...durationSec, nPackets, nBytes, buckets };
}

function hasDuration(version: number): boolean {
  return version === VERSION.OF10 || version >= VERSION.OF13;
}

function headSize(version: number): number {
  return groupStats.size + (hasDuration(version) ? duration.size : 0);
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
