/**
 * One object for equal values while a file is loaded.
 *
 * Rows of networks repeat themselves: names of keys, chassis, types, an address in two columns, and each uuid where it is
 * referred to. What was seen lately is remembered, and uuids that are referred to before their row comes.
 */
import type { Atom } from "../model/atom.ts";
import { type Datum, isMap, isSet } from "../model/datum.ts";
import { MapCompactor } from "../model/pair-map.ts";
import type { ColumnSchema } from "../model/schema.ts";

/** A longer text is hardly met twice. */
const LONGEST_TEXT = 64;

/** Finds an equal value that was met before. Datums are never changed in place, so rows can share them. */
export class DatumSharing {
  readonly #rowUuid: (table: string, uuid: string) => string | undefined;
  /** Uuids that were referred to when there was no such row. */
  readonly #awaited = new Map<string, string>();
  readonly #texts = new Recent<string>();
  readonly #singles = new Recent<readonly Atom[]>();
  readonly #compactors = new Map<ColumnSchema, MapCompactor>();

  /** @param rowUuid - the string that a table has for the uuid of a row, if there is that row */
  constructor(rowUuid: (table: string, uuid: string) => string | undefined) {
    this.#rowUuid = rowUuid;
  }

  /** The string that references to a new row have for its uuid. */
  uuid(uuid: string): string {
    return this.#awaited.get(uuid) ?? uuid;
  }

  share(column: ColumnSchema, datum: Datum): Datum {
    const { type, refTable } = column.type.key;
    if (type === "uuid" && refTable !== undefined) return this.#references(refTable, datum);
    if (isSet(datum)) return this.#set(datum);
    return isMap(datum) && datum.size > 0 ? this.#map(column, datum) : datum;
  }

  #references(table: string, datum: Datum): Datum {
    if (typeof datum === "string") return this.#reference(table, datum);
    return isSet(datum) ? datum.map((atom) => (typeof atom === "string" ? this.#reference(table, atom) : atom)) : datum;
  }

  #reference(table: string, uuid: string): string {
    const known = this.#rowUuid(table, uuid) ?? this.#awaited.get(uuid);
    if (known === undefined) this.#awaited.set(uuid, uuid);
    return known ?? uuid;
  }

  #set(atoms: readonly Atom[]): readonly Atom[] {
    const [only] = atoms;
    return atoms.length !== 1 || only === undefined ? atoms : this.#singles.remember(only, atoms);
  }

  #map(column: ColumnSchema, map: ReadonlyMap<Atom, Atom>): ReadonlyMap<Atom, Atom> {
    let compactor = this.#compactors.get(column);
    if (compactor === undefined) this.#compactors.set(column, (compactor = new MapCompactor()));
    return compactor.compact(map, this.#text);
  }

  readonly #text = (atom: Atom): Atom => (typeof atom === "string" ? this.#texts.remember(atom, atom) : atom);
}

const N_PLACES = 2048;

/** Remembers what it was given lately: a value in one of its places, until another comes there. */
class Recent<V> {
  readonly #keys: Atom[] = Array.from({ length: N_PLACES }, () => "");
  readonly #values: V[] = [];

  /** What is remembered by this key: the value, or the one of before. */
  remember(key: Atom, value: V): V {
    const at = placeOf(key);
    if (at < 0) return value;
    const known = this.#keys[at] === key ? this.#values[at] : undefined;
    if (known !== undefined) return known;
    this.#keys[at] = key;
    this.#values[at] = value;
    return value;
  }
}

/** From a few characters, most of them at the end, where names differ: less than hashing all. */
function placeOf(key: Atom): number {
  if (typeof key === "boolean") return key ? 1 : 0;
  if (typeof key !== "string") return Number(key) & (N_PLACES - 1);
  const n = key.length;
  if (n > LONGEST_TEXT || n === 0) return -1;
  const ends = key.charCodeAt(n - 1) + key.charCodeAt(n >> 1) * 7 + key.charCodeAt((n * 3) >> 2) * 61;
  return (ends + (n > 1 ? key.charCodeAt(n - 2) * 31 : 0) + n * 101) & (N_PLACES - 1);
}
