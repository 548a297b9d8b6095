/** Words of the language that are names elsewhere: `expect` where a line of a test starts, `NOT` where a literal does. */
import type { Stack } from "@lezer/lr";
import { expectWord, notWord } from "./rules-terms.ts";

/** The word that a name is at this place, or -1 if it is a name. */
export function wordHere(name: string, stack: Stack): number {
  const word = name === "expect" ? expectWord : name === "NOT" ? notWord : undefined;
  return word !== undefined && stack.canShift(word) ? word : -1;
}
