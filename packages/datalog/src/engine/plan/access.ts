/**
 * Chooses how the rows of a table are found that agree with what is known: one row, an index of equal keys, a range of a sorted index,
 * networks of a trie, or all rows.
 *
 * How: by the number of rows expected from a sample. A range or a trie is taken within equal keys where the keys alone leave many
 * rows and it leaves clearly fewer.
 */
import type { CoreExpr, Literal, Term } from "../../check/core.ts";
import type { NetworkRelation } from "../../functions/network.ts";
import { narrowingsOf, type RangeNarrowing } from "./narrowing.ts";
import type { PlanContext } from "./plan.ts";
import type { RowStore } from "../rows/row-store.ts";
import { estimateKeys } from "../rows/sample.ts";
import { shareInRanges, shareOfNetworks } from "./selectivity.ts";
import type { SortedColumns } from "../rows/sorted-index.ts";

/** The way to the rows of a literal. */
export type Access =
  | { readonly kind: "row" }
  | { readonly kind: "all" }
  | { readonly kind: "key"; readonly columns: readonly number[] }
  | {
      readonly kind: "range";
      readonly columns: SortedColumns;
      readonly from: CoreExpr | undefined;
      readonly to: CoreExpr | undefined;
      /** The bound of the watched column. */
      readonly limit: CoreExpr | undefined;
    }
  | {
      readonly kind: "network";
      readonly keys: readonly number[];
      readonly column: number;
      readonly how: NetworkRelation;
      readonly expr: CoreExpr;
    };

/** An access and the rows that it is expected to find. */
export interface Choice {
  readonly access: Access;
  readonly fanOut: number;
}

/** Tables up to this many rows are not worth a look. */
const SMALL = 32;
/** Rows of a key that are as well walked over. */
const FEW = 16;
/** A range that leaves more than this share of the rows is no help. */
const MOST = 0.6;

/** The access to the table at a position of a body, with these slots known. */
export function chooseAccess(
  body: readonly Literal[],
  position: number,
  known: ReadonlySet<number>,
  context: PlanContext,
): Choice {
  const plain = plainAccess(body, position, known, context);
  const literal = body[position];
  if (literal?.kind !== "atom" || plain.access.kind === "row") return plain;
  const store = context.storeOf(literal.relation);
  if (plain.fanOut <= (plain.access.kind === "key" ? FEW : SMALL)) return plain;
  const { ranges, networks } = narrowingsOf(body, literal.terms, known);
  const keys = plain.access.kind === "key" ? plain.access.columns : [];
  let best = plain;
  const consider = (share: number, access: Access): void => {
    const fanOut = 1 + Math.min(plain.fanOut, store.end) * share;
    if (share <= MOST && fanOut < best.fanOut) best = { access, fanOut };
  };
  const [main, watched] = twoOf(ranges);
  if (main !== undefined) {
    const share = shareInRanges(watched === undefined ? [main] : [main, watched], body, position, context);
    consider(share, rangeAccess(keys, main, watched));
  }
  for (const network of networks) {
    consider(shareOfNetworks(network, body, position, context), { kind: "network", keys, ...network });
  }
  return best;
}

/** The access by equal values alone. */
export function plainAccess(
  body: readonly Literal[],
  position: number,
  known: ReadonlySet<number>,
  context: PlanContext,
): Choice {
  const literal = body[position];
  if (literal?.kind !== "atom") return { access: { kind: "all" }, fanOut: 0 };
  const store = context.storeOf(literal.relation);
  const columns = boundColumns(literal.terms, known);
  const fanOut = expectedRows(store, columns);
  if (columns.length === store.arity) return { access: { kind: "row" }, fanOut };
  return { access: columns.length === 0 ? { kind: "all" } : { kind: "key", columns }, fanOut };
}

/** The range to sort by, one with two ends if there is one, and another to watch. */
function twoOf(ranges: readonly RangeNarrowing[]): (RangeNarrowing | undefined)[] {
  const main =
    ranges.find(({ from, to }) => from !== undefined && to !== undefined) ??
    ranges.find(({ to }) => to !== undefined) ??
    ranges[0];
  return [main, ranges.find((range) => range !== main)];
}

function rangeAccess(keys: readonly number[], { column, from, to }: RangeNarrowing, other: RangeNarrowing | undefined): Access {
  const isMost = other?.from !== undefined;
  const watched = other && { column: other.column, isMost };
  return { kind: "range", columns: { keys, column, watched }, from, to, limit: isMost ? other.from : other?.to };
}

/** Columns of an atom whose value is known before it runs. */
export function boundColumns(terms: readonly Term[], known: ReadonlySet<number>): number[] {
  const columns: number[] = [];
  for (let i = 0; i < terms.length; i++) {
    const term = terms[i];
    if (term?.kind === "const" || (term?.kind === "var" && known.has(term.slot))) columns.push(i);
  }
  return columns;
}

function expectedRows(store: RowStore, columns: readonly number[]): number {
  const nRows = store.end;
  if (columns.length === store.arity) return -0.5;
  if (columns.length === 0) return nRows + 1;
  if (nRows <= SMALL) return nRows / (1 + columns.length);
  const index = store.indexes.existing(columns);
  if (index !== undefined) return nRows / Math.max(1, index.nKeys);
  return nRows / Math.min(nRows, estimateKeys(store, columns));
}
