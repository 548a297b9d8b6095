/**
 * Finds out why a row is there, by running its rules backwards over the indexes.
 *
 * Nothing is stored per row for this. In recursive strata only derivations from rows of smaller rank are followed (or that come before
 * the row, where extremes are kept), so the proof has no cycles and ends in inputs and facts. Equal rows share one node.
 */
import type { CoreAggregate, CoreRule, Literal, RuleOrigin, Term } from "../../check/core.ts";
import type { Program } from "../../compile.ts";
import { compareValues, formatAtom, formatValue, type Tuple, type Value } from "../../value.ts";
import { readTuple } from "../delta.ts";
import { oneLine } from "../errors.ts";
import type { Evaluation } from "../evaluate/evaluation.ts";
import { isBefore, type Kept, keptIn } from "../evaluate/extreme/kept-order.ts";
import { ProofRanks } from "../evaluate/extreme/proof-ranks.ts";
import { compilePlan, type Plan } from "../plan/plan.ts";
import type { RowStore } from "../rows/row-store.ts";
import { INIT } from "../evaluate/start.ts";
import { OLD, OLD_STATE } from "../rows/views.ts";

/** A row and what it follows from. */
export interface Proof {
  /** The relation; for an aggregate its text in the program. */
  readonly relation: string;
  /** The row; for an aggregate the group's columns and the value. */
  readonly tuple: Tuple;
  /** The rule that derives it; absent for inputs and aggregates. */
  readonly rule?: RuleOrigin;
  /** The rows that the rule found. */
  readonly because: readonly Proof[];
  /** What the rule made sure is not there; `undefined` in a pattern is any value. */
  readonly absent?: readonly { readonly relation: string; readonly pattern: readonly (Value | undefined)[] }[];
  readonly note?: string;
}

/** Rows of an aggregate's group that a proof shows. */
const MAX_SHOWN = 16;
/** Steps from the explained row to the last row that is explained itself. */
const MAX_DEPTH = 500;

/** The proof of a row that is there. */
export function explainRow(evaluation: Evaluation, store: RowStore, row: number): Proof {
  return new Explainer(evaluation).explain(store, row, 0);
}

interface Derivation {
  readonly rule: CoreRule;
  readonly rows: readonly number[];
  readonly values: readonly Value[];
}

/** A rule run backwards from the row that is explained, and what it found. */
interface Search {
  readonly plan: Plan;
  row: number;
  found: Derivation | undefined;
}

/** True if the first row may be part of a proof of the second. */
type MayProve = (store: RowStore, row: number, head: RowStore, headRow: number) => boolean;

class Explainer {
  readonly #evaluation: Evaluation;
  readonly #known = new Map<RowStore, Map<number, Proof>>();
  readonly #searches = new Map<CoreRule, Search>();
  readonly #membersOf = new Map<string, ReadonlySet<string>>();
  readonly #orders = new Map<ReadonlySet<string>, MayProve>();

  constructor(evaluation: Evaluation) {
    this.#evaluation = evaluation;
    for (const { relations, isRecursive } of evaluation.program.strata) {
      const members = new Set(isRecursive ? relations : []);
      for (const relation of relations) this.#membersOf.set(relation, members);
    }
  }

  explain(store: RowStore, row: number, depth: number): Proof {
    const rows = this.#known.get(store) ?? new Map<number, Proof>();
    this.#known.set(store, rows);
    const known = rows.get(row);
    if (known !== undefined) return known;
    const proof = this.#prove(store, row, depth);
    rows.set(row, proof);
    return proof;
  }

  #prove(store: RowStore, row: number, depth: number): Proof {
    const { program, interner } = this.#evaluation;
    const tuple = readTuple(store, row, interner);
    const { kind = "derived", label = store.name } = program.relations.get(store.name) ?? {};
    if (kind === "input") return { relation: store.name, tuple, because: [], note: "input" };
    if (depth > MAX_DEPTH) return { relation: label, tuple, because: [], note: "derived; the proof goes on" };
    const aggregate = program.aggregates.find(({ relation }) => relation === store.name);
    if (aggregate !== undefined) return this.#proveAggregate(store.name, label, tuple, depth);
    for (const rule of this.#evaluation.rules) {
      if (rule.relation !== store.name) continue;
      const derivation = this.#derivation(rule, store, row);
      if (derivation !== undefined) return this.#proofOf(store.name, tuple, derivation, depth);
    }
    return { relation: label, tuple, because: [], note: "no derivation found" };
  }

  #proofOf(relation: string, tuple: Tuple, { rule, rows, values }: Derivation, depth: number): Proof {
    const because: Proof[] = [];
    const absent: { relation: string; pattern: readonly (Value | undefined)[] }[] = [];
    for (const [i, literal] of rule.body.entries()) {
      if (literal.kind === "atom" && literal.relation !== INIT) {
        because.push(this.explain(this.#evaluation.store(literal.relation), rows[i] ?? -1, depth + 1));
      } else if (literal.kind === "not") absent.push(absenceOf(literal, values, this.#evaluation.program));
    }
    return { relation, tuple, rule: rule.origin, because, ...(absent.length > 0 && { absent }) };
  }

  #proveAggregate(name: string, label: string, tuple: Tuple, depth: number): Proof {
    const { program, interner } = this.#evaluation;
    const aggregate = program.aggregates.find(({ relation }) => relation === name);
    if (aggregate === undefined) return { relation: label, tuple, because: [] };
    const { nGroup, fn } = aggregate;
    const body = this.#evaluation.store(aggregate.body);
    const key = Int32Array.from(tuple.slice(0, nGroup), (value) => interner.idOf(value));
    const value = tuple[nGroup] ?? null;
    const because: Proof[] = [];
    let nRows = 0;
    for (const row of body.indexes.on([...key.keys()]).rowsOf(key)) {
      if (((body.flags[row] as number) & OLD) === 0) continue;
      const isExtreme = fn === "min" || fn === "max";
      if (isExtreme && compareValues(valueOfRow(aggregate, readTuple(body, row, interner)), value) !== 0) continue;
      if (nRows++ < MAX_SHOWN) because.push(...this.explain(body, row, depth + 1).because);
    }
    const shown = nRows > MAX_SHOWN ? `${nRows} rows, ${MAX_SHOWN} shown` : `${nRows} row${nRows === 1 ? "" : "s"}`;
    return { relation: label, tuple, because, note: shown };
  }

  /** A derivation of the row by the rule, from rows that may be part of its proof only. */
  #derivation(rule: CoreRule, store: RowStore, row: number): Derivation | undefined {
    const search = this.#searches.get(rule) ?? this.#searchBy(rule, store);
    this.#searches.set(rule, search);
    search.found = undefined;
    search.row = row;
    search.plan.run(Int32Array.of(row), 1, 1);
    return search.found;
  }

  #searchBy(rule: CoreRule, head: RowStore): Search {
    const { planContext, interner } = this.#evaluation;
    const members = this.#membersOf.get(rule.relation) ?? new Set<string>();
    const recursive = rule.body.flatMap((literal, position) =>
      literal.kind === "atom" && members.has(literal.relation)
        ? [{ position, store: this.#evaluation.store(literal.relation) }]
        : [],
    );
    const mayProve = this.#orders.get(members) ?? this.#orderOf(head, members);
    this.#orders.set(members, mayProve);
    const tell = (plan: Plan): boolean => {
      const { row } = search;
      if (!recursive.every(({ position, store }) => mayProve(store, plan.rows[position] as number, head, row))) return false;
      const values = [...plan.registers].map((id) => interner.valueOf(id));
      search.found = { rule, rows: [...plan.rows], values };
      return true;
    };
    const plan = compilePlan({ rule, from: "head", viewOf: () => OLD_STATE, sink: { kind: "call", tell } }, planContext);
    const search: Search = { plan, row: -1, found: undefined };
    return search;
  }

  #orderOf({ name, isOrdered }: RowStore, members: ReadonlySet<string>): MayProve {
    const { program, rules, planContext, interner } = this.#evaluation;
    const keptOf = (store: RowStore): Kept | undefined => keptIn(store, program.relations.get(store.name)?.extreme);
    if (program.relations.get(name)?.extreme === undefined) {
      return (store, row, head, headRow) => store.rankOf(row) < head.rankOf(headRow);
    }
    if (!isOrdered) {
      const ranks = new ProofRanks(
        rules.filter(({ relation }) => members.has(relation)),
        members,
        planContext,
      );
      return (store, row, head, headRow) => ranks.rankOf(store, row) < ranks.rankOf(head, headRow);
    }
    return (store, row, head, headRow) => {
      const [a, b] = [keptOf(store), keptOf(head)];
      return a !== undefined && b !== undefined && isBefore(a, row, b, headRow, interner);
    };
  }
}

/** What a negated literal made sure is not there. */
export function absenceOf(
  literal: Literal & { kind: "not" },
  values: readonly Value[],
  program: Program,
): { relation: string; pattern: readonly (Value | undefined)[] } {
  const { relation, terms } = literal.shown ?? literal;
  const label = program.relations.get(relation)?.label ?? relation;
  return { relation: label, pattern: terms.map((term) => valueOfTerm(term, values)) };
}

/** The proof as an indented tree, for people: rows, the rule that derived each, and what had to be absent. */
export function formatProof(proof: Proof): string {
  const lines: string[] = [];
  const seen = new Set<Proof>();
  const write = (node: Proof, indent: string): void => {
    const note = node.note === undefined ? "" : `   (${node.note})`;
    const isRepeated = seen.has(node) && node.because.length > 0;
    seen.add(node);
    lines.push(`${indent}${formatNode(node)}${isRepeated ? "   (shown above)" : note}`);
    if (isRepeated) return;
    const inner = `${indent}  `;
    if (node.rule !== undefined) lines.push(`${inner}by ${node.rule.file}:${node.rule.line}: ${oneLine(node.rule.text)}`);
    for (const child of node.because) write(child, inner);
    for (const { relation, pattern } of node.absent ?? []) lines.push(`${inner}absent: ${formatAbsent(relation, pattern)}`);
  };
  write(proof, "");
  return lines.join("\n");
}

function formatNode({ relation, tuple }: Proof): string {
  if (!relation.includes("{")) return formatAtom(relation, tuple);
  return `${formatValue(tuple.at(-1) ?? null)} = ${oneLine(relation)}${tuple.length > 1 ? ` for ${tuple.slice(0, -1).map(formatValue).join(", ")}` : ""}`;
}

function formatAbsent(relation: string, pattern: readonly (Value | undefined)[]): string {
  if (!/[({]/.test(relation)) return formatAtom(relation, pattern);
  const known = pattern.filter((value) => value !== undefined).map(formatValue);
  return `${oneLine(relation.replace(/^not /, ""))}${known.length > 0 ? ` for ${known.join(", ")}` : ""}`;
}

function valueOfRow({ nGroup, nParts }: CoreAggregate, tuple: Tuple): Value {
  return nParts === undefined ? (tuple[nGroup] ?? null) : tuple.slice(nGroup, nGroup + nParts);
}

function valueOfTerm(term: Term, values: readonly Value[]): Value | undefined {
  if (term.kind === "const") return term.value;
  return term.kind === "var" ? values[term.slot] : undefined;
}
