/**
 * What the checks of one program share: sources, relations, functions, and the list of errors.
 *
 * Checks report and go on; nothing here throws for a fault of the program.
 */
import { didYouMean, nearestName, positionAt, SourceError } from "@tenet/kit";
import type { SourceText, Span } from "../language/ast.ts";
import type { Column, CoreAggregate, CoreRelation, CoreRule, FunctionDef, RuleOrigin } from "./core.ts";

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
  readonly rules: CoreRule[] = [];
  readonly aggregates: CoreAggregate[] = [];
  readonly errors: SourceError[] = [];
  readonly warnings: SourceError[] = [];
  readonly #hidden: string[] = [];
  readonly #lineStarts: Map<SourceText, number[]> = new Map();
  #nHidden = 0;

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

  /** A hint with the relation names near `name`. */
  nearRelation(name: string): string {
    const candidates = [...this.relations.values()]
      .filter((relation) => relation.kind !== "hidden")
      .map((relation) => relation.name);
    const functions = [...this.functions.keys()];
    // A function's name belongs to no policy: compared without the namespace that a table got.
    const nearFunction = nearestName(name.slice(name.indexOf(":") + 1), functions);
    const isFunction = nearFunction !== undefined && nearestName(name, candidates) === undefined;
    return isFunction ? `did you mean "${nearFunction}"?` : didYouMean(name, [...candidates, ...functions]);
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

  #lineAt(source: SourceText, offset: number): number {
    let starts = this.#lineStarts.get(source);
    if (starts === undefined) {
      starts = [...source.text.matchAll(/\n/g)].map((match) => match.index + 1);
      this.#lineStarts.set(source, starts);
    }
    let low = 0;
    for (let high = starts.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  }

  #fault(source: SourceText, span: Span, problem: string, options: { expected?: string; hint?: string }): SourceError {
    const at = positionAt(source.name, source.text, span.start);
    return new SourceError(problem, { at, text: source.text, code: "DATALOG_PROGRAM", ...options });
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
