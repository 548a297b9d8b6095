/**
 * Does to a copy of the packet what does not concern the packet itself.
 *
 * The copy is sent into the collector's pair, where another program (program/clone-program.ts) has it at once, on the same processor,
 * and carries out a list of its own: one that lies behind the flow's list in the slot.
 */
import { asm } from "@tenet/bpf";
import { KEPT, keepAll } from "../program/metadata.ts";
import type { ActionName } from "./actions.ts";
import { type ActionCode, type KernelAction, loadArgument } from "./action-kind.ts";

/** Actions of this file. */
export type CloneActionName = "clone" | "end";

/** What they do. */
export const CLONE_ACTIONS: Readonly<Record<CloneActionName, ActionCode>> = {
  /** Sends a copy on: where its list begins, never 0. */
  clone: (maps) => [
    [keepAll(maps), loadArgument("r1", "argument"), asm.store(8, "r0", KEPT.list, "r1")],
    [asm.mov("r1", "r6"), asm.mov("r2", maps.copier), asm.mov("r3", 0), asm.call("clone_redirect"), asm.jump("next")],
  ],
  /** Ends a list behind which another one lies. */
  end: () => asm.jump("done"),
};

/** A copy is to go through a list. @param list - its number, from 1 */
export function clone(list: number): KernelAction<"clone"> {
  return { what: "clone", argument: list, low: 0, high: 0 };
}

/** Lays a flow's lists one behind the other; what lies behind the first is found by its number. */
export function layOut(
  first: readonly KernelAction<ActionName>[],
  others: readonly (readonly KernelAction<ActionName>[])[],
): readonly KernelAction<ActionName>[] {
  if (others.length === 0) return first;
  const out: KernelAction<ActionName>[] = [...first];
  const starts = others.map((list) => out.push({ what: "end", argument: 0, low: 0, high: 0 }, ...list) - list.length);
  return out.map((action) => (action.what === "clone" ? { ...action, argument: starts[action.argument - 1] ?? 0 } : action));
}
