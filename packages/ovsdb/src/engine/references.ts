/**
 * Keeps the counts of strong references and the reverse map of weak ones while rows change.
 *
 * Only the difference between the old and the new value of a reference column is looked at, so a
 * set of ten thousand ports costs a merge, and a row whose reference columns stay costs nothing.
 */
import { compareAtoms } from "../model/atom.ts";
import { type Datum, isMap, isSet, keysOf, sizeOf } from "../model/datum.ts";
import { symmetricDifference } from "../model/difference.ts";
import { datumOf, type Row } from "../model/row.ts";
import type { BaseType, ColumnSchema } from "../model/schema.ts";
import type { TableState } from "./table-state.ts";

/** Finds a table's state by name. */
export type Tables = ReadonlyMap<string, TableState>;

/** A reference column gained or lost a reference. */
export interface ReferenceStep {
  readonly column: ColumnSchema;
  readonly target: TableState;
  readonly uuid: string;
  readonly step: 1 | -1;
}

/**
 * Moves the reference counts from one version of a row to the next.
 *
 * @param onStrong - is told of every strong reference gained or lost, after the count moved;
 *   references of a row to itself do not count
 */
export function moveReferences(
  tables: Tables,
  table: TableState,
  uuid: string,
  old: Row | undefined,
  row: Row | undefined,
  onStrong?: (step: ReferenceStep) => void,
): void {
  for (const column of table.schema.strongColumns) {
    if (isUntouched(column, old, row)) continue;
    for (const step of stepsOf(tables, column, old, row, false)) {
      if (step.uuid === uuid && step.target === table) continue;
      addCount(step.target.strongCounts, step.uuid, step.step);
      onStrong?.(step);
    }
  }
  for (const column of table.schema.weakColumns) {
    if (isUntouched(column, old, row)) continue;
    const source = `${table.schema.name}/${uuid}`;
    for (const step of stepsOf(tables, column, old, row, true)) moveWeakSource(step, source);
  }
}

/** Most rows that come, go or change have nothing in most of their reference columns. */
function isUntouched(column: ColumnSchema, old: Row | undefined, row: Row | undefined): boolean {
  const before = old === undefined ? column.defaultDatum : datumOf(old, column);
  const after = row === undefined ? column.defaultDatum : datumOf(row, column);
  return before === after && (old !== undefined && row !== undefined ? true : sizeOf(before) === 0);
}

function moveWeakSource({ target, uuid, step }: ReferenceStep, source: string): void {
  const sources = target.weakSources.get(uuid) ?? new Map<string, number>();
  addCount(sources, source, step);
  if (sources.size === 0) target.weakSources.delete(uuid);
  else target.weakSources.set(uuid, sources);
}

function addCount(counts: Map<string, number>, key: string, step: number): void {
  const count = (counts.get(key) ?? 0) + step;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function* stepsOf(
  tables: Tables,
  column: ColumnSchema,
  old: Row | undefined,
  row: Row | undefined,
  isWeak: boolean,
): Generator<ReferenceStep> {
  const before = old === undefined ? undefined : datumOf(old, column);
  const after = row === undefined ? undefined : datumOf(row, column);
  if (before === after) return;
  for (const part of ["key", "value"] as const) {
    const base = column.type[part];
    const target = referredTable(tables, base, isWeak);
    if (target === undefined) continue;
    for (const [uuid, step] of stepsBetween(before, after, part)) yield { column, target, uuid, step };
  }
}

/** The table that a base type refers to with the given strength. */
export function referredTable(tables: Tables, base: BaseType | undefined, isWeak: boolean): TableState | undefined {
  if (base?.refTable === undefined || base.isWeak !== isWeak) return undefined;
  return tables.get(base.refTable);
}

/** Sets are sorted, so one walk over both finds what changed; the atoms of maps are counted. */
function stepsBetween(before: Datum | undefined, after: Datum | undefined, part: "key" | "value"): [string, 1 | -1][] {
  if (!isSet(before) || !isSet(after)) return difference(atomsOf(before, part), atomsOf(after, part));
  const steps: [string, 1 | -1][] = [];
  let i = 0;
  for (const atom of symmetricDifference(before, after)) {
    for (let old = before[i]; old !== undefined && compareAtoms(old, atom) < 0; ) old = before[++i];
    if (typeof atom === "string") steps.push([atom, before[i] === atom ? -1 : 1]);
  }
  return steps;
}

function atomsOf(datum: Datum | undefined, part: "key" | "value"): readonly string[] {
  if (datum === undefined) return [];
  const atoms = part === "key" ? keysOf(datum) : isMap(datum) ? [...datum.values()] : [];
  return atoms.filter((atom): atom is string => typeof atom === "string");
}

/** Uuids lost (-1) and gained (+1); the same uuid may occur several times among map values. */
function difference(before: readonly string[], after: readonly string[]): [string, 1 | -1][] {
  if (before.length === 0) return after.map((uuid) => [uuid, 1]);
  if (after.length === 0) return before.map((uuid) => [uuid, -1]);
  const counts = new Map<string, number>();
  for (const uuid of before) addCount(counts, uuid, -1);
  for (const uuid of after) addCount(counts, uuid, 1);
  return [...counts].flatMap(([uuid, n]) => Array.from({ length: Math.abs(n) }, (): [string, 1 | -1] => [uuid, n < 0 ? -1 : 1]));
}
