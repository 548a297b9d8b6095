/**
 * Puts one program in place of another as a transaction: what the rows of inputs must be under the new one, and what changed.
 */
import type { CoreRelation } from "../check/core.ts";
import type { Program } from "../compile.ts";
import type { Tuple } from "../value.ts";
import { compareNames, type Delta, deltaOf, LargeDelta, type RelationDelta } from "./delta.ts";
import { RelationError } from "./errors.ts";
import type { Evaluation, Replacement } from "./evaluate/evaluation.ts";
import { checkKeys, typedIds } from "./input-row.ts";
import type { RowStore } from "./rows/row-store.ts";
import { Snapshot } from "./snapshot.ts";
import { OLD_STATE } from "./rows/views.ts";

/** Replaces the program of an evaluation; an error leaves everything as it was. */
export function replaceProgram(evaluation: Evaluation, program: Program): Delta {
  const inputs = redeclaredInputs(evaluation.program, program);
  evaluation.begin();
  const replacement = evaluation.replace(program, () => inputs.map((relation) => readAgain(evaluation, relation)));
  const { step, goBack } = replacement;
  try {
    for (const relation of inputs) {
      const store = evaluation.store(relation.name);
      checkKeys(relation, store, store.shown(OLD_STATE), evaluation.interner);
    }
  } catch (error) {
    evaluation.undo(step);
    evaluation.release([step]);
    goBack();
    throw error;
  }
  const delta = withGone(deltaOf([step], evaluation), evaluation, replacement);
  evaluation.release([step]);
  return delta;
}

/** Inputs of both programs whose columns have other types or keys. */
function redeclaredInputs(before: Program, program: Program): CoreRelation[] {
  return [...program.relations.values()].filter(({ name, kind, columns }) => {
    const old = before.relations.get(name);
    if (kind !== "input" || old?.kind !== "input") return false;
    if (old.columns.length !== columns.length) {
      throw new RelationError(`Cannot replace the program: input "${name}" has other columns now`, {
        details: { relation: name },
      });
    }
    return columns.some(({ type, isKey = false }, i) => {
      const column = old.columns[i];
      return column?.type !== type || (column?.isKey ?? false) !== isKey;
    });
  });
}

/** Reads the texts of an input's columns as their types now want it. */
function readAgain(evaluation: Evaluation, relation: CoreRelation): RowStore {
  const store = evaluation.store(relation.name);
  const { arity, stride } = store;
  for (const row of store.shown(OLD_STATE).values()) {
    const before = store.data.slice(row * stride, row * stride + arity);
    const now = typedIds(relation, before, evaluation.interner);
    if (now.every((id, i) => id === before[i])) continue;
    evaluation.setInput(store, before, false);
    evaluation.setInput(store, now, true);
  }
  return store;
}

/** The delta with the rows of relations that are not there any more, or have other columns. */
function withGone(delta: Delta, evaluation: Evaluation, { before }: Replacement): Delta {
  const all = new Map<string, RelationDelta>(delta);
  for (const [name, store] of before.stores) {
    if (name.startsWith("$") || store.size === 0 || evaluation.stores.get(name)?.arity === store.arity) continue;
    const nothing: readonly Tuple[] = [];
    const gone = new Snapshot(store, store.shown(OLD_STATE), evaluation.interner, true);
    const come = all.get(name);
    all.set(name, new LargeDelta({ tuples: () => come?.inserted ?? nothing }, gone));
  }
  return new Map([...all].sort(([a], [b]) => compareNames(a, b)));
}
