/**
 * The groups of one bridge and what group-mods do to them.
 *
 * A change says how to undo it, so that it can be part of a bundle. Groups may refer to groups that are not there
 * and to themselves: translation drops the packet there, or when it has gone too deep.
 *
 * @see OpenFlow 1.5.1, sections 6.7 and 7.3.4.3
 */
import type { Clock } from "@tenet/kit";
import { type Bucket, BUCKET, GROUP, type GroupMod, type GroupSpec } from "@tenet/openflow";
import { StagedMap } from "../staged-map.ts";
import { RefusedError } from "../table/refused-error.ts";
import type { Work } from "../turns.ts";
import { Group } from "./group.ts";

/** What a change did. */
export interface GroupChangeOutcome {
  /** Numbers of the groups that came, changed or went. */
  readonly touched: readonly number[];
  /** Numbers of those that went: the flows that refer to them go too. */
  readonly deleted: readonly number[];
  readonly undo: () => void;
}

/** Groups by number. */
export class GroupTable {
  readonly #clock: Clock;
  readonly #groupById = new StagedMap<Group>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The group as packets see it. */
  get(id: number): Group | undefined {
    return this.#groupById.get(id);
  }

  /** Whether a group is there after all changes so far. */
  has(id: number): boolean {
    return this.#groupById.latest(id) !== undefined;
  }

  /** One group, or with {@link GROUP}.ALL every group by number, after all changes so far, of those that are there when their turn comes. */
  select(id: number): Iterable<Group> {
    if (id === GROUP.ALL) return this.#groupById.values();
    const group = this.#groupById.latest(id);
    return group === undefined ? [] : [group];
  }

  /** The numbers of the groups that a deletion is about, in their order. */
  numbersOf(id: number): Iterable<number> {
    return id === GROUP.ALL ? this.#groupById.numbers() : [id];
  }

  /** Hides from packets what changes from now on. */
  stage(): void {
    this.#groupById.stage();
  }

  /** Shows packets what changed since {@link stage}, at once. */
  publish(): void {
    this.#groupById.publish();
  }

  /** Ends what {@link stage} began. */
  clean(): Work {
    return this.#groupById.clean();
  }

  /** Carries out a group-mod about one group. @throws RefusedError, and then nothing has changed */
  apply({ command, group, bucketId = BUCKET.ALL }: GroupMod): GroupChangeOutcome {
    if (command === "delete") return this.#delete(group.id);
    const old = this.#groupById.latest(group.id);
    switch (command) {
      case "add":
        if (old !== undefined) throw new RefusedError("OFPGMFC_GROUP_EXISTS", `there is a group ${group.id}`);
        return this.#put(group, undefined);
      case "addOrModify":
        return this.#put(group, old);
      case "modify":
        return this.#put(group, this.#existing(group.id));
      case "insertBucket": {
        const existing = this.#existing(group.id);
        const buckets = insertBuckets(existing.spec.buckets, group.buckets, bucketId);
        return this.#put({ ...existing.spec, buckets }, existing);
      }
      case "removeBucket": {
        const existing = this.#existing(group.id);
        return this.#put({ ...existing.spec, buckets: removeBucket(existing.spec.buckets, bucketId) }, existing);
      }
    }
  }

  #existing(id: number): Group {
    const group = this.#groupById.latest(id);
    if (group === undefined) throw new RefusedError("OFPGMFC_UNKNOWN_GROUP", `there is no group ${id}`);
    return group;
  }

  #put(spec: GroupSpec, old: Group | undefined): GroupChangeOutcome {
    this.#groupById.set(spec.id, new Group(spec, old?.createdMs ?? this.#clock.monotonicMs()));
    const undo = (): void => this.#groupById.set(spec.id, old);
    return { touched: [spec.id], deleted: [], undo };
  }

  #delete(id: number): GroupChangeOutcome {
    const old = this.#groupById.latest(id);
    if (old === undefined) return { touched: [], deleted: [], undo: () => undefined };
    this.#groupById.set(id, undefined);
    return { touched: [id], deleted: [id], undo: () => this.#groupById.set(id, old) };
  }
}

function insertBuckets(buckets: readonly Bucket[], added: readonly Bucket[], after: number): Bucket[] {
  const ids = new Set(buckets.map(({ id }) => id));
  for (const { id } of added) {
    if (ids.has(id)) throw new RefusedError("OFPGMFC_BUCKET_EXISTS", `there is a bucket ${id}`);
  }
  if (after === BUCKET.FIRST) return [...added, ...buckets];
  if (after === BUCKET.LAST) return [...buckets, ...added];
  return buckets.toSpliced(positionOf(buckets, after) + 1, 0, ...added);
}

function removeBucket(buckets: readonly Bucket[], id: number): Bucket[] {
  if (id === BUCKET.ALL) return [];
  if (id === BUCKET.FIRST) return buckets.slice(1);
  if (id === BUCKET.LAST) return buckets.slice(0, -1);
  return buckets.toSpliced(positionOf(buckets, id), 1);
}

function positionOf(buckets: readonly Bucket[], id: number): number {
  const position = buckets.findIndex((bucket) => bucket.id === id);
  if (position < 0) throw new RefusedError("OFPGMFC_UNKNOWN_BUCKET", `there is no bucket ${id}`);
  return position;
}
