/**
 * The action set that `write_actions` builds and the end of the pipeline executes.
 *
 * At most one action of each kind; sets of different fields are different kinds. Execution order is fixed.
 *
 * @see OpenFlow 1.5.1, section 5.6
 */
import type { Action } from "@tenet/openflow";

const ORDER: readonly Action["type"][] = ["popVlan", "pushVlan", "decTtl", "move", "setField", "setQueue", "group", "output"];

/** Adds `written` to `set`; a later action of the same kind replaces the earlier. */
export function mergeActionSet(set: readonly Action[], written: readonly Action[]): Action[] {
  const merged = [...set];
  for (const action of written) {
    const at = merged.findIndex((other) => isSameKind(other, action));
    if (at >= 0) merged.splice(at, 1);
    merged.push(action);
  }
  return merged;
}

/** The actions of a set in the order of execution; without an output or group there are none. */
export function orderedActionSet(set: readonly Action[]): Action[] {
  const hasGroup = set.some(({ type }) => type === "group");
  const hasOutput = hasGroup || set.some(({ type }) => type === "output" || type === "outputField" || type === "resubmit");
  if (!hasOutput) return [];
  const executed = set.filter(({ type }) => !(hasGroup && type === "output"));
  return executed.sort((a, b) => rank(a) - rank(b));
}

function rank({ type }: Action): number {
  const at = ORDER.indexOf(type);
  return at < 0 ? ORDER.length : at;
}

function isSameKind(a: Action, b: Action): boolean {
  if (a.type === "setField" && b.type === "setField") return a.field.name === b.field.name;
  return a.type === b.type;
}
