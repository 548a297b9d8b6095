/** A column type in words, as error details name it. */
import type { BaseType, ColumnType } from "./schema.ts";

/** For example `string`, `set of up to 3 strings`, `map of (string, integer) pairs`. */
export function describeType(type: ColumnType): string {
  const key = describeBase(type.key);
  if (type.value === undefined && type.max === 1) return type.min === 1 ? key : `optional ${key}`;
  const count = describeCount(type);
  if (type.value !== undefined) {
    const value = describeBase(type.value);
    return `map of ${count}(${key}, ${value}) pair${type.max === 1 ? "" : "s"}`;
  }
  return `set of ${count}${key}s`;
}

function describeCount({ min, max }: ColumnType): string {
  if (max === Infinity) return min === 0 ? "" : `${min} or more `;
  return min === 0 ? `up to ${max} ` : `${min} to ${max} `;
}

function describeBase(base: BaseType): string {
  return base.type;
}
