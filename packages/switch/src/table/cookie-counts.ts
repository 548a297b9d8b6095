/**
 * How many rules of a table have a cookie: `learn` adds no more than its `limit` says.
 *
 * Only what somebody has asked for is counted, from then on: most cookies nobody asks for.
 */
import type { FlowTable } from "./flow-table.ts";
import { learnedId } from "./reference-index.ts";
import type { Rule } from "./rule.ts";

/** Numbers of rules by table and cookie. */
export class CookieCounts {
  readonly #countById = new Map<bigint, number>();

  /** Takes part in the count, with the cookie that the rule has after all changes so far. */
  add(rule: Rule): void {
    if (this.#countById.size > 0) this.#change(rule, 1);
  }

  /** Takes back one `add`. */
  remove(rule: Rule): void {
    if (this.#countById.size > 0) this.#change(rule, -1);
  }

  /** How many there are; all rules of the table are looked at when it is asked for the first time. */
  countOf({ number, classifier }: FlowTable, cookie: bigint): number {
    const id = learnedId(number, cookie);
    let count = this.#countById.get(id);
    if (count === undefined) {
      count = 0;
      for (const { latest } of classifier.rules()) if (latest.cookie === cookie) count++;
      this.#countById.set(id, count);
    }
    return count;
  }

  #change({ table, latest }: Rule, by: number): void {
    const id = learnedId(table, latest.cookie);
    const count = this.#countById.get(id);
    if (count !== undefined) this.#countById.set(id, count + by);
  }
}
