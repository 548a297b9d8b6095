/** `check_pkt_larger`: the datapath alone knows how long a packet is, so that what follows is translated for either answer. */
import type { Action } from "@tenet/openflow";
import type { Walk } from "../walk.ts";

type CheckPacketLarger = Extract<Action, { type: "checkPacketLarger" }>;

/** Does what is left of a list for longer and for shorter packets. */
export function branchByLength(walk: Walk, { sizeBytes, target }: CheckPacketLarger, rest: readonly Action[]): void {
  if (rest.length === 0 || !walk.countLookup()) return; // each branch doubles what is left to do
  const { actionSet, stack } = walk;
  // The action set is executed for longer packets alone, and not at all once shorter ones have met `exit`, as at the original.
  let isOver = false;
  const [greater = [], lessOrEqual = []] = [1n, 0n].map((isLarger) => {
    walk.stack = [...stack];
    return walk.aside(() => {
      walk.packet.store(target, isLarger);
      walk.executeRest(rest);
      walk.executeActionSet();
      isOver = walk.isOver;
    });
  });
  walk.isOver ||= isOver;
  walk.actionSet = actionSet;
  walk.stack = stack;
  walk.out.push({ type: "checkLength", sizeBytes, greater, lessOrEqual });
}
