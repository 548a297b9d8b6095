/**
 * Which buckets of a group a packet runs through.
 *
 * `select` scores each live bucket with a hash of the packet and of the bucket's number, times its weight, and takes
 * the highest: when a bucket goes, only its own packets move (rendezvous hashing). The fields that are hashed are
 * read, so a megaflow is of one bucket. `dp_hash` asks for a hash by the datapath, which has none yet: it is
 * answered by the same hash as `hash` without fields.
 *
 * @see Thaler and Ravishankar, "A name-based mapping scheme for rendezvous", 1996
 */
import type { GroupSpec } from "@tenet/openflow";
import { hashPacket, hashSelection } from "../translate/flow-hash.ts";
import { hashTwo } from "../translate/hash-functions.ts";
import type { PacketState } from "../translate/packet-state.ts";
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

/** The buckets to run, in order. */
export function chooseBuckets(group: Group, packet: PacketState, liveness: Liveness): readonly RunningBucket[] {
  const { groupType } = group.spec;
  if (groupType === "all" || groupType === "indirect") return group.buckets;
  const chosen =
    groupType === "select"
      ? selectBucket(group, packet, liveness)
      : group.buckets.findIndex((bucket, i) => isLive(bucket, i, liveness, 0));
  const bucket = group.buckets[chosen];
  liveness.note(bucket === undefined ? "no live bucket" : `using bucket ${chosen}`);
  return bucket === undefined ? [] : [bucket];
}

function selectBucket(group: Group, packet: PacketState, liveness: Liveness): number {
  const { buckets, spec } = group;
  const live = buckets.map((bucket, i) => isLive(bucket, i, liveness, 0) && bucket.spec.weight > 0);
  if (!live.includes(true)) return -1;
  const hash = hashOf(spec, packet);
  let best = -1;
  let bestScore = -1;
  for (const [i, { spec: bucket }] of buckets.entries()) {
    if (live[i] !== true) continue;
    const score = (hashTwo(bucket.id, hash) % WEIGHT_UNIT) * bucket.weight;
    liveness.note(`bucket ${i}: score ${score}`);
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
function isLive({ spec }: RunningBucket, position: number, liveness: Liveness, depth: number): boolean {
  const { watchPort, watchGroup } = spec;
  if (watchPort === undefined && watchGroup === undefined) return true;
  if (watchPort !== undefined && liveness.isPortLive(watchPort)) return true;
  if (watchPort !== undefined) liveness.note(`bucket ${position}: not live due to port ${watchPort}`);
  if (watchGroup === undefined) return false;
  const group = depth < MAX_WATCH_DEPTH ? liveness.group(watchGroup) : undefined;
  if (group?.buckets.some((bucket, i) => isLive(bucket, i, liveness, depth + 1)) === true) return true;
  liveness.note(`bucket ${position}: not live due to group ${watchGroup}`);
  return false;
}
