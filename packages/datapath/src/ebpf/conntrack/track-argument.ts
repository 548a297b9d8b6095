/** What a `track` action of the kernel's program says: zone, flags and its place in the list, and words in the actions behind it. */
import { SLOT } from "../slot.ts";

/** Bits of the action's argument, above the zone. */
export const TRACK_FLAG = {
  force: 0x1_0000,
  translate: 0x2_0000,
  commit: 0x4_0000,
  /** The words of the label follow, those to keep and those to set. */
  label: 0x8_0000,
  /** The program may make the connection. */
  begin: 0x10_0000,
  /** The range that its translation is chosen from follows, see nat-range.ts, behind the label. */
  range: 0x20_0000,
} as const;

/** Above them is the number of the point where this process goes on with the action. */
export const POINT_SHIFT = 24;

/** Words that an action has for the one before it, and actions that hold a label. */
export const WORDS_PER_ACTION = 3;
export const LABEL_ACTIONS = 3;

/** Where a word lies in the actions behind the one at hand, from the beginning of a slot when that is the first. */
export function wordBehind(word: number): number {
  const action = 1 + Math.floor(word / WORDS_PER_ACTION);
  return SLOT.actions + SLOT.actionBytes * action + 4 + 4 * (word % WORDS_PER_ACTION);
}
