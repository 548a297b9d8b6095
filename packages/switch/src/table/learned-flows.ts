/** Flows that packets teach, by `learn` actions. */
import type { Clock } from "@tenet/kit";
import type { FlowSpec } from "@tenet/openflow";
import type { FlowChange } from "./flow-mod.ts";
import { RefusedError } from "./refused-error.ts";
import type { Rule } from "./rule.ts";
import type { RuleBook } from "./rule-book.ts";
import type { TlvTable } from "./tlv-table.ts";

/** Learned flows of one bridge. */
export class LearnedFlows {
  readonly #book: RuleBook;
  readonly #tlvTable: TlvTable;
  readonly #clock: Clock;
  readonly #apply: (change: FlowChange) => void;

  /** @param apply - carries out one flow-mod; throws RefusedError */
  constructor(book: RuleBook, tlvTable: TlvTable, clock: Clock, apply: (change: FlowChange) => void) {
    this.#book = book;
    this.#tlvTable = tlvTable;
    this.#clock = clock;
    this.#apply = apply;
  }

  /**
   * Adds a learned flow, or refreshes the one that is there.
   *
   * @param limit - flows with its cookie in its table beyond which none is added; 0 = no limit
   * @returns whether the flow is there afterwards
   */
  learn(asTaught: FlowSpec, limit: number): boolean {
    const flow = this.#tlvTable.placeFlow(asTaught);
    const found = this.#find(flow);
    if (found?.isLike(flow) === true) {
      found.modifiedMs = this.#clock.monotonicMs();
      return true;
    }
    if (limit > 0 && this.#book.cookies.countOf(this.#book.table(flow.table), flow.cookie) >= limit) return false;
    try {
      this.#apply({ command: "modifyStrict", flow, isUpsert: true, isOf10: true, newCookie: flow.cookie });
    } catch (error) {
      if (error instanceof RefusedError) return false;
      throw error;
    }
    return true;
  }

  /** Whether a learned flow is in its table as it is. */
  has(asTaught: FlowSpec): boolean {
    const flow = this.#tlvTable.placeFlow(asTaught);
    return this.#find(flow)?.isLike(flow) === true;
  }

  /** The rule with the match and priority of a flow. */
  #find({ table, match: { key, mask }, priority }: FlowSpec): Rule | undefined {
    return this.#book.table(table).classifier.find(key, mask, priority);
  }
}
