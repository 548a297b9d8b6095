/**
 * Puts the logical and the physical pipeline side by side.
 *
 * A physical flow stands in the row of the logical flow that it implements (they are linked by UUID);
 * steps without a counterpart get a row of their own. Both keep the order in which the packet met them.
 */
import type { LogicalStep, PhysicalStep } from "../api.ts";

/** One row of the side-by-side view: a logical step, the physical steps that implement it, or either alone. */
export interface LayerRow {
  readonly logical: LogicalStep | undefined;
  readonly physical: readonly PhysicalStep[];
}

/** Merges the two sequences into rows; every step appears exactly once. */
export function alignLayers(logical: readonly LogicalStep[], physical: readonly PhysicalStep[]): LayerRow[] {
  const rows: LayerRow[] = [];
  let next = 0;
  for (const step of logical) {
    const at = physical.findIndex((flow, i) => i >= next && flow.lflow === step.uuid);
    if (at === -1) {
      rows.push({ logical: step, physical: [] });
      continue;
    }
    rows.push(...physical.slice(next, at).map(plumbing));
    let end = at + 1;
    while (physical[end]?.lflow === step.uuid) end++;
    rows.push({ logical: step, physical: physical.slice(at, end) });
    next = end;
  }
  return [...rows, ...physical.slice(next).map(plumbing)];
}

function plumbing(flow: PhysicalStep): LayerRow {
  return { logical: undefined, physical: [flow] };
}
