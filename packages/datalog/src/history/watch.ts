/** Deltas of one relation, or of the rows in it that somebody cares for. */
import type { Delta, RelationDelta } from "../engine/delta.ts";
import type { Engine } from "../engine/engine.ts";
import { compareValues, type Tuple, type Value } from "../value.ts";

/** Which rows: all, those that agree with a pattern (`undefined` and missing columns match anything), or those a function likes. */
export type RowFilter = undefined | readonly (Value | undefined)[] | ((tuple: Tuple) => boolean);

/** How a relation is watched. */
export interface WatchOptions {
  /** Call the listener at once with the rows that are there. */
  readonly hasFirst?: boolean;
}

/**
 * Calls the listener after each commit that changed rows of a relation that pass the filter, with just these; a new program counts.
 *
 * A function as filter must always say the same of a row.
 *
 * @returns ends it
 * @throws RelationError if the program does not have the relation
 */
export function watch(
  engine: Engine,
  relation: string,
  filter: RowFilter,
  listener: (delta: RelationDelta) => void,
  { hasFirst = false }: WatchOptions = {},
): () => void {
  engine.size(relation);
  const passes = passesOf(filter);
  const tell = ({ inserted, deleted }: RelationDelta): void => {
    const seen = { inserted: inserted.filter(passes), deleted: deleted.filter(passes) };
    if (seen.inserted.length > 0 || seen.deleted.length > 0) listener(seen);
  };
  const stop = engine.onDelta((delta: Delta) => {
    const changed = delta.get(relation);
    if (changed !== undefined) tell(changed);
  });
  if (hasFirst) tell({ inserted: Array.isArray(filter) ? engine.match(relation, filter) : engine.rows(relation), deleted: [] });
  return stop;
}

function passesOf(filter: RowFilter): (tuple: Tuple) => boolean {
  if (filter === undefined) return () => true;
  if (typeof filter === "function") return filter;
  return (tuple) => filter.every((value, i) => value === undefined || compareValues(value, tuple[i] ?? null) === 0);
}
