/**
 * Gathers the rows of a story that only pass the packet on.
 *
 * What: a row passes on when its logical flow does nothing but `next;` and no northbound row stands behind it, and
 * each of its OpenFlow flows is a lone resubmit. Neighbours of one pipeline and one switch make a run.
 * Why: a packet meets some thirty stages and a handful of them decide; the others are one line until someone asks.
 */
import type { LogicalStep, PhysicalStep } from "../api.ts";
import type { LayerRow } from "./align-layers.ts";

/** A row that says something, or a run of rows that pass the packet on. */
export type Fold =
  | { readonly kind: "row"; readonly row: LayerRow }
  | { readonly kind: "run"; readonly rows: readonly [LayerRow, ...LayerRow[]] };

/** Which pipeline a row belongs to; `plumbing` is an OpenFlow flow that implements no logical one. */
export type Pipeline = LogicalStep["pipeline"] | "plumbing";

/**
 * Folds the rows of a story; every row appears exactly once, in its order.
 *
 * @param isDeciding - rows that stay in sight whatever they do
 */
export function foldRows(rows: readonly LayerRow[], isDeciding: (row: LayerRow) => boolean): Fold[] {
  const folds: Fold[] = [];
  for (const row of rows) {
    const last = folds.at(-1);
    if (isDeciding(row) || !passesOn(row)) folds.push({ kind: "row", row });
    else if (last?.kind === "run" && areNeighbours(last.rows[0], row)) {
      folds[folds.length - 1] = { kind: "run", rows: [...last.rows, row] };
    } else folds.push({ kind: "run", rows: [row] });
  }
  return folds;
}

/** The pipeline of a row. */
export function pipelineOf({ logical }: LayerRow): Pipeline {
  return logical?.pipeline ?? "plumbing";
}

function areNeighbours(a: LayerRow, b: LayerRow): boolean {
  return pipelineOf(a) === pipelineOf(b) && a.logical?.datapath === b.logical?.datapath;
}

function passesOn({ logical, physical }: LayerRow): boolean {
  return (logical === undefined || isPlainNext(logical)) && physical.every(isLoneResubmit);
}

function isPlainNext({ actions, hint }: LogicalStep): boolean {
  return hint === undefined && actions.trim() === "next;";
}

function isLoneResubmit({ actions }: PhysicalStep): boolean {
  return /^resubmit\(,\d+\)$/.test(actions.trim());
}
