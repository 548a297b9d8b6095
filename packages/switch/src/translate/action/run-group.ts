/** `group`: runs the buckets that are for the packet, each on the packet as it is now. */
import { chooseBuckets, needsHash, NO_BUCKET } from "../../group/choose-buckets.ts";
import { freeze } from "../freeze.ts";
import type { Walk } from "../walk.ts";
import { livenessOf } from "./liveness.ts";

/** Runs a group of the bridge in hand. */
export function runGroup(walk: Walk, id: number): void {
  const { bridge, packet, effects, observer } = walk;
  if (walk.isTooDeep()) return;
  const group = bridge.pipeline.groups.get(id);
  if (group !== undefined && needsHash(group, packet)) {
    observer?.note(NO_BUCKET);
    effects.push({ type: "group", bridge, id, group: undefined, buckets: [] });
    return freeze(walk, { frames: [], hashBasis: Number((group.spec.selection?.parameter ?? 0n) & 0xffff_ffffn) });
  }
  const buckets = group === undefined ? [] : chooseBuckets(group, packet, livenessOf(walk));
  effects.push({ type: "group", bridge, id, group, buckets });
  if (group === undefined) return observer?.warning(`output to nonexistent group ${id}`);
  const { isInBucket } = walk;
  walk.isInBucket = true;
  walk.deepen(() => {
    for (const bucket of buckets) {
      observer?.enterBucket(bucket.spec.id);
      walk.apart(() => walk.execute(bucket.actions));
      observer?.leaveBucket();
    }
  });
  walk.isInBucket = isInBucket;
}
