/**
 * Values as 32-bit ids, so that rows are integers and equality is one comparison.
 *
 * Whole numbers of 31 bits carry their value in the id (odd ids); everything else has an entry in a table (even ids).
 */
import { AppError } from "@tenet/kit";
import { normalNumber } from "../../integer.ts";
import { SCALAR_TYPES, Scalar, type ScalarType } from "../../scalar.ts";
import { compareValues, entriesOf, isMap, type Value, type ValueMap } from "../../value.ts";

/** The id of "no value": an expression without a result. Ids of the table are even and not negative, inline ones are odd. */
export const NONE = -2;

/** null, false and true have fixed ids. */
const N_FIXED = 3;
const INLINE_MIN = -(2 ** 30);
const INLINE_MAX = 2 ** 30 - 1;

/** What has parts: a list or a map. */
type ValueParts = readonly Value[] | ValueMap;

/** Values by id / 2. */
export type ValueTable = readonly (Value | undefined)[];

/** A table of values as it is stored. */
export interface StoredValues {
  readonly table: (Value | undefined)[];
  /** Lists and maps by their places in the table, as {@link Interner.partsOf} tells them; the table has nothing there. */
  readonly parts: ReadonlyMap<number, string>;
}

/** The value of an id. */
export function valueIn(table: ValueTable, id: number): Value {
  if ((id & 1) === 1) return id >> 1;
  return table[id >> 1] ?? null;
}

/** The table of values; ids stay valid as long as some row holds them. */
export class Interner {
  #values: (Value | undefined)[] = [null, false, true];
  readonly #free: number[] = [];
  readonly #byScalar = new Map<string | number | bigint, number>();
  /** Typed values by their text. */
  readonly #byType = new Map(SCALAR_TYPES.map((type) => [type, new Map<string, number>()]));
  /** Lists and maps by a text that their parts make. */
  readonly #byParts = new Map<string, number>();
  /** Characters of all strings and elements of all lists interned so far, those of a restored table aside. */
  nUnits = 0;

  /** The id of a value; equal values have equal ids. Throws on NaN, infinities and what is no value of the language. */
  idOf(value: Value): number {
    switch (typeof value) {
      case "number":
        if (Number.isInteger(value) && value >= INLINE_MIN && value <= INLINE_MAX) return (value << 1) | 1;
        return this.#number(value);
      case "bigint":
        return this.#number(value);
      case "string":
        return this.#scalar(value);
      case "boolean":
        return value ? 4 : 2;
      default:
        if (value === null) return 0;
        if (Array.isArray(value)) return this.#list(value);
        return this.#object(value as Scalar | ValueMap);
    }
  }

  /** The id of a value that is in the table or inline; {@link NONE} if no row can hold it yet. */
  find(value: Value): number {
    if (typeof value === "string") return this.#byScalar.get(value) ?? NONE;
    return this.idOf(value);
  }

  valueOf(id: number): Value {
    return valueIn(this.#values, id);
  }

  /** The order of two values: negative, zero or positive. */
  compare(a: number, b: number): number {
    if ((a & b & 1) === 1) return a - b;
    return a === b ? 0 : compareValues(this.valueOf(a), this.valueOf(b));
  }

  /** Gives every present id its value for as long as someone holds it, whatever is forgotten later. */
  get table(): ValueTable {
    return this.#values;
  }

  /** Each number has one form, so that equal ones have equal ids. */
  #number(value: number | bigint): number {
    const normal = normalNumber(value);
    if (normal === undefined) throw notAValue(value);
    if (typeof normal === "number" && Number.isInteger(normal) && normal >= INLINE_MIN && normal <= INLINE_MAX) {
      return (normal << 1) | 1;
    }
    return this.#scalar(normal);
  }

  #scalar(value: string | number | bigint): number {
    const known = this.#byScalar.get(value);
    if (known !== undefined) return known;
    const id = this.#add(value);
    this.#byScalar.set(value, id);
    this.nUnits += typeof value === "string" ? value.length : 1;
    return id;
  }

  #list(list: readonly Value[]): number {
    const key = this.partsOf(list);
    const known = this.#byParts.get(key);
    // The one form of each item: whoever gives a list first does not decide how its numbers look.
    return known ?? this.#addNew(this.#byParts, key, Object.freeze(list.map((item) => this.#oneForm(item))), list.length + 1);
  }

  #object(value: Scalar | ValueMap): number {
    if (value instanceof Scalar) {
      const ids = this.#idsOf(value.type);
      return ids.get(value.text) ?? this.#addNew(ids, value.text, value, value.text.length);
    }
    if (!isMap(value) || !isPlain(value)) throw notAValue(value);
    const entries = entriesOf(value);
    const key = this.partsOf(value);
    const known = this.#byParts.get(key);
    if (known !== undefined) return known;
    const items = entries.map(([name, item]) => [name, this.#oneForm(item)] as const);
    return this.#addNew(this.#byParts, key, Object.freeze(Object.fromEntries(items)), 2 * entries.length + 1);
  }

  #oneForm(value: Value): Value {
    return this.valueOf(this.idOf(value));
  }

  /** The ids of what a list holds as a text, `2,7`; of a map its keys and values in the order of the keys, `{4,2,6,7`. */
  partsOf(value: ValueParts): string {
    if (Array.isArray(value)) return value.map((item: Value) => this.idOf(item)).join();
    const entries = entriesOf(value as ValueMap);
    return `{${entries.map(([name, item]) => `${this.idOf(name)},${this.idOf(item)}`).join()}`;
  }

  #addNew(ids: Map<string, number>, key: string, value: Value, nUnits: number): number {
    const id = this.#add(value);
    ids.set(key, id);
    this.nUnits += nUnits;
    return id;
  }

  #idsOf(type: ScalarType): Map<string, number> {
    return this.#byType.get(type) as Map<string, number>;
  }

  #add(value: Value): number {
    const free = this.#free.pop();
    if (free === undefined) return (this.#values.push(value) - 1) << 1;
    this.#values[free] = value;
    return free << 1;
  }

  /** Takes over values that were stored, each with its id. The interner must be new. */
  restore({ table, parts }: StoredValues): void {
    this.#values = table;
    for (let i = N_FIXED; i < table.length; i++) {
      const value = table[i];
      if (value instanceof Scalar) this.#idsOf(value.type).set(value.text, i << 1);
      else if (value !== undefined) this.#byScalar.set(value as string | number | bigint, i << 1);
      else if (!parts.has(i)) this.#free.push(i);
    }
    for (const [i, ids] of parts) {
      this.#byParts.set(ids, i << 1);
      this.#madeOf(i, parts);
    }
  }

  /** A list or map at a place of the table, made of its parts if it is not there yet. */
  #madeOf(place: number, parts: ReadonlyMap<number, string>): Value {
    const made = this.#values[place];
    if (made !== undefined) return made;
    const text = parts.get(place) as string;
    const hasKeys = text.startsWith("{");
    const ids = text === "" || text === "{" ? [] : text.slice(hasKeys ? 1 : 0).split(",");
    const items = ids.map((id) => ((Number(id) & 1) === 1 ? Number(id) >> 1 : this.#madeOf(Number(id) >> 1, parts)));
    const pairs = hasKeys ? Array.from({ length: items.length / 2 }, (_, i) => [items[2 * i], items[2 * i + 1]]) : [];
    const value = Object.freeze(hasKeys ? (Object.fromEntries(pairs) as ValueMap) : items);
    this.#values[place] = value;
    return value;
  }

  /** Number of values in the table. */
  get size(): number {
    return this.#values.length - this.#free.length;
  }

  /** Forgets the values whose ids are not among those visited; their ids may be given to other values. */
  sweep(visitUsed: (use: (id: number) => void) => void): void {
    this.#values = this.#values.slice();
    const used = new Uint8Array(this.#values.length);
    used.fill(1, 0, N_FIXED);
    const use = (id: number): void => {
      if ((id & 1) === 1 || used[id >> 1] === 1) return;
      used[id >> 1] = 1;
      const value = this.#values[id >> 1];
      if (typeof value !== "object" || value === null || value instanceof Scalar) return;
      for (const item of Array.isArray(value) ? value : entriesOf(value as ValueMap).flat()) use(this.idOf(item));
    };
    visitUsed(use);
    for (const [scalar, id] of this.#byScalar) if (used[id >> 1] === 0) this.#byScalar.delete(scalar);
    for (const ids of [this.#byParts, ...this.#byType.values()]) {
      for (const [key, id] of ids) if (used[id >> 1] === 0) ids.delete(key);
    }
    let end = used.length;
    while (used[end - 1] === 0) end--;
    this.#values.length = end;
    this.#free.length = 0;
    for (let i = N_FIXED; i < end; i++) {
      if (used[i] === 1) continue;
      this.#values[i] = undefined;
      this.#free.push(i);
    }
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function notAValue(value: unknown): AppError {
  const shown = typeof value === "object" ? Object.prototype.toString.call(value) : String(value);
  return new AppError(`Cannot store ${shown} in a row`, {
    code: "DATALOG_VALUE",
    hint: "values are null, booleans, finite numbers, bigints, strings, what scalar() makes, and lists and plain objects of them",
  });
}
