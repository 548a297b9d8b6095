/** What the classifier asks of a rule. */

/** Match in FlowKey words; `key` has no bit outside `mask`. A rule's is not changed while the rule is in a classifier. */
export interface RuleMatch {
  readonly key: Uint32Array;
  readonly mask: Uint32Array;
  /** Writes the words of the key that the mask looks at into another one: for matches whose `key` is made when it is asked for. */
  readonly unpack?: (key: Uint32Array) => void;
}

/** One clause of a conjunctive match: this rule satisfies clause `clause` (from 0) of `nClauses` of match `id`. */
export interface Conjunction {
  readonly id: number;
  readonly clause: number;
  readonly nClauses: number;
}

/** A rule: a match at a priority. A rule with conjunctions is "soft": it never is a result by itself. */
export interface ClassifierRule {
  readonly match: RuleMatch;
  readonly priority: number;
  readonly conjunctions?: readonly Conjunction[] | undefined;
  /** The classifier's own: since which version of it lookups see the rule, or, negative, do so no more; 0 = always. */
  since?: number;
  /** The classifier's own: whether the rule has conjunctions, or will have. */
  isSoft?: boolean;
}
