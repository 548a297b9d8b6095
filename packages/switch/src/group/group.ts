/** One group of a bridge with its counters. */
import type { Bucket, GroupSpec } from "@tenet/openflow";
import type { Action } from "@tenet/openflow";
import { makeHashTable } from "./hash-table.ts";
import { mergeActionSet, orderedActionSet } from "../translate/action/action-set.ts";

/** A bucket as the pipeline runs it. */
export class RunningBucket {
  readonly spec: Bucket;
  nPackets = 0;
  nBytes = 0;
  #actions: readonly Action[] | undefined;

  constructor(spec: Bucket) {
    this.spec = spec;
  }

  /** The bucket's actions are an action set: in the order of execution, empty when nothing would leave. */
  get actions(): readonly Action[] {
    this.#actions ??= orderedActionSet(mergeActionSet([], this.spec.actions)); // few of many buckets are met by packets
    return this.#actions;
  }
}

/** A group. */
export class Group {
  readonly spec: GroupSpec;
  readonly buckets: readonly RunningBucket[];
  /** Monotonic ms; a change of the group keeps it. */
  readonly createdMs: number;
  /** Positions of buckets by the datapath's hash; `undefined`: the slow path hashes. */
  readonly hashTable: readonly number[] | undefined;
  nPackets = 0;
  nBytes = 0;

  constructor(spec: GroupSpec, createdMs: number) {
    this.spec = spec;
    this.createdMs = createdMs;
    this.hashTable = asksDatapath(spec) ? makeHashTable(spec.buckets) : undefined;
    this.buckets = spec.buckets.map((bucket) => new RunningBucket(bucket));
  }

  /** Counts packets that ran through some of the buckets. */
  count(buckets: readonly RunningBucket[], nPackets: number, nBytes: number): void {
    this.nPackets += nPackets;
    this.nBytes += nBytes;
    for (const bucket of buckets) {
      bucket.nPackets += nPackets;
      bucket.nBytes += nBytes;
    }
  }
}

/** Whether the datapath hashes: as told, and unless told otherwise. */
function asksDatapath({ groupType, selection }: GroupSpec): boolean {
  return groupType === "select" && selection?.method !== "hash";
}
