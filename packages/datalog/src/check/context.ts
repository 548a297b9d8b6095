/**
 * What the checks of one program share: sources, relations, functions, and the list of errors.
 *
 * Checks report and go on; nothing here throws for a fault of the program.
 */
import { didYouMean, nearestName, SourceError } from "@tenet/kit";
import type { SourceText, Span } from "../language/ast.ts";
import type { Column, CoreAggregate, CoreRelation, CoreRule, FunctionDef, RuleOrigin } from "./core.ts";

/** Names that hints of one program may look through: a program with thousands of unknown names is told so without delay. */
const MOST_COMPARED = 300_000;

/** A relation that the program uses but does not derive; `role` for relations whose columns alone are given. */
export interface RelationDecl {
  readonly name: string;
  readonly columns: readonly Column[];
  /** `input` by default: its rows come from outside. */
  readonly role?: "input" | "relation" | "output";
}

/** A relation while the program is checked. */
export interface CheckedRelation extends CoreRelation {
  /** False if the column names are only guessed from a rule's variables. */
  readonly hasNamedColumns: boolean;
}

/** The state of one compilation. */
export class CheckContext {
  readonly functions: Map<string, FunctionDef>;
  readonly relations: Map<string, CheckedRelation> = new Map();
  /** Relations of the program's owner. */
  readonly given: Set<string> = new Set();
  readonly rules: CoreRule[] = [];
  readonly aggregates: CoreAggregate[] = [];
  readonly errors: SourceError[] = [];
  readonly warnings: SourceError[] = [];
  readonly #hidden: string[] = [];
  readonly #lineStarts: Map<SourceText, readonly number[]> = new Map();
  #nHidden = 0;
  /** Names for hints; known once all is declared. */
  #tables: readonly string[] | undefined;
  #nCompared = 0;

  constructor(functions: Map<string, FunctionDef>) {
    this.functions = functions;
  }

  /** The function of a name, also written `builtin:name`. */
  functionNamed(name: string): FunctionDef | undefined {
    return this.functions.get(name.startsWith("builtin:") ? name.slice("builtin:".length) : name);
  }

  /** Notes a fault of the program. */
  report(source: SourceText, span: Span, problem: string, options: { expected?: string; hint?: string } = {}): void {
    this.errors.push(this.#fault(source, span, problem, options));
  }

  /** Notes something that is allowed but probably not meant. */
  warn(source: SourceText, span: Span, problem: string, options: { hint?: string } = {}): void {
    this.warnings.push(this.#fault(source, span, problem, options));
  }

  /** A hint with the table or function names near `name`. */
  nearRelation(name: string): string {
    this.#tables ??= this.#namesOfTables();
    const [service = "", ...rest] = name.split(":");
    if (rest.length === 1 && this.#isOwn(rest[0] ?? "") && !this.#tables.some((table) => table.startsWith(`${service}:`))) {
      return `write a space before the colon: ${service} : ${rest.join(":")}`;
    }
    const tables = this.#mayCompare(this.#tables);
    const functions = this.#mayCompare([...this.functions.keys()]);
    const nearTable = nearestName(name, tables);
    if (nearTable !== undefined) return `did you mean "${nearTable}"?`;
    // A function's name belongs to no policy: compared without the namespace that a table got.
    return didYouMean(name.slice(name.indexOf(":") + 1), [...tables, ...functions]);
  }

  /** Those of the sources come first: they are the ones to be listed. */
  #namesOfTables(): string[] {
    const names = [...this.relations.values()].filter(({ kind }) => kind !== "hidden").map((relation) => relation.name);
    return [...names.filter((name) => !this.given.has(name)), ...names.filter((name) => this.given.has(name))];
  }

  /** A table of the sources, written without its namespace. */
  #isOwn(name: string): boolean {
    return this.#tables?.some((table) => !this.given.has(table) && table.slice(table.indexOf(":") + 1) === name) ?? false;
  }

  /** A hint with the function names near `name`. */
  nearFunction(name: string): string {
    return didYouMean(name, this.#mayCompare([...this.functions.keys()]));
  }

  /** All candidates, or the first ones once so many were compared that nobody will read the hints. */
  #mayCompare(candidates: readonly string[]): readonly string[] {
    this.#nCompared += candidates.length;
    return this.#nCompared > MOST_COMPARED ? candidates.slice(0, 12) : candidates;
  }

  /** Adds a hidden relation and returns its name. */
  addHidden(kind: string, columns: readonly string[], label: string): string {
    const name = `$${kind}${this.#nHidden++}`;
    this.addHiddenNamed(name, columns, label);
    return name;
  }

  addHiddenNamed(name: string, columns: readonly string[], label: string): void {
    this.#hidden.push(name);
    this.relations.set(name, {
      name,
      columns: columns.map((column) => ({ name: column })),
      kind: "hidden",
      isOutput: false,
      label,
      hasNamedColumns: true,
    });
  }

  /** What has been added so far, for {@link undoTo}. */
  mark(): ContextMark {
    const { rules, aggregates, errors, warnings } = this;
    return {
      nRules: rules.length,
      nAggregates: aggregates.length,
      nErrors: errors.length,
      nWarnings: warnings.length,
      nHidden: this.#hidden.length,
    };
  }

  /** Forgets everything added after a mark. */
  undoTo(mark: ContextMark): void {
    this.rules.length = mark.nRules;
    this.aggregates.length = mark.nAggregates;
    this.errors.length = mark.nErrors;
    this.warnings.length = mark.nWarnings;
    for (const name of this.#hidden.splice(mark.nHidden)) this.relations.delete(name);
  }

  /** Where a rule stands, for proofs and errors. */
  originOf(source: SourceText, span: Span): RuleOrigin {
    return { text: source.text.slice(span.start, span.end), file: source.name, line: this.#lineAt(source, span.start) };
  }

  /** Counted from 1. */
  #lineAt(source: SourceText, offset: number): number {
    const starts = this.#startsOf(source);
    let low = 0;
    for (let high = starts.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Offsets at which lines start. */
  #startsOf(source: SourceText): readonly number[] {
    const known = this.#lineStarts.get(source);
    if (known !== undefined) return known;
    const starts = [0, ...[...source.text.matchAll(/\n/g)].map((match) => match.index + 1)];
    this.#lineStarts.set(source, starts);
    return starts;
  }

  #fault(source: SourceText, span: Span, problem: string, options: { expected?: string; hint?: string }): SourceError {
    const line = this.#lineAt(source, span.start);
    const starts = this.#startsOf(source);
    const start = starts[line - 1] ?? 0;
    const at = { file: source.name, line, column: span.start - start + 1 };
    const sourceLine = source.text.slice(start, (starts[line] ?? source.text.length + 1) - 1);
    return new SourceError(problem, { at, sourceLine, code: "DATALOG_PROGRAM", ...options });
  }
}

/** See {@link CheckContext.mark}. */
export interface ContextMark {
  readonly nRules: number;
  readonly nAggregates: number;
  readonly nErrors: number;
  readonly nWarnings: number;
  readonly nHidden: number;
}

/** The full name of a table as written in a source. Action tables, `execute[nova:pause]`, belong to the source that writes them. */
export function qualify(source: SourceText, name: string): string {
  return (name.includes(":") && !name.endsWith("]")) || source.namespace === undefined ? name : `${source.namespace}:${name}`;
}
