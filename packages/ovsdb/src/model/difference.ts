/**
 * The difference between two datums of a column, and its application.
 *
 * For a column of at most one element the difference is the new value; for larger sets the elements in
 * one but not both; for larger maps the pairs to add or replace and the pairs to remove as they are. The
 * log file and the `update2` notification both speak this language.
 *
 * @see ovsdb-server(7), section 4.1.14
 */
import { type Atom, compareAtoms } from "./atom.ts";
import { type Datum, isMap, isSet } from "./datum.ts";
import type { ColumnType } from "./schema.ts";

/** What has to be applied to `from` to get `to`. */
export function diffDatum(type: ColumnType, from: Datum, to: Datum): Datum {
  if (type.max === 1) return to;
  if (isMap(from) && isMap(to)) return diffMaps(from, to);
  if (isSet(from) && isSet(to)) return symmetricDifference(from, to);
  return to;
}

/** Applies a difference made by {@link diffDatum}. */
export function applyDiff(type: ColumnType, from: Datum, diff: Datum): Datum {
  if (type.max === 1) return diff;
  if (isMap(from) && isMap(diff)) return applyMapDiff(from, diff);
  if (isSet(from) && isSet(diff)) return symmetricDifference(from, diff);
  return diff;
}

/** The elements in exactly one of two sorted arrays, sorted. */
export function symmetricDifference(a: readonly Atom[], b: readonly Atom[]): readonly Atom[] {
  const result: Atom[] = [];
  let i = 0;
  let j = 0;
  for (let x = a[i], y = b[j]; x !== undefined || y !== undefined; x = a[i], y = b[j]) {
    const order = x === undefined ? 1 : y === undefined ? -1 : compareAtoms(x, y);
    if (order < 0 && x !== undefined) result.push(x);
    if (order > 0 && y !== undefined) result.push(y);
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  return result;
}

/** The elements of two sorted arrays without common ones, sorted. */
export function mergeSorted(a: readonly Atom[], b: readonly Atom[]): readonly Atom[] {
  const result: Atom[] = [];
  let i = 0;
  for (const y of b) {
    for (let x = a[i]; x !== undefined && compareAtoms(x, y) < 0; x = a[++i]) result.push(x);
    result.push(y);
  }
  for (let x = a[i]; x !== undefined; x = a[++i]) result.push(x);
  return result;
}

function diffMaps(from: ReadonlyMap<Atom, Atom>, to: ReadonlyMap<Atom, Atom>): Datum {
  const pairs: [Atom, Atom][] = [];
  for (const [key, value] of from) if (!to.has(key)) pairs.push([key, value]);
  for (const [key, value] of to) if (from.get(key) !== value) pairs.push([key, value]);
  return sortedMap(pairs);
}

/** A pair equal to one that is there removes it; any other is put. */
function applyMapDiff(from: ReadonlyMap<Atom, Atom>, diff: ReadonlyMap<Atom, Atom>): Datum {
  const result = new Map(from);
  let isGrown = false;
  for (const [key, value] of diff) {
    if (result.get(key) === value) result.delete(key);
    else {
      isGrown ||= !result.has(key);
      result.set(key, value);
    }
  }
  return isGrown ? sortedMap([...result]) : result;
}

/** A map in key order. */
export function sortedMap(pairs: [Atom, Atom][]): ReadonlyMap<Atom, Atom> {
  if (pairs.length > 1) pairs.sort((a, b) => compareAtoms(a[0], b[0]));
  return new Map(pairs);
}
