/** The order that OpenFlow 1.1 and later give to instructions, and what may stand beside a conjunction. */
import type { Action } from "../action.ts";
import type { Span } from "./span.ts";

const RANKS: Partial<Record<Action["type"], readonly [rank: number, name: string]>> = {
  meter: [0, "meter"],
  clearActions: [2, "clear_actions"],
  writeActions: [3, "write_actions"],
  writeMetadata: [4, "write_metadata"],
  gotoTable: [5, "goto_table"],
};
const APPLY = [1, "other actions"] as const;

/**
 * Checks that instructions come in the order in which every version executes them.
 *
 * @param items - the source of each action, same length
 * @throws SourceError at the first action out of order, or beside a conjunction
 */
export function checkActionOrder(actions: readonly Action[], items: readonly Span[]): void {
  const hasConjunction = actions.some((action) => action.type === "conjunction");
  let [highest, highestName]: readonly [number, string] = [-1, ""];
  actions.forEach((action, i) => {
    const [rank, name] = RANKS[action.type] ?? APPLY;
    if (rank < highest || (rank === highest && rank !== APPLY[0])) {
      throw items[i]?.fail(rank === highest ? `${name} is given twice` : `${name} must come before ${highestName}`);
    }
    if (hasConjunction && action.type !== "conjunction" && action.type !== "note") {
      throw items[i]?.fail("Beside conjunction only other conjunctions and notes may stand");
    }
    [highest, highestName] = [rank, name];
  });
}
