/** Replies to requests about groups. */
import type { Clock } from "@tenet/kit";
import { GROUP, type GroupStats, type MultipartReply, type MultipartRequest, type Version, VERSION } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { Group } from "../group/group.ts";
import { eachInPart } from "./reply-parts.ts";

type GroupRequest = Extract<MultipartRequest, { kind: "group" | "groupDesc" | "groupFeatures" }>;

/** All four types. */
const TYPES = 0xf;
/** Weights and liveness of select groups, and groups in groups. */
const CAPABILITIES = 0x7;
/** Bits of the actions that buckets may hold, by the numbers of OpenFlow 1.0. */
const OF10_ACTIONS = 0xfff;
/** The same by the numbers of OpenFlow 1.2 and later: output, TTLs, tags, MPLS, queue, group, set-field. */
const ACTIONS = 0x03ff_8001;
/** By the numbers of OpenFlow 1.1, which has an action for each field. */
const OF11_ACTIONS = 0x01ff_e7ff;

/** The parts of the reply; statistics have been read from the datapath before. */
export function* groupReplies(
  request: GroupRequest,
  bridge: Bridge,
  version: Version,
  clock: Clock,
): Generator<MultipartReply, void, undefined> {
  const { pipeline } = bridge;
  switch (request.kind) {
    case "group": {
      const nowMs = clock.monotonicMs();
      return yield* eachInPart(pipeline.groups.select(request.group), (groups) => ({
        kind: "group",
        groups: groups.map((group) => statsOf(group, pipeline.referencesToGroup(group.spec.id), nowMs)),
      }));
    }
    case "groupDesc":
      return yield* eachInPart(pipeline.groups.select(request.group), (groups) => ({
        kind: "groupDesc",
        groups: groups.map(({ spec }) => spec),
      }));
    case "groupFeatures": {
      const bits = version === VERSION.OF10 ? OF10_ACTIONS : version === VERSION.OF11 ? OF11_ACTIONS : ACTIONS;
      return yield {
        kind: "groupFeatures",
        features: {
          types: TYPES,
          capabilities: CAPABILITIES,
          maxGroups: [GROUP.MAX, GROUP.MAX, GROUP.MAX, GROUP.MAX],
          actions: [bits, bits, bits, bits],
        },
      };
    }
  }
}

function statsOf({ spec, buckets, nPackets, nBytes, createdMs }: Group, nReferences: number, nowMs: number): GroupStats {
  return {
    id: spec.id,
    nReferences,
    durationSec: Math.floor(nowMs - createdMs) / 1000,
    nPackets: BigInt(nPackets),
    nBytes: BigInt(nBytes),
    buckets: buckets.map((bucket) => ({ nPackets: BigInt(bucket.nPackets), nBytes: BigInt(bucket.nBytes) })),
  };
}
