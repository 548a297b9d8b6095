/**
 * All proofs of a row, the smallest first.
 *
 * What: a proof chooses one derivation for each row in it, so that no row follows from itself. How: all derivations of all rows that
 * may take part are found by running the rules backwards; then proofs are put together from the top, the one that promises to be the smallest
 * first. What is not yet chosen is taken for its smallest proof, which never promises too little.
 * Limits: there may be exponentially many, so they are made when asked for; rows beyond a number or depth are not proven themselves.
 */
import type { CoreRule } from "../../check/core.ts";
import type { Value } from "../../value.ts";
import { readTuple } from "../delta.ts";
import type { Evaluation } from "../evaluate/evaluation.ts";
import { absenceOf, explainRow, type Proof } from "./explain.ts";
import { compilePlan, type Plan } from "../plan/plan.ts";
import type { RowStore } from "../rows/row-store.ts";
import { INIT } from "../evaluate/start.ts";
import { OLD_STATE } from "../rows/views.ts";

/** How far a search for proofs goes. */
export interface ProofOptions {
  /** Steps from the row to the last row that is proven itself. Default 100. */
  readonly maxDepth?: number;
  /** Rows that are proven themselves. Default 10,000. */
  readonly maxRows?: number;
}

/** A row in a proof. */
interface Node {
  readonly store: RowStore;
  readonly row: number;
  /** Empty for what is not proven itself: inputs, aggregates, rows beyond a limit. */
  readonly derivations: Derivation[];
  /** What is not proven itself, as it is shown. */
  leaf: Proof | undefined;
  /** Rows of its smallest proof, each counted as often as it occurs. */
  least: number;
}

interface Derivation {
  readonly rule: CoreRule;
  readonly values: readonly Value[];
  readonly from: readonly Node[];
}

/** A proof in the making: a choice for one row more than another one has. */
interface Choice {
  readonly before: Choice | undefined;
  readonly node: Node;
  readonly derivation: Derivation;
}

type Chosen = ReadonlyMap<Node, Derivation>;

/** Proofs of a row that is there. The engine must not change in between. */
export function* proofsOf(evaluation: Evaluation, store: RowStore, row: number, options: ProofOptions): Generator<Proof> {
  const root = new Derivations(evaluation, options).nodeFor(store, row);
  const waiting = new Waiting();
  waiting.add(undefined, root.least);
  for (let choice = waiting.take(); choice !== null; choice = waiting.take()) {
    const chosen = chosenBy(choice);
    const open = openNode(root, chosen, new Set());
    if (open === undefined) {
      yield proofBy(root, chosen, evaluation, new Map());
      continue;
    }
    for (const derivation of open.derivations) {
      if (derivation.from.some((node) => leadsTo(node, open, chosen))) continue;
      const next = { before: choice, node: open, derivation };
      const size = sizeOf(root, chosenBy(next), new Map());
      if (size < Number.POSITIVE_INFINITY) waiting.add(next, size);
    }
  }
}

/** Finds the rows that may take part in a proof, with all their derivations. */
class Derivations {
  readonly #evaluation: Evaluation;
  readonly #nodes = new Map<RowStore, Map<number, Node>>();
  readonly #plans = new Map<CoreRule, { readonly plan: Plan; found: { rows: readonly number[]; values: readonly Value[] }[] }>();
  readonly #maxDepth: number;
  readonly #maxRows: number;

  constructor(evaluation: Evaluation, { maxDepth = 100, maxRows = 10_000 }: ProofOptions) {
    this.#evaluation = evaluation;
    this.#maxDepth = maxDepth;
    this.#maxRows = maxRows;
  }

  nodeFor(store: RowStore, row: number): Node {
    const root = this.#node(store, row);
    const nodes: Node[] = [];
    let level = [root];
    for (let depth = 0; level.length > 0; depth++) {
      const next: Node[] = [];
      for (const node of level) {
        nodes.push(node);
        const isBeyond = depth > this.#maxDepth || nodes.length > this.#maxRows;
        if (this.#isLeaf(node)) node.leaf = explainRow(this.#evaluation, node.store, node.row);
        else if (isBeyond) node.leaf = this.#unproven(node);
        else this.#derive(node, next);
        if (node.leaf !== undefined) node.least = 1;
      }
      level = next;
    }
    for (let isStable = false; !isStable; ) {
      isStable = true;
      for (const node of nodes) {
        for (const { from } of node.derivations) {
          const size = from.reduce((sum, { least }) => sum + least, 1);
          if (size >= node.least) continue;
          node.least = size;
          isStable = false;
        }
      }
    }
    return root;
  }

  #node(store: RowStore, row: number): Node {
    const rows = this.#nodes.get(store) ?? new Map<number, Node>();
    this.#nodes.set(store, rows);
    const node = rows.get(row) ?? { store, row, derivations: [], leaf: undefined, least: Number.POSITIVE_INFINITY };
    rows.set(row, node);
    return node;
  }

  #isLeaf({ store }: Node): boolean {
    const { program } = this.#evaluation;
    return (
      program.relations.get(store.name)?.kind === "input" || program.aggregates.some(({ relation }) => relation === store.name)
    );
  }

  #unproven({ store, row }: Node): Proof {
    const tuple = readTuple(store, row, this.#evaluation.interner);
    return { relation: store.name, tuple, because: [], note: "derived; the proof goes on" };
  }

  /** Finds all derivations of a row; rows that are met for the first time are added to the next level. */
  #derive(node: Node, next: Node[]): void {
    for (const rule of this.#evaluation.rules) {
      if (rule.relation !== node.store.name) continue;
      for (const { rows, values } of this.#search(rule, node.row)) {
        const from = rule.body.flatMap((literal, i) => {
          if (literal.kind !== "atom" || literal.relation === INIT) return [];
          const store = this.#evaluation.store(literal.relation);
          const isNew = this.#nodes.get(store)?.has(rows[i] as number) !== true;
          const found = this.#node(store, rows[i] as number);
          if (isNew) next.push(found);
          return [found];
        });
        node.derivations.push({ rule, values, from });
      }
    }
  }

  #search(rule: CoreRule, row: number): readonly { rows: readonly number[]; values: readonly Value[] }[] {
    let known = this.#plans.get(rule);
    if (known === undefined) {
      const { planContext, interner } = this.#evaluation;
      const found: { rows: readonly number[]; values: readonly Value[] }[] = [];
      const tell = ({ rows, registers }: Plan): boolean => {
        found.push({ rows: [...rows], values: [...registers].map((id) => interner.valueOf(id)) });
        return false;
      };
      const plan = compilePlan({ rule, from: "head", viewOf: () => OLD_STATE, sink: { kind: "call", tell } }, planContext);
      known = { plan, found };
      this.#plans.set(rule, known);
    }
    known.found.length = 0;
    known.plan.run(Int32Array.of(row), 1, 1);
    return Array.from(known.found);
  }
}

function chosenBy(choice: Choice | undefined): Chosen {
  const chosen = new Map<Node, Derivation>();
  for (let at = choice; at !== undefined; at = at.before) chosen.set(at.node, at.derivation);
  return chosen;
}

/** The first row without a choice. */
function openNode(node: Node, chosen: Chosen, seen: Set<Node>): Node | undefined {
  if (node.leaf !== undefined || seen.has(node)) return undefined;
  seen.add(node);
  const derivation = chosen.get(node);
  if (derivation === undefined) return node;
  for (const from of derivation.from) {
    const open = openNode(from, chosen, seen);
    if (open !== undefined) return open;
  }
  return undefined;
}

/** True if what is chosen makes a row follow from another one. */
function leadsTo(node: Node, wanted: Node, chosen: Chosen): boolean {
  return node === wanted || (chosen.get(node)?.from.some((from) => leadsTo(from, wanted, chosen)) ?? false);
}

function sizeOf(node: Node, chosen: Chosen, sizes: Map<Node, number>): number {
  const known = sizes.get(node);
  if (known !== undefined) return known;
  const derivation = chosen.get(node);
  const size =
    derivation === undefined ? node.least : derivation.from.reduce((sum, from) => sum + sizeOf(from, chosen, sizes), 1);
  sizes.set(node, size);
  return size;
}

function proofBy(node: Node, chosen: Chosen, evaluation: Evaluation, made: Map<Node, Proof>): Proof {
  const known = node.leaf ?? made.get(node);
  if (known !== undefined) return known;
  const { rule, values, from } = chosen.get(node) as Derivation;
  const absent = rule.body.flatMap((literal) => (literal.kind === "not" ? [absenceOf(literal, values, evaluation.program)] : []));
  const proof: Proof = {
    relation: node.store.name,
    tuple: readTuple(node.store, node.row, evaluation.interner),
    rule: rule.origin,
    because: from.map((inner) => proofBy(inner, chosen, evaluation, made)),
    ...(absent.length > 0 && { absent }),
  };
  made.set(node, proof);
  return proof;
}

/** Choices by the size that they promise, those of equal size in the order they came. */
class Waiting {
  readonly #sizes: number[] = [];
  readonly #bySize = new Map<number, (Choice | undefined)[]>();

  add(choice: Choice | undefined, size: number): void {
    const same = this.#bySize.get(size);
    if (same !== undefined) {
      same.push(choice);
      return;
    }
    this.#bySize.set(size, [choice]);
    let at = this.#sizes.length;
    while (at > 0 && (this.#sizes[at - 1] as number) < size) at--;
    this.#sizes.splice(at, 0, size);
  }

  /** The choice of the least size, `null` if there is none; `undefined` is the choice of nothing. */
  take(): Choice | undefined | null {
    const least = this.#sizes.at(-1);
    if (least === undefined) return null;
    const choices = this.#bySize.get(least) ?? [];
    const choice = choices.pop();
    if (choices.length === 0) {
      this.#sizes.pop();
      this.#bySize.delete(least);
    }
    return choice;
  }
}
