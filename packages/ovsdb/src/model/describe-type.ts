/** A column type in words, as error details name it. */
import type { ColumnType } from "./schema.ts";

/** For example `string`, `set of up to 3 strings`, `map of (string, integer) pairs`. */
export function describeType(type: ColumnType): string {
  const key = type.key.type;
  if (type.value === undefined && type.min === 1 && type.max === 1) return key;
  const count = describeCount(type);
  if (type.value !== undefined) {
    return `map of ${count}(${key}, ${type.value.type}) pair${type.max === 1 ? "" : "s"}`;
  }
  return `set of ${count}${key}s`;
}

function describeCount({ min, max }: ColumnType): string {
  if (max === Infinity) return min === 0 ? "" : `${min} or more `;
  return min === 0 ? `up to ${max} ` : `${min} to ${max} `;
}
