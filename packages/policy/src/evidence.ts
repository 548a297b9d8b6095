/**
 * A proof as a person reads it: the rows it rests on, each with the columns that the rules looked at.
 *
 * What: the leaves of the proof tree, in its order; rows of one database row are put together again (the
 * relations `nb:T` and `nb:T.column` are parts of one row of T); rows that must not exist are told, too.
 * Why not the whole tree: who broke a policy knows the rule; what is missing is the rows and their values.
 */
import { formatAtom, type Program, type Proof, type Value } from "@tenet/datalog";
import { shortValue } from "./violation.ts";

/** One row that a proof rests on, or a pattern that no row may match. */
export interface Evidence {
  /** `nb:ACL`, `lab:host`. */
  readonly table: string;
  /** UUID of a database row. */
  readonly uuid: string | undefined;
  /** Name of a database row that has one. */
  readonly name: string | undefined;
  readonly columns: ReadonlyMap<string, Value>;
  /** True when the proof needs that there is no such row. */
  readonly isAbsent: boolean;
}

/** Where evidence finds what the proof itself does not hold. */
export interface EvidenceContext {
  readonly program: Program;
  /** The name of a database row, if it has one. */
  nameOf(table: string, uuid: string): string | undefined;
}

const LONGEST_VALUE = 160;

/** The rows that a proof rests on, without repetition. */
export function evidenceOf(proof: Proof, context: EvidenceContext): Evidence[] {
  const found = new Map<string, Evidence & { readonly columns: Map<string, Value> }>();
  const seen = new Set<Proof>();
  visit(proof, undefined);
  return [...found.values()];

  function visit(node: Proof, parent: Proof | undefined): void {
    if (node.rule === undefined && node.because.length === 0)
      note(node.relation, node.tuple, usedColumns(node.relation, parent), false);
    if (seen.has(node)) return;
    seen.add(node);
    for (const child of node.because) visit(child, node);
    for (const { relation, pattern } of node.absent ?? []) {
      if (!relation.includes("{")) note(oneLine(relation), pattern, undefined, true); // an empty aggregate says nothing
    }
  }

  function note(
    relation: string,
    tuple: readonly (Value | undefined)[],
    used: ReadonlySet<number> | undefined,
    isAbsent: boolean,
  ): void {
    const names = context.program.relations.get(relation)?.columns.map(({ name }) => name) ?? [];
    const [first] = tuple;
    const uuid = names[0] === "_uuid" && typeof first === "string" ? first : undefined;
    const table = uuid === undefined ? relation : tableOf(relation);
    const key = uuid === undefined || isAbsent ? `${isAbsent} ${formatAtom(relation, tuple)}` : `${table} ${uuid}`;
    const known = found.get(key);
    const columns = known?.columns ?? new Map<string, Value>();
    const isSet = uuid !== undefined && relation !== table && names.length === 2;
    for (const [column, value] of columnsOf(relation, names, tuple, used)) {
      columns.set(column, isSet ? withElement(columns.get(column), value) : value);
    }
    if (known !== undefined) return;
    found.set(key, { table, uuid, name: uuid === undefined ? undefined : context.nameOf(table, uuid), columns, isAbsent });
  }

  /** The columns that the rule above the row mentions; `undefined` when that is not known. */
  function usedColumns(relation: string, parent: Proof | undefined): ReadonlySet<number> | undefined {
    const used = new Set<number>();
    for (const rule of context.program.rules) {
      if (rule.origin.file !== parent?.rule?.file || rule.origin.line !== parent.rule.line) continue;
      for (const literal of rule.body) {
        if (literal.kind !== "atom" || literal.relation !== relation) continue;
        for (const [i, term] of literal.terms.entries()) if (term.kind !== "any") used.add(i);
      }
    }
    return used.size === 0 ? undefined : used;
  }
}

/** `nb:ACL 3f2a1b2c priority=1900 match='ip4' action=drop`. */
export function formatEvidence({ table, uuid, name, columns, isAbsent }: Evidence): string {
  const id = uuid === undefined ? [] : [shortValue(uuid)];
  const label = name === undefined ? id : [quoteSpaced(name), ...id.map((text) => `(${text})`)];
  const values = [...columns].filter(([column]) => column !== "name" || name === undefined);
  const words = [table, ...label, ...values.map(([column, value]) => `${column}=${formatColumn(value)}`)];
  return isAbsent ? `no row ${words.join(" ")}` : words.join(" ");
}

/** The elements of a set column come one by one. */
function withElement(elements: Value | undefined, element: Value): Value {
  const known = Array.isArray(elements) ? (elements as readonly Value[]) : [];
  return known.includes(element) ? known : [...known, element];
}

/** Negated groups of literals stand for themselves. */
function oneLine(text: string): string {
  return text.replace(/^not\s+/, "").replace(/\s+/g, " ");
}

/** `Logical_Switch_Port` for the relation of the table and for those of its columns. */
export function tableOf(relation: string): string {
  const dot = relation.indexOf(".", relation.indexOf(":"));
  return dot === -1 ? relation : relation.slice(0, dot);
}

function columnsOf(
  relation: string,
  names: readonly string[],
  tuple: readonly (Value | undefined)[],
  used: ReadonlySet<number> | undefined,
): [string, Value][] {
  const [, second, third] = tuple;
  const column = relation.slice(tableOf(relation).length + 1);
  if (names[0] === "_uuid" && column !== "") {
    if (names.length === 3) return third === undefined ? [] : [[`${column}:${shortValue(second ?? null)}`, third]];
    return second === undefined ? [] : [[column, second]];
  }
  return names.flatMap((name, i): [string, Value][] => {
    const value = tuple[i];
    if (name === "_uuid" || value === undefined || (used !== undefined && !used.has(i))) return [];
    return used === undefined && (value === null || value === "") ? [] : [[name, value]];
  });
}

function formatColumn(value: Value): string {
  if (!Array.isArray(value)) return quoteSpaced(shortValue(value));
  const [only, ...others] = value as readonly Value[];
  if (others.length === 0) return quoteSpaced(shortValue(only ?? null));
  return `{${(value as readonly Value[]).map((element) => quoteSpaced(shortValue(element))).join(", ")}}`;
}

function quoteSpaced(text: string): string {
  const short = text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE - 1)}…`;
  return /^[^\s;'"]+$/.test(short) ? short : `'${short}'`;
}
