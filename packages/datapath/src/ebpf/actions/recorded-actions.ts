/** Reads lists of actions as slots have them: words of `KernelAction`, four for each. */
import { type ActionName, actionNumber } from "./actions.ts";

const WORDS = 4;
const ARGUMENT = 1;
const HIGH = 3;

/** Words that hold a number which each process gives as it likes: of a port, of a path into a tunnel, of what packets go on with. */
const NUMBER_AT = new Map<number, number>(
  (
    [
      ["copy", HIGH],
      ["send", HIGH],
      ["copyInto", ARGUMENT],
      ["sendInto", ARGUMENT],
      ["recirc", ARGUMENT],
    ] satisfies [ActionName, number][]
  ).map(([name, at]) => [actionNumber(name), at]),
);
const RECIRC = actionNumber("recirc");

/** Whether the lists of two processes do the same, whatever numbers they give. */
export function doSame(a: Uint32Array, b: Uint32Array): boolean {
  if (a.length !== b.length) return false;
  return a.every((word, i) => word === b[i] || NUMBER_AT.get(a[i - (i % WORDS)] ?? 0) === i % WORDS);
}

/** The `recirc_id`s that packets go on with in a list, in its order. */
export function recircIdsIn(words: Uint32Array): number[] {
  const ids: number[] = [];
  for (let i = 0; i < words.length; i += WORDS) if (words[i] === RECIRC) ids.push(words[i + ARGUMENT] ?? 0);
  return ids;
}
