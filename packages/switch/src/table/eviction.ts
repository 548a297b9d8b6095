/**
 * Which flow goes when one more comes to a full table.
 *
 * Only flows with a timeout can go. Of the groups that the table's fields make, the one with most flows loses one:
 * the least important, and among those the one that would end first. Where a controller did not ask for eviction,
 * importance does not count.
 *
 * Limits: looks at all flows of the table each time.
 *
 * @see ovs-vswitchd.conf.db(5), Flow_Table; OpenFlow 1.5.1, section 6.5
 */
import type { FieldSpec } from "@tenet/net";
import type { Rule } from "./rule.ts";

/** How a table parts and orders its flows. */
export interface EvictionOrder {
  readonly groups: readonly FieldSpec[];
  readonly byImportance: boolean;
}

/** The rule to remove, other than `newcomer`; `undefined` when none has a timeout. */
export function chooseVictim(rules: Iterable<Rule>, newcomer: Rule | undefined, order: EvictionOrder): Rule | undefined {
  const best = new Map<string, { n: number; victim: Rule }>();
  for (const rule of rules) {
    if (!rule.isMortal || rule === newcomer) continue;
    const group = groupOf(rule, order.groups);
    const held = best.get(group);
    if (held === undefined) best.set(group, { n: 1, victim: rule });
    else {
      held.n++;
      if (goesBefore(rule, held.victim, order.byImportance)) held.victim = rule;
    }
  }
  let largest: { n: number; victim: Rule } | undefined;
  for (const group of best.values()) if (largest === undefined || group.n > largest.n) largest = group;
  return largest?.victim;
}

function goesBefore(a: Rule, b: Rule, byImportance: boolean): boolean {
  if (byImportance && a.importance !== b.importance) return a.importance < b.importance;
  return endOf(a) < endOf(b);
}

/** Monotonic ms at which a rule ends, if no packet comes. */
function endOf({ hardTimeout, idleTimeout, modifiedMs, usedMs }: Rule): number {
  const hard = hardTimeout > 0 ? modifiedMs + hardTimeout * 1000 : Infinity;
  const idle = idleTimeout > 0 ? Math.max(usedMs, modifiedMs) + idleTimeout * 1000 : Infinity;
  return Math.min(hard, idle);
}

function groupOf(rule: Rule, fields: readonly FieldSpec[]): string {
  if (fields.length === 0) return "";
  const { key, mask } = rule.match;
  return fields
    .map(({ word, nWords, nBits, shift }) => {
      const ones = nWords > 1 || nBits === 32 ? 0xffffffff : ((1 << nBits) - 1) << shift;
      const of = (words: Uint32Array): string => Array.from(words.subarray(word, word + nWords), (w) => w & ones).join(".");
      return `${of(key)}/${of(mask)}`;
    })
    .join();
}
