/** The whole state as text: every row of every relation, hidden ones too, with its count and rank. Two states are equal if their texts are. */
import { formatAtom } from "../../value.ts";
import { readTuple } from "../delta.ts";
import type { Evaluation } from "../evaluate/evaluation.ts";
import { ALIVE } from "../rows/views.ts";
import { InvariantError } from "./invariant-error.ts";

/** A line per row, sorted. */
export function stateText({ stores, interner }: Evaluation): string[] {
  const lines: string[] = [];
  for (const store of stores.values()) {
    for (let row = 0; row < store.end; row++) {
      if (((store.flags[row] as number) & ALIVE) === 0) continue;
      const rank = store.stride > store.arity ? `, rank ${store.rankOf(row)}` : "";
      lines.push(`${formatAtom(store.name, readTuple(store, row, interner))}: ${store.countOf(row)} derivations${rank}`);
    }
  }
  return lines.sort();
}

/** Throws an {@link InvariantError} with the first line that differs from those of an earlier state. */
export function checkSameState(before: readonly string[], evaluation: Evaluation): void {
  const now = stateText(evaluation);
  const at = now.findIndex((line, i) => line !== before[i]);
  if (at < 0 && now.length === before.length) return;
  const i = at < 0 ? now.length : at;
  throw new InvariantError(
    `after a rollback there is ${now[i] ?? "nothing more"}, where before there was ${before[i] ?? "nothing more"}`,
  );
}
