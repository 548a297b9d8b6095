/**
 * Which buckets of a group a packet runs through.
 *
 * `select` by `hash` scores each live bucket with a hash of the packet and of the bucket's number, times its weight, and
 * takes the highest: when a bucket goes, only its own packets move (rendezvous hashing). The fields that are hashed are
 * read, so a megaflow is of one bucket. `select` by `dp_hash`, which is what a group without a method does, has the datapath
 * hash the packet and look it up again; the few bits of the hash that a table of buckets needs are in the megaflow.
 *
 * @see Thaler and Ravishankar, "A name-based mapping scheme for rendezvous", 1996
 */
import { FIELDS, getField, hashTwo } from "@tenet/net";
import type { GroupSpec } from "@tenet/openflow";
import { hashPacket, hashSelection } from "../translate/packet/flow-hash.ts";
import type { PacketState } from "../translate/packet/packet-state.ts";
import type { Group, RunningBucket } from "./group.ts";

/** What decides whether a bucket is live. */
export interface Liveness {
  isPortLive(port: number): boolean;
  group(id: number): Group | undefined;
  /** For traces: why a bucket was not taken, and which was. */
  note(text: string): void;
}

/** How deep groups that watch groups are followed. */
const MAX_WATCH_DEPTH = 64;
const WEIGHT_UNIT = 0x1_0000;

/** Whether the datapath has to hash the packet before a bucket can be chosen. */
export function needsHash({ hashTable }: Group, packet: PacketState): boolean {
  return hashTable !== undefined && getField(packet.flow, FIELDS.dp_hash) === 0;
}

/** The buckets to run, in order. */
export function chooseBuckets(group: Group, packet: PacketState, liveness: Liveness): readonly RunningBucket[] {
  const { groupType } = group.spec;
  if (groupType === "all" || groupType === "indirect") return group.buckets;
  const chosen = groupType === "select" ? selectBucket(group, packet, liveness) : firstLive(group, liveness);
  const bucket = group.buckets[chosen];
  liveness.note(bucket === undefined ? NO_BUCKET : `using bucket ${bucket.spec.id}`);
  return bucket === undefined ? [] : [bucket];
}

/** What a trace says when there is no bucket to choose. */
export const NO_BUCKET = "no live bucket";

function firstLive({ buckets }: Group, liveness: Liveness): number {
  return buckets.findIndex((bucket) => isLive(bucket, liveness, 0));
}

function selectBucket(group: Group, packet: PacketState, liveness: Liveness): number {
  const { hashTable, buckets } = group;
  const isAlive = (bucket: RunningBucket): boolean => bucket.spec.weight > 0 && isLive(bucket, liveness, 0);
  if (hashTable === undefined) return bestBucket(group, packet, isAlive, liveness);
  const ones = hashTable.length - 1;
  packet.need(FIELDS.dp_hash, ones);
  const hash = getField(packet.flow, FIELDS.dp_hash);
  const entry = hashTable.findIndex((_, i) => {
    const bucket = buckets[hashTable[(hash + i) & ones] ?? -1];
    return bucket !== undefined && isAlive(bucket);
  });
  return entry < 0 ? -1 : (hashTable[(hash + entry) & ones] ?? -1);
}

function bestBucket(
  { buckets, spec }: Group,
  packet: PacketState,
  isAlive: (bucket: RunningBucket) => boolean,
  liveness: Liveness,
): number {
  const hash = hashOf(spec, packet);
  let best = -1;
  let bestScore = -1;
  for (const [i, bucket] of buckets.entries()) {
    if (!isAlive(bucket)) continue;
    const { id, weight } = bucket.spec;
    const score = (hashTwo(id, hash) % WEIGHT_UNIT) * weight;
    liveness.note(`bucket ${id}: score ${score}`);
    if (score < bestScore) continue;
    bestScore = score;
    best = i;
  }
  return best;
}

/** Without fields, both directions of a connection have one hash. */
function hashOf({ selection }: GroupSpec, packet: PacketState): number {
  const { fields = [], parameter = 0n } = selection ?? {};
  return fields.length === 0 ? hashPacket(packet, "symmetric_l4", 0) : hashSelection(packet, fields, parameter);
}

/** A bucket that watches nothing is live; else its port or its group must be. */
function isLive({ spec }: RunningBucket, liveness: Liveness, depth: number): boolean {
  const { watchPort, watchGroup } = spec;
  if (watchPort === undefined && watchGroup === undefined) return true;
  if (watchPort !== undefined && liveness.isPortLive(watchPort)) return true;
  if (watchPort !== undefined) liveness.note(`bucket ${spec.id}: not live due to port ${watchPort}`);
  if (watchGroup === undefined) return false;
  const group = depth < MAX_WATCH_DEPTH ? liveness.group(watchGroup) : undefined;
  if (group?.buckets.some((bucket) => isLive(bucket, liveness, depth + 1)) === true) return true;
  liveness.note(`bucket ${spec.id}: not live due to group ${watchGroup}`);
  return false;
}
