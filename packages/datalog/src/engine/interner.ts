/**
 * Values as 32-bit ids, so that rows are integers and equality is one comparison.
 *
 * Whole numbers of 31 bits carry their value in the id (odd ids); everything else has an entry in a table (even ids).
 */
import { AppError } from "@tenet/kit";
import type { Value } from "../value.ts";

/** The id of "no value": an expression without a result. */
export const NONE = -1;

const INLINE_MIN = -(2 ** 30);
const INLINE_MAX = 2 ** 30 - 1;

/** The table of values; ids stay valid as long as it lives. */
export class Interner {
  readonly #values: Value[] = [null, false, true];
  readonly #byScalar = new Map<string | number, number>();
  readonly #byList = new Map<string, number>();
  /** Characters of all strings and elements of all lists interned so far. */
  nUnits = 0;

  /** The id of a value; equal values have equal ids. Throws on NaN, infinities and what is no value of the language. */
  idOf(value: Value): number {
    switch (typeof value) {
      case "number":
        if (Number.isInteger(value) && value >= INLINE_MIN && value <= INLINE_MAX) return (value << 1) | 1;
        if (!Number.isFinite(value)) throw notAValue(value);
        return this.#scalar(value);
      case "string":
        return this.#scalar(value);
      case "boolean":
        return value ? 4 : 2;
      default:
        if (value === null) return 0;
        if (!Array.isArray(value)) throw notAValue(value);
        return this.#list(value);
    }
  }

  /** The id of a value that is in the table or inline; {@link NONE} if no row can hold it yet. */
  find(value: Value): number {
    if (typeof value === "string") return this.#byScalar.get(value) ?? NONE;
    return this.idOf(value);
  }

  valueOf(id: number): Value {
    if ((id & 1) === 1) return id >> 1;
    return this.#values[id >> 1] ?? null;
  }

  #scalar(value: string | number): number {
    const known = this.#byScalar.get(value);
    if (known !== undefined) return known;
    const id = this.#values.push(value) - 1;
    this.#byScalar.set(value, id << 1);
    this.nUnits += typeof value === "string" ? value.length : 1;
    return id << 1;
  }

  #list(list: readonly Value[]): number {
    const key = list.map((item) => this.idOf(item)).join();
    const known = this.#byList.get(key);
    if (known !== undefined) return known;
    const id = this.#values.push(Object.freeze([...list])) - 1;
    this.#byList.set(key, id << 1);
    this.nUnits += list.length + 1;
    return id << 1;
  }
}

function notAValue(value: unknown): AppError {
  const shown = typeof value === "object" ? Object.prototype.toString.call(value) : String(value);
  return new AppError(`Cannot store ${shown} in a row`, {
    code: "DATALOG_VALUE",
    hint: "values are null, booleans, finite numbers, strings and lists of them",
  });
}
