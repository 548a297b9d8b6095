/**
 * The rows of a store that some of their columns tell apart, found by the index on these columns.
 *
 * What: a look-up of a whole row finds the rows of its key, one as a rule, and compares them.
 * Why: where there is such an index anyway, a table of whole rows besides it is one more place in memory for each row, and one more
 * cache miss to put a row in or take it out; a row that takes the place of another with the same key finds what the other one left in the cache.
 * Limits: made for keys of a row or two. {@link RowSet} leaves this form when keys have more.
 */
import type { KeyIndex } from "./key-index.ts";
import { BLOCK_HEADER, seekSource } from "./key-slot.ts";

/** Finds the row with these ids by its key: its number, or -1. */
type FindByKey = (index: KeyIndex, ...ids: number[]) => number;

/** Rows of one key up to which they are found by it. */
export const MOST_OF_KEY = 64;

/** The index on the key, and the look-up of whole rows through it. */
export interface KeyedRows {
  readonly index: KeyIndex;
  readonly find: FindByKey;
}

const findBySignature = new Map<string, FindByKey>();

/** The look-up of rows of so many columns by an index on some of them; compiled once. */
export function keyedRows(index: KeyIndex, arity: number): KeyedRows {
  const { columns } = index;
  const signature = `${arity}:${columns.join()}`;
  const find = findBySignature.get(signature) ?? compileFind(columns, arity);
  findBySignature.set(signature, find);
  return { index, find };
}

function compileFind(columns: readonly number[], arity: number): FindByKey {
  const all = Array.from({ length: arity }, (_, column) => column);
  const others = all.filter((column) => !columns.includes(column));
  const isRow = (base: string): string =>
    others.map((column) => `data[${base} + ${column}] === k${column}`).join(" && ") || "true";
  const source = `"use strict";
  return function find(${["index", ...all.map((column) => `k${column}`)].join(", ")}) {
    ${seekSource(
      columns,
      `if (entry > 0) return ${isRow("base")} ? number - 1 : -1;
        const arena = index.arena;
        for (let at = place + ${BLOCK_HEADER}, end = at + arena[place]; at < end; at++) {
          const row = arena[at], other = row * stride;
          if (${isRow("other")}) return row;
        }
        return -1;`,
      "return -1;",
    )}
  }`;
  return new Function(source)() as FindByKey;
}
