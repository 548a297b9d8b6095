/** One flow table: its rules, in a classifier, and what its lookups came to. */
import { Classifier } from "@tenet/classifier";
import type { Rule } from "./rule.ts";

/** A table that was looked at and the rule found there; one object for all packets that fare so. */
export interface TableVisit {
  readonly table: FlowTable;
  readonly rule: Rule | undefined;
}

/** A table of a bridge. */
export class FlowTable {
  /** 0 to 254. */
  readonly number: number;
  readonly classifier: Classifier<Rule> = new Classifier<Rule>();
  nLookups = 0;
  nMatches = 0;
  readonly #miss: TableVisit = { table: this, rule: undefined };

  constructor(number: number) {
    this.number = number;
  }

  /** The visit of packets that find `rule`, which is of this table. */
  visitOf(rule: Rule | undefined): TableVisit {
    if (rule === undefined) return this.#miss;
    rule.visit ??= { table: this, rule };
    return rule.visit;
  }
}
