/**
 * One object for equal values while a file is loaded.
 *
 * Rows of networks repeat themselves: names of keys, chassis, types, an address in two columns, and each uuid where it is
 * referred to. What was seen lately is remembered, uuids all, for as long as the loading lasts.
 */
import type { Atom } from "../model/atom.ts";
import { type Datum, isMap, isSet } from "../model/datum.ts";
import { MapCompactor } from "../model/pair-map.ts";
import type { ColumnSchema } from "../model/schema.ts";

/** How many different values of a kind are remembered at a time. */
const MOST_REMEMBERED = 2048;
/** A longer text is hardly met twice among the values of maps. */
const LONGEST_TEXT = 32;

/** Finds an equal value that was met before. Datums are never changed in place, so rows can share them. */
export class DatumSharing {
  readonly #uuids = new Map<string, string>();
  readonly #texts = new Recent<Atom>();
  readonly #singles = new Recent<readonly Atom[]>();
  readonly #compactors = new Map<ColumnSchema, MapCompactor>();

  /** The string that stands for this uuid everywhere. */
  uuid(uuid: string): string {
    const known = this.#uuids.get(uuid);
    if (known === undefined) this.#uuids.set(uuid, uuid);
    return known ?? uuid;
  }

  share(column: ColumnSchema, datum: Datum): Datum {
    const isUuid = column.type.key.type === "uuid";
    if (typeof datum === "string") return isUuid ? this.uuid(datum) : datum;
    if (isSet(datum)) return this.#set(datum, isUuid);
    return isMap(datum) && datum.size > 0 ? this.#map(column, datum) : datum;
  }

  #set(atoms: readonly Atom[], isUuid: boolean): readonly Atom[] {
    const [only] = atoms;
    if (isUuid) return atoms.map((atom) => (typeof atom === "string" ? this.uuid(atom) : atom));
    return atoms.length !== 1 || only === undefined ? atoms : this.#singles.remember(only, atoms);
  }

  #map(column: ColumnSchema, map: ReadonlyMap<Atom, Atom>): ReadonlyMap<Atom, Atom> {
    let compactor = this.#compactors.get(column);
    if (compactor === undefined) this.#compactors.set(column, (compactor = new MapCompactor()));
    return compactor.compact(map, this.#text);
  }

  readonly #text = (atom: Atom): Atom =>
    typeof atom !== "string" || atom.length > LONGEST_TEXT ? atom : this.#texts.remember(atom, atom);
}

/** Remembers what it was given lately. */
class Recent<V> {
  #young = new Map<Atom, V>();
  #old = new Map<Atom, V>();

  /** What is remembered by this key: the value, or the one of before. */
  remember(key: Atom, value: V): V {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    if (this.#young.size === MOST_REMEMBERED) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    const kept = this.#old.get(key) ?? value;
    this.#young.set(key, kept);
    return kept;
  }
}
