/**
 * The order of a dump of flows: by table, then best priority first; those of one place stay in their order.
 *
 * The list of a hundred thousand is sorted by one digit of a rule's place after the other (radix sort), which can give way to others
 * at any time.
 */
import { LongList } from "@tenet/classifier";
import type { Rule } from "../table/rule.ts";
import type { Work } from "../turns.ts";

/** Digits of a rule's place, the last first. */
const DIGITS: readonly ((rule: Rule) => number)[] = [
  ({ priority }) => 0xff - (priority & 0xff),
  ({ priority }) => 0xff - (priority >> 8),
  ({ table }) => table,
];
/** How many rules are looked at between two chances for others. */
const RULES_PER_STEP = 32;

/** Sorts rules; one that is released meanwhile may be anywhere. */
export function* inDumpOrder(rules: Iterable<Rule>): Work<Iterable<Rule>> {
  let sorted = rules;
  for (const digitOf of DIGITS) {
    const byDigit = Array.from({ length: 0x100 }, () => new LongList<Rule>());
    let n = 0;
    for (const rule of sorted) {
      byDigit[digitOf(rule)]?.push(rule);
      if (++n % RULES_PER_STEP === 0) yield;
    }
    sorted = each(byDigit);
  }
  return sorted;
}

function* each<T>(lists: readonly Iterable<T>[]): Generator<T> {
  for (const list of lists) yield* list;
}
