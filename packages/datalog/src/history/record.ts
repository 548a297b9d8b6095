/**
 * What the records of a history say.
 *
 * A unit is any number of parts (`+` rows put in, `-` rows taken out) and the record that closes it: `c` a commit, `k` a checkpoint.
 * A small commit is one record; large ones and checkpoints go in parts, so that no record is large. A unit without its closing
 * record never happened.
 */
import type { Delta } from "../engine/delta.ts";
import type { SourceText } from "../language/ast.ts";
import type { Tuple } from "../value.ts";
import { type FramedRecord, frame } from "./framing.ts";
import { fromJson, toJson, type ValueJson } from "./value-json.ts";

/** Who changed something and why, kept with the version. */
export interface Note {
  readonly who?: string;
  readonly why?: string;
}

/** The record that closes a unit. */
export interface Closing {
  readonly version: number;
  /** Milliseconds since 1970; never less than that of an earlier version. */
  readonly timeMs: number;
  readonly note?: Note;
  /** Inputs that the program does not have any more: all their rows are gone. */
  readonly dropped?: readonly string[];
  /** The rules in force from here on: `null` if they are not known, absent if they are as before. A checkpoint always has them. */
  readonly sources?: readonly SourceText[] | null;
}

/** Rows of one relation in a unit. */
export interface Part {
  readonly relation: string;
  readonly weight: 1 | -1;
  readonly tuples: readonly Tuple[];
}

/** Kinds of closing records. */
export const CLOSING = "ck";
const ROWS_PER_PART = 2000;

/** A commit as records. */
export function* commitRecords(delta: Delta, closing: Closing): Generator<Buffer> {
  const small: [string, readonly Tuple[], readonly Tuple[]][] = [];
  for (const [relation, { inserted, deleted }] of delta) {
    if (inserted.length + deleted.length <= ROWS_PER_PART) small.push([relation, inserted, deleted]);
    else {
      yield* partRecords({ relation, weight: -1, tuples: deleted });
      yield* partRecords({ relation, weight: 1, tuples: inserted });
    }
  }
  const changes = small.map(([relation, inserted, deleted]) => [relation, inserted.map(toJson), deleted.map(toJson)]);
  yield frame("c", JSON.stringify({ ...closing, changes }));
}

/** A checkpoint as records; inputs are read one after another. */
export function* checkpointRecords(inputs: Iterable<readonly [string, readonly Tuple[]]>, closing: Closing): Generator<Buffer> {
  for (const [relation, tuples] of inputs) yield* partRecords({ relation, weight: 1, tuples });
  yield frame("k", JSON.stringify(closing));
}

function* partRecords({ relation, weight, tuples }: Part): Generator<Buffer> {
  for (let i = 0; i < tuples.length; i += ROWS_PER_PART) {
    yield frame(weight > 0 ? "+" : "-", JSON.stringify([relation, tuples.slice(i, i + ROWS_PER_PART).map(toJson)]));
  }
}

/** What a part holds. */
export function readPart({ kind, payload }: FramedRecord): Part {
  const [relation, tuples] = JSON.parse(payload.toString()) as [string, ValueJson[][]];
  return { relation, weight: kind === "+" ? 1 : -1, tuples: tuples.map(fromJson) };
}

/** What a closing record holds besides its own fields: rows of a small commit. */
export function readClosing({ payload }: FramedRecord): { closing: Closing; parts: Part[] } {
  const { changes = [], ...closing } = JSON.parse(payload.toString()) as Closing & {
    changes?: [string, ValueJson[][], ValueJson[][]][];
  };
  const parts = changes.flatMap(([relation, inserted, deleted]): Part[] => [
    { relation, weight: -1, tuples: deleted.map(fromJson) },
    { relation, weight: 1, tuples: inserted.map(fromJson) },
  ]);
  return { closing, parts };
}
