/**
 * Estimates how much a narrowing leaves of a table, from a sample of its rows and of the values that it will be searched with.
 *
 * The values come from rows of the body's other tables that hold the variables; expressions over them are computed.
 */
import { type CoreExpr, type Literal, slotsOf } from "../../check/core.ts";
import { emptyNetwork, isRelated, type Network, type NetworkRelation, readNetwork } from "../../functions/network.ts";
import { compareValues, kindOf, type Value } from "../../value.ts";
import { compileExpr } from "./expression.ts";
import { NONE } from "../rows/interner.ts";
import type { NetworkNarrowing, RangeNarrowing } from "./narrowing.ts";
import type { PlanContext } from "./plan.ts";
import type { RowStore } from "../rows/row-store.ts";
import { LINKED } from "../rows/views.ts";

const N_SEARCHES = 16;
const N_ROWS = 128;
/** Without a sample: what a bound on one side, a range, or a network leaves. */
const ONE_SIDED = 1 / 3;
const RANGE = 1 / 32;
const NETWORK = 1 / 64;

/** The share of the rows at `position` that a search by these bounds finds. */
export function shareInRanges(
  ranges: readonly RangeNarrowing[],
  body: readonly Literal[],
  position: number,
  context: PlanContext,
): number {
  const bounds = ranges.flatMap(({ column, from, to }) => [
    ...(from === undefined ? [] : [{ column, expr: from, isFrom: true }]),
    ...(to === undefined ? [] : [{ column, expr: to, isFrom: false }]),
  ]);
  const unknown = bounds.length > 1 ? RANGE : ONE_SIDED;
  const searches = sampleOf(
    bounds.map(({ expr }) => expr),
    body,
    position,
    context,
  );
  return shareOf(searches, rowsAt(body, position, context), unknown, (row, values) =>
    bounds.every(({ column, isFrom }, i) => {
      const [value, bound] = [row[column] as Value, values[i] as Value];
      if (kindOf(value) !== kindOf(bound)) return false;
      const order = compareValues(value, bound);
      return isFrom ? order >= 0 : order <= 0;
    }),
  );
}

/** The share of the rows at `position` whose network lies so to the searched ones. */
export function shareOfNetworks(
  { column, how, expr }: NetworkNarrowing,
  body: readonly Literal[],
  position: number,
  context: PlanContext,
): number {
  const networks = (rows: readonly (readonly Value[])[], at: number): Network[] =>
    rows.flatMap((row) => {
      const network = emptyNetwork();
      return readNetwork(row[at] as Value, network) ? [network] : [];
    });
  const searches = sampleOf([expr], body, position, context);
  const wanted = searches && networks(searches, 0);
  const found = networks(rowsAt(body, position, context), column);
  return shareOf(wanted, found, NETWORK, (a: Network, b: Network) => isRelated(a, how satisfies NetworkRelation, b));
}

function shareOf<R, S>(
  searches: readonly S[] | undefined,
  rows: readonly R[],
  unknown: number,
  isFound: (row: R, search: S) => boolean,
): number {
  const nPairs = rows.length * (searches?.length ?? 0);
  if (searches === undefined || nPairs === 0) return unknown;
  let n = 0;
  for (const row of rows) for (const search of searches) if (isFound(row, search)) n++;
  return Math.max(n, 0.5) / nPairs;
}

/** Values of the expressions for some rows of the tables that bind their variables; `undefined` if that cannot be said. */
function sampleOf(
  exprs: readonly CoreExpr[],
  body: readonly Literal[],
  position: number,
  context: PlanContext,
): Value[][] | undefined {
  const slots = new Set<number>();
  for (const expr of exprs) slotsOf(expr, slots);
  const registers = new Int32Array(Math.max(0, ...slots) + 1);
  const sources: { store: RowStore; columns: (readonly [column: number, slot: number])[] }[] = [];
  const missing = new Set(slots);
  for (const [i, literal] of body.entries()) {
    if (i === position || literal.kind !== "atom") continue;
    const columns = literal.terms.flatMap((term, column) =>
      term.kind === "var" && missing.delete(term.slot) ? [[column, term.slot] as const] : [],
    );
    if (columns.length > 0) sources.push({ store: context.storeOf(literal.relation), columns });
  }
  if (missing.size > 0) return undefined;
  const frame = { registers, rule: { origin: { text: "", file: "", line: 0 }, relation: "" } };
  const idsOf = exprs.map((expr) => compileExpr(expr, frame, context));
  const samples = sources.map(({ store }) => sampleRows(store, N_SEARCHES));
  const n = slots.size === 0 ? 1 : Math.min(...samples.map((rows) => rows.length));
  const searches: Value[][] = [];
  for (let k = 0; k < n; k++) {
    for (const [i, { store, columns }] of sources.entries()) {
      const base = (samples[i]?.[k] as number) * store.stride;
      for (const [column, slot] of columns) registers[slot] = store.data[base + column] as number;
    }
    const ids = idsOf.map((idOf) => idOf());
    if (!ids.includes(NONE)) searches.push(ids.map((id) => context.interner.valueOf(id)));
  }
  return searches;
}

function rowsAt(body: readonly Literal[], position: number, context: PlanContext): Value[][] {
  const literal = body[position];
  if (literal?.kind !== "atom") return [];
  const { interner } = context;
  const store = context.storeOf(literal.relation);
  return sampleRows(store, N_ROWS).map((row) =>
    Array.from(store.data.subarray(row * store.stride, row * store.stride + store.arity), (id) => interner.valueOf(id)),
  );
}

/** Rows from all over a table. */
function sampleRows({ end, flags }: RowStore, n: number): number[] {
  const step = Math.max(1, end / n);
  const rows: number[] = [];
  for (let at = step / 2; at < end; at += step) {
    const row = Math.floor(at);
    if (((flags[row] as number) & LINKED) !== 0) rows.push(row);
  }
  return rows;
}
