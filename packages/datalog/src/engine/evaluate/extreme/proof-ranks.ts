/**
 * Ranks for proofs of rows that have no place in the order of their recursion (`kept-order.ts`): found when someone asks.
 *
 * A row's derivations are sought backwards, and those of the rows that they are from, until nothing is new; then ranks go forward: a row that
 * follows from rows with ranks gets the next one. A derivation from rows of smaller rank is part of a proof without cycles.
 * Costs what the rows cost that the row may rest on.
 */
import type { CoreRule } from "../../../check/core.ts";
import { compilePlan, type Plan, type PlanContext } from "../../plan/plan.ts";
import type { RowStore } from "../../rows/row-store.ts";
import { OLD_STATE } from "../../rows/views.ts";

interface Node {
  readonly store: RowStore;
  readonly row: number;
  rank: number;
}

interface Derivation {
  readonly head: Node;
  readonly from: readonly Node[];
}

/** The ranks of the rows of one recursion. */
export class ProofRanks {
  readonly #context: PlanContext;
  readonly #rules: readonly CoreRule[];
  readonly #members: ReadonlySet<string>;
  readonly #nodes = new Map<RowStore, Map<number, Node>>();

  /** @param rules - those of the recursion, which derive `members` */
  constructor(rules: readonly CoreRule[], members: ReadonlySet<string>, context: PlanContext) {
    this.#rules = rules;
    this.#members = members;
    this.#context = context;
  }

  /** The rank of a row that is there; infinite if it has no proof of present rows. */
  rankOf(store: RowStore, row: number): number {
    const known = this.#nodes.get(store)?.get(row);
    if (known !== undefined) return known.rank;
    const found: Node[] = [];
    const derivations: Derivation[] = [];
    const plans = this.#rules.map((rule) => this.#planOf(rule, found, derivations));
    const node = this.#nodeOf(store, row, found);
    for (let i = 0; i < found.length; i++) {
      const head = found[i] as Node;
      for (const { rule, run } of plans) if (rule.relation === head.store.name) run(head);
    }
    giveRanks(derivations);
    return node.rank;
  }

  #planOf(rule: CoreRule, found: Node[], derivations: Derivation[]): { rule: CoreRule; run: (head: Node) => void } {
    const own = rule.body.flatMap((literal, position) =>
      literal.kind === "atom" && this.#members.has(literal.relation)
        ? [{ position, store: this.#context.storeOf(literal.relation) }]
        : [],
    );
    let at: Node | undefined;
    const tell = (plan: Plan): boolean => {
      const from = own.map(({ position, store }) => this.#nodeOf(store, plan.rows[position] as number, found));
      if (at !== undefined) derivations.push({ head: at, from });
      return false;
    };
    const plan = compilePlan({ rule, from: "head", viewOf: () => OLD_STATE, sink: { kind: "call", tell } }, this.#context);
    const run = (head: Node): void => {
      at = head;
      plan.run(Int32Array.of(head.row), 1, 1);
    };
    return { rule, run };
  }

  #nodeOf(store: RowStore, row: number, found: Node[]): Node {
    const nodes = this.#nodes.get(store) ?? new Map<number, Node>();
    this.#nodes.set(store, nodes);
    const known = nodes.get(row);
    if (known !== undefined) return known;
    const node = { store, row, rank: Number.POSITIVE_INFINITY };
    nodes.set(row, node);
    found.push(node);
    return node;
  }
}

/** Round by round; each derivation is looked at when the last of its rows got a rank. */
function giveRanks(derivations: readonly Derivation[]): void {
  const users = new Map<Node, Derivation[]>();
  const missing = new Map<Derivation, number>();
  let ready: Derivation[] = [];
  for (const derivation of derivations) {
    const waits = new Set(derivation.from.filter(({ rank }) => rank === Number.POSITIVE_INFINITY));
    missing.set(derivation, waits.size);
    if (waits.size === 0) ready.push(derivation);
    for (const node of waits) {
      const known = users.get(node);
      if (known === undefined) users.set(node, [derivation]);
      else known.push(derivation);
    }
  }
  while (ready.length > 0) {
    const next: Derivation[] = [];
    const ranked = ready.map(({ head, from }) => ({ head, rank: Math.max(0, ...from.map(({ rank }) => rank)) + 1 }));
    for (const { head, rank } of ranked) {
      if (head.rank !== Number.POSITIVE_INFINITY) continue;
      head.rank = rank;
      for (const user of users.get(head) ?? []) {
        const left = (missing.get(user) ?? 0) - 1;
        missing.set(user, left);
        if (left === 0) next.push(user);
      }
    }
    ready = next;
  }
}
