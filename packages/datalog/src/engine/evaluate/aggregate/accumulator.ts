/** What one kind of aggregate does with the rows of its groups. */
import type { CoreAggregate } from "../../../check/core.ts";
import type { Value } from "../../../value.ts";
import type { Interner } from "../../rows/interner.ts";
import type { RowStore } from "../../rows/row-store.ts";

/** Follows the groups' rows. Groups are numbers; a number may go to another group once its own was forgotten. */
export interface Accumulator {
  /** Told of a group before its first change in an evaluation. */
  open?(group: number): void;
  /**
   * A row of the group came (`1`) or went (`-1`); those that went are told first.
   *
   * @param before - the id of the group's value before this evaluation, or NONE
   */
  change(group: number, row: number, weight: 1 | -1, before: number): void;
  /**
   * The id of the group's value once all its changes are told, or NONE.
   *
   * @param before - the value before them
   * @param nRows - rows of the group; 0 only if there were some before
   */
  valueOf(group: number, before: number, nRows: number): number;
  /** The evaluation is over: hands out the way back. */
  finish?(): (() => void) | undefined;
  /** An evaluation failed, maybe while groups were open: everything is as before it. */
  abandon?(): void;
  /** A group without rows is forgotten. */
  forget?(group: number): void;
  /** The groups are those of a file: makes what is kept of them from their rows. */
  reload?(): void;
  /** A group has a lower number now. */
  move?(from: number, to: number): void;
}

/** The rows that an aggregate is over. */
export interface AggregateBody {
  readonly aggregate: CoreAggregate;
  readonly body: RowStore;
  readonly interner: Interner;
  /** The rows of a group that are alive. */
  rowsOf(group: number): Int32Array;
  /** The group of a row; the row may be gone, as long as its number is not given to another. */
  groupOf(row: number): number;
}

/** The id of the value of a row; of several columns it is a list. */
export function valueIdOf({ aggregate, body, interner }: AggregateBody, row: number): number {
  const { nGroup, nParts } = aggregate;
  const base = row * body.stride + nGroup;
  if (nParts === undefined) return body.data[base] as number;
  const parts: Value[] = [];
  for (let i = base; i < base + nParts; i++) parts.push(interner.valueOf(body.data[i] as number));
  return interner.idOf(parts);
}
