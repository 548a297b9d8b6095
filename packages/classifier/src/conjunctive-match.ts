/**
 * `conjunction(id, k/n)`: a match that is the product of n sets, held as the sum of their sizes.
 *
 * What: soft rules that match the packet each satisfy clauses; when all clauses of an id are satisfied at one
 * priority, the packet is looked up again with `conj_id` = id, and that rule is the result. How: judge the
 * soft priorities above the best hard rule from the highest down; a chain whose soft rule leads nowhere falls
 * to its next lower rule. Limits: at most 64 clauses; ids do not nest.
 *
 * @see ovs-actions(7), conjunction
 */
import { FIELDS, setField } from "@tenet/net";
import type { ClassifierRule } from "./rule.ts";

interface Candidate<R> {
  readonly chain: readonly R[];
  position: number;
}

/** Collects the soft rules of one lookup and judges them. */
export class ConjunctiveMatch<R extends ClassifierRule> {
  #candidates: Candidate<R>[] = [];

  /** Forgets the last lookup. */
  start(): void {
    if (this.#candidates.length > 0) this.#candidates = [];
  }

  /** Notes a chain whose best rule is soft. */
  offer(chain: readonly R[]): void {
    this.#candidates.push({ chain, position: 0 });
  }

  /**
   * The result of the lookup whose best hard rule is `hard`.
   *
   * @param lookupWithId - looks `flow` up again, hard rules only; `conj_id` is set during the call
   */
  resolve(hard: R | undefined, flow: Uint32Array, lookupWithId: (flow: Uint32Array) => R | undefined): R | undefined {
    let best = hard;
    for (;;) {
      const floor = best?.priority ?? -1;
      this.#candidates = this.#candidates.filter(({ chain, position }) => (chain[position]?.priority ?? -1) > floor);
      if (this.#candidates.length === 0) return best;
      const priority = Math.max(...this.#candidates.map(({ chain, position }) => chain[position]?.priority ?? -1));
      const found = this.#judge(priority, flow, lookupWithId);
      if (found !== undefined) return found;
      best = this.#descend(priority, best);
    }
  }

  #judge(priority: number, flow: Uint32Array, lookupWithId: (flow: Uint32Array) => R | undefined): R | undefined {
    const clausesById = new Map<number, Set<number>>();
    for (const { chain, position } of this.#candidates) {
      const rule = chain[position];
      if (rule?.priority !== priority) continue;
      for (const { id, clause, nClauses } of rule.conjunctions ?? []) {
        const clauses = clausesById.get(id) ?? new Set();
        clausesById.set(id, clauses.add(clause));
        if (clauses.size < nClauses) continue;
        setField(flow, FIELDS.conj_id, id);
        const found = lookupWithId(flow);
        setField(flow, FIELDS.conj_id, 0);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  /** Moves the chains of this priority to their next rule; returns the best hard rule found so. */
  #descend(priority: number, hard: R | undefined): R | undefined {
    let best = hard;
    for (const candidate of this.#candidates) {
      if (candidate.chain[candidate.position]?.priority !== priority) continue;
      candidate.position++;
      const next = candidate.chain[candidate.position];
      if (next !== undefined && next.conjunctions === undefined) {
        if (next.priority > (best?.priority ?? -1)) best = next;
        candidate.position = candidate.chain.length;
      }
    }
    return best;
  }
}
