/**
 * Checks what the engine promises about its state between two transactions (docs/design/0004-engine.md).
 *
 * What: every derivation is sought from scratch ({@link visitDerivations}) and held against what was maintained. In counting relations a
 * row's count is its number of derivations. In recursive strata, with the numbers of the proof obligations: a row's count is the
 * number of its derivations whose rows of the stratum all have a smaller rank (I1); it is positive (I4); no derivation from rows that are
 * there has a head that is not (I5). Stores agree with themselves ({@link checkStore}), aggregates with their bodies ({@link checkGroups}).
 * What shows only here, in the result: that ranks stay while a row lives (I2), that each derivation is taken off and put on once (I3) and that
 * negation and aggregates read finished relations (I6) - were it not so, a count would be wrong. That evaluation ends (I7) is up to the
 * engine's limits.
 * Limits: costs what evaluating the whole program costs, and more; for tests and for finding faults.
 */
import type { CoreRule } from "../../check/core.ts";
import { formatAtom } from "../../value.ts";
import type { Evaluation } from "../evaluate/evaluation.ts";
import { compareKept, isBefore, type Kept, keptIn, valueIdIn } from "../evaluate/extreme/kept-order.ts";
import type { RowStore } from "../rows/row-store.ts";
import { INIT } from "../evaluate/start.ts";
import { ALIVE } from "../rows/views.ts";
import { checkGroups } from "./check-groups.ts";
import { checkStore } from "./check-store.ts";
import { visitDerivations } from "./derivations.ts";
import { type InvariantError, wrongRow, wrongStore } from "./invariant-error.ts";

/** Throws an `InvariantError` at the first promise that is not kept. Only between transactions. */
export function checkInvariants(evaluation: Evaluation): void {
  const { program, rules, interner } = evaluation;
  for (const store of evaluation.stores.values()) checkStore(store, interner);
  const aggregates = new Map(program.aggregates.map((aggregate) => [aggregate.relation, aggregate]));
  for (const { relations, isRecursive } of program.strata) {
    const [name = ""] = relations;
    const aggregate = aggregates.get(name);
    const members = new Set(relations);
    const own = rules.filter(({ relation }) => members.has(relation));
    if (aggregate !== undefined) checkGroups(aggregate, evaluation);
    else if (program.relations.get(name)?.extreme !== undefined) checkExtremes(evaluation, members, own);
    else if (own.length > 0) checkCounts(evaluation, members, own, isRecursive);
  }
}

function checkCounts(
  evaluation: Evaluation,
  members: ReadonlySet<string>,
  rules: readonly CoreRule[],
  isRecursive: boolean,
): void {
  const { interner, planContext } = evaluation;
  const found = new Map([...members].map((name) => [name, new Float64Array(evaluation.store(name).end)]));
  for (const rule of rules) {
    const head = evaluation.store(rule.relation);
    const counts = found.get(rule.relation) as Float64Array;
    const inner = isRecursive ? innerLiterals(evaluation, members, rule) : [];
    visitDerivations(rule, planContext, (tuple, rows) => {
      const row = aliveRow(head, tuple);
      if (row < 0) throw lacksRow(evaluation, head, tuple, rule);
      const rank = isRecursive ? head.rankOf(row) : 1;
      if (inner.every(({ store, position }) => store.rankOf(rows[position] as number) < rank)) (counts[row] as number)++;
    });
  }
  for (const [name, counts] of found) {
    const store = evaluation.store(name);
    for (let row = 0; row < store.end; row++) {
      if (((store.flags[row] as number) & ALIVE) === 0) continue;
      const [count, n] = [store.countOf(row), counts[row] as number];
      const fail = (what: string): never => {
        throw wrongRow(store, row, interner, what);
      };
      if (count !== n) fail(`has the count ${count}, but ${n} derivations${isRecursive ? " from smaller ranks (I1)" : ""}`);
      if (count <= 0) fail("is there without a derivation (I4)");
      if (isRecursive && store.rankOf(row) <= 0) fail(`has the rank ${store.rankOf(row)}`);
    }
  }
}

/** Every row is the best of its group that anything derives, and follows from rows that come before it, if the stratum has an order. */
function checkExtremes(evaluation: Evaluation, members: ReadonlySet<string>, rules: readonly CoreRule[]): void {
  const { interner, planContext, program } = evaluation;
  const keptOf = (store: RowStore): Kept =>
    keptIn(store, program.relations.get(store.name)?.extreme) ?? { store, column: 0, isMin: true };
  const proved = new Map([...members].map((name) => [name, new Set<number>()]));
  for (const rule of rules) {
    const head = evaluation.store(rule.relation);
    const kept = keptOf(head);
    const { column } = kept;
    const best = bestRows(evaluation, head, column);
    const inner = innerLiterals(evaluation, members, rule);
    visitDerivations(rule, planContext, (tuple, rows) => {
      const row = best.get(groupOf(tuple, column)) ?? -1;
      if (row < 0) throw lacksRow(evaluation, head, tuple, rule);
      const order = compareKept(kept, tuple[column] as number, valueIdIn(kept, row), interner);
      if (order < 0) throw wrongRow(head, row, interner, "is not the best of its group");
      const isProof = inner.every(({ store, position }) =>
        isBefore(keptOf(store), rows[position] as number, kept, row, interner),
      );
      if (order === 0 && (isProof || !head.isOrdered)) proved.get(rule.relation)?.add(row);
    });
  }
  for (const [name, rows] of proved) {
    const store = evaluation.store(name);
    for (let row = 0; row < store.end; row++) {
      if (((store.flags[row] as number) & ALIVE) === 0 || rows.has(row)) continue;
      throw wrongRow(store, row, interner, `does not follow from rows ${store.isOrdered ? "before it" : "that are there"}`);
    }
  }
}

function bestRows({ interner }: Evaluation, store: RowStore, column: number): Map<string, number> {
  const best = new Map<string, number>();
  for (let row = 0; row < store.end; row++) {
    if (((store.flags[row] as number) & ALIVE) === 0) continue;
    const base = row * store.stride;
    const group = groupOf(store.data.subarray(base, base + store.arity), column);
    if (best.has(group)) throw wrongRow(store, row, interner, "is not the only row of its group");
    best.set(group, row);
  }
  return best;
}

function groupOf(ids: Int32Array, column: number): string {
  return ids.filter((_, at) => at !== column).join();
}

/** Positive literals of a rule over relations of its own stratum. */
function innerLiterals(
  evaluation: Evaluation,
  members: ReadonlySet<string>,
  { body }: CoreRule,
): { position: number; store: RowStore }[] {
  return body.flatMap((literal, position) =>
    literal.kind === "atom" && literal.relation !== INIT && members.has(literal.relation)
      ? [{ position, store: evaluation.store(literal.relation) }]
      : [],
  );
}

function aliveRow(store: RowStore, tuple: Int32Array): number {
  const row = store.find(tuple);
  return row >= 0 && ((store.flags[row] as number) & ALIVE) !== 0 ? row : -1;
}

function lacksRow({ interner }: Evaluation, store: RowStore, tuple: Int32Array, { origin }: CoreRule): InvariantError {
  const values = Array.from(tuple, (id) => interner.valueOf(id));
  return wrongStore(store, `lacks ${formatAtom("", values)}, which ${origin.file}:${origin.line} derives (I5)`);
}
