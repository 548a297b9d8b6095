/** Puts the input rows of a version into an engine. */
import type { Program } from "../compile.ts";
import type { Change } from "../engine/delta.ts";
import type { Engine } from "../engine/engine.ts";
import type { HistoryLog } from "./history-log.ts";
import { netOf } from "./net-changes.ts";

/** The names of a program's inputs. */
export function inputsOf(program: Program): ReadonlySet<string> {
  return new Set([...program.relations.values()].flatMap(({ name, kind }) => (kind === "input" ? [name] : [])));
}

/** Tells which changes a program can take: those of its inputs, with their number of columns. */
export function fits({ relations }: Program): (change: Change) => boolean {
  return ({ relation, tuple }) => {
    const known = relations.get(relation);
    return known?.kind === "input" && known.columns.length === tuple.length;
  };
}

/**
 * Loads a new engine with the state of a version, in one transaction.
 *
 * @returns relations that have rows which the engine's program cannot take; they are left out
 */
export function loadInputs(log: HistoryLog, version: number, engine: Engine): string[] {
  const checkpoint = log.checkpointFor(version);
  const net = netOf(log.commitsBetween(checkpoint.version, version));
  const isFitting = fits(engine.program);
  const nLeftOut = new Map<string, number>();
  const transaction = engine.begin();
  const load = (changes: readonly Change[]): void => {
    transaction.apply(changes.filter(isFitting));
    for (const change of changes) {
      const { relation, weight } = change;
      if (!isFitting(change)) nLeftOut.set(relation, (nLeftOut.get(relation) ?? 0) + weight);
    }
  };
  for (const { relation, tuples } of log.rowsOf(checkpoint)) {
    if (!net.cleared.has(relation)) load(tuples.map((tuple) => ({ relation, tuple, weight: 1 })));
  }
  load(net.changes());
  transaction.commit();
  return [...nLeftOut].flatMap(([relation, n]) => (n > 0 ? [relation] : []));
}
