/**
 * Values as 32-bit ids, so that rows are integers and equality is one comparison.
 *
 * Whole numbers of 31 bits carry their value in the id (odd ids); everything else has an entry in a table (even ids).
 */
import { AppError } from "@tenet/kit";
import type { Value } from "../value.ts";

/** The id of "no value": an expression without a result. Ids of the table are even and not negative, inline ones are odd. */
export const NONE = -2;

/** null, false and true have fixed ids. */
const N_FIXED = 3;
const INLINE_MIN = -(2 ** 30);
const INLINE_MAX = 2 ** 30 - 1;

/** The table of values; ids stay valid as long as it lives. */
export class Interner {
  readonly #values: (Value | undefined)[] = [null, false, true];
  readonly #free: number[] = [];
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
    const id = this.#add(value);
    this.#byScalar.set(value, id);
    this.nUnits += typeof value === "string" ? value.length : 1;
    return id;
  }

  #list(list: readonly Value[]): number {
    const key = list.map((item) => this.idOf(item)).join();
    const known = this.#byList.get(key);
    if (known !== undefined) return known;
    const id = this.#add(Object.freeze([...list]));
    this.#byList.set(key, id);
    this.nUnits += list.length + 1;
    return id;
  }

  #add(value: Value): number {
    const free = this.#free.pop();
    if (free === undefined) return (this.#values.push(value) - 1) << 1;
    this.#values[free] = value;
    return free << 1;
  }

  /** Number of values in the table. */
  get size(): number {
    return this.#values.length - this.#free.length;
  }

  /** Forgets the values whose ids are not among those visited; their ids may be given to other values. */
  sweep(visitUsed: (use: (id: number) => void) => void): void {
    const used = new Uint8Array(this.#values.length);
    used.fill(1, 0, N_FIXED);
    const use = (id: number): void => {
      if ((id & 1) === 1 || used[id >> 1] === 1) return;
      used[id >> 1] = 1;
      const value = this.#values[id >> 1];
      if (Array.isArray(value)) for (const item of value) use(this.idOf(item));
    };
    visitUsed(use);
    for (const [scalar, id] of this.#byScalar) if (used[id >> 1] === 0) this.#byScalar.delete(scalar);
    for (const [key, id] of this.#byList) if (used[id >> 1] === 0) this.#byList.delete(key);
    for (let i = N_FIXED; i < used.length; i++) {
      if (used[i] === 1 || this.#values[i] === undefined) continue;
      this.#values[i] = undefined;
      this.#free.push(i);
    }
  }
}

function notAValue(value: unknown): AppError {
  const shown = typeof value === "object" ? Object.prototype.toString.call(value) : String(value);
  return new AppError(`Cannot store ${shown} in a row`, {
    code: "DATALOG_VALUE",
    hint: "values are null, booleans, finite numbers, strings and lists of them",
  });
}
