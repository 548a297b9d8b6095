/**
 * The action set that `write_actions` and the buckets of groups build, and the order in which it is executed.
 *
 * Actions that set or move fields are all kept, in the order in which they were written. Of the others there is one of
 * each kind, and of those that decide where the packet goes only one is executed.
 *
 * @see OpenFlow 1.5.1, section 5.6; ovs-actions(7), "Action Sets"
 */
import type { Action } from "@tenet/openflow";
import { NO_OUTPUT } from "../packet/pipeline-flow.ts";

type Kind = Action["type"];

/** Kinds executed before fields are set, in their order. */
const BEFORE: readonly Kind[] = ["popVlan", "popMpls", "pushMpls", "pushVlan", "decTtl", "decMplsTtl"];
/** Kinds of which all are kept. */
const SETTERS: ReadonlySet<Kind> = new Set<Kind>([
  "setField",
  "move",
  "setVlanVid",
  "setVlanPcp",
  "setMplsLabel",
  "setMplsTc",
  "setMplsTtl",
  "setQueue",
]);
/** Kinds that decide where the packet goes, the one that wins first. */
const FINAL: readonly (readonly Kind[])[] = [
  ["group"],
  ["output", "outputField", "enqueue", "controller"],
  ["resubmit"],
  ["ctClear"],
  ["ct"],
];

/** Adds `written` to `set`; a later action of the same kind replaces the earlier, unless it sets a field. */
export function mergeActionSet(set: readonly Action[], written: readonly Action[]): Action[] {
  const merged = [...set];
  for (const action of written) {
    if (!SETTERS.has(action.type)) {
      const at = merged.findIndex((other) => slotOf(other.type) === slotOf(action.type));
      if (at >= 0) merged.splice(at, 1);
    }
    merged.push(action);
  }
  return merged;
}

/** The actions of a set in the order of execution; without one that sends the packet somewhere there are none. */
export function orderedActionSet(set: readonly Action[]): Action[] {
  const final = FINAL.flatMap((kinds) => set.filter(({ type }) => kinds.includes(type)))[0];
  if (final === undefined) return [];
  return [
    ...BEFORE.flatMap((kind) => set.filter(({ type }) => type === kind)),
    ...set.filter(({ type }) => SETTERS.has(type)),
    final,
  ];
}

/** The port that a set sends the packet to, as `actset_output` tells it: a group keeps to itself where it does. */
export function outputOfSet(set: readonly Action[]): number {
  if (set.some(({ type }) => type === "group")) return NO_OUTPUT;
  const output = set.find((action) => action.type === "output");
  return output?.port ?? NO_OUTPUT;
}

/** Kinds that replace each other share a slot. */
function slotOf(kind: Kind): string {
  return FINAL.find((kinds) => kinds.includes(kind))?.[0] ?? kind;
}
