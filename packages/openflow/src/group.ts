/** Groups: lists of actions ("buckets") that many flows share, and how one or all of them are chosen. */
import type { FieldSpec } from "@tenet/net";
import type { Action } from "./action.ts";

/** `all`: every bucket; `select`: one, by a hash; `indirect`: the only one; `fastFailover`: the first that is live. */
export type GroupType = "all" | "select" | "indirect" | "fastFailover";

/** Group types in the order of their numbers. */
export const GROUP_TYPES: readonly GroupType[] = ["all", "select", "indirect", "fastFailover"];

/** Reserved group numbers, and the highest that a group may have. */
export const GROUP: { readonly MAX: 0xffffff00; readonly ALL: 0xfffffffc; readonly ANY: 0xffffffff } = {
  MAX: 0xffffff00,
  ALL: 0xfffffffc,
  ANY: 0xffffffff,
};

/** Reserved bucket numbers, and the highest that a bucket may have. */
export const BUCKET: {
  readonly MAX: 0xffffff00;
  readonly FIRST: 0xfffffffd;
  readonly LAST: 0xfffffffe;
  readonly ALL: 0xffffffff;
} = { MAX: 0xffffff00, FIRST: 0xfffffffd, LAST: 0xfffffffe, ALL: 0xffffffff };

/** One list of actions of a group. */
export interface Bucket {
  /** Number within the group; where the wire has none (before OpenFlow 1.5), the position. */
  readonly id: number;
  /** Share of packets in a `select` group; 0 = none. */
  readonly weight: number;
  /** The bucket is live while this port is; absent = no port. */
  readonly watchPort?: number;
  /** The bucket is live while this group has a live bucket; absent = no group. */
  readonly watchGroup?: number;
  readonly actions: readonly Action[];
}

/** Bits that a `select` group hashes; `mask` holds `field.nWords` words as they lie in a FlowKey. */
export interface SelectionField {
  readonly field: FieldSpec;
  readonly mask: Uint32Array;
}

/** How a `select` group chooses; Netronome's extension, which Open vSwitch speaks. */
export interface SelectionMethod {
  readonly method: "hash" | "dp_hash";
  /** Seed of the hash. */
  readonly parameter: bigint;
  /** Fields to hash, in the order of `MATCH_FIELDS`; without any the switch decides. */
  readonly fields: readonly SelectionField[];
}

/** A group. */
export interface GroupSpec {
  readonly id: number;
  readonly groupType: GroupType;
  readonly buckets: readonly Bucket[];
  /** Of a `select` group; absent = the switch decides. */
  readonly selection?: SelectionMethod;
}

/** What a group-mod does; `addOrModify` is Open vSwitch's extension. */
export type GroupModCommand = "add" | "modify" | "addOrModify" | "delete" | "insertBucket" | "removeBucket";

/** A change of the group table. */
export interface GroupMod {
  readonly type: "groupMod";
  readonly command: GroupModCommand;
  /** For `delete` only `id` counts ({@link GROUP}.ALL = every group); for `removeBucket` there are no buckets. */
  readonly group: GroupSpec;
  /** Of `insertBucket` (insert after it) and `removeBucket`: a bucket, or one of {@link BUCKET}. */
  readonly bucketId?: number;
}

/** Packets and bytes of a bucket or group. */
export interface BucketCounters {
  readonly nPackets: bigint;
  readonly nBytes: bigint;
}

/** Counters of one group. */
export interface GroupStats extends BucketCounters {
  readonly id: number;
  /** Flows that refer to the group. */
  readonly nReferences: number;
  /** Seconds since it was added, with fraction; OpenFlow 1.1 and 1.2 do not tell. */
  readonly durationSec?: number;
  readonly buckets: readonly BucketCounters[];
}

/** What the switch's groups can do. */
export interface GroupFeatures {
  /** Bit N: type N of {@link GROUP_TYPES}. */
  readonly types: number;
  /** Bits: 1 weights of select, 2 liveness of select, 4 chaining, 8 refusal of loops. */
  readonly capabilities: number;
  /** By type, as in {@link GROUP_TYPES}. */
  readonly maxGroups: readonly [number, number, number, number];
  /** Bits of action numbers, by type. */
  readonly actions: readonly [number, number, number, number];
}
