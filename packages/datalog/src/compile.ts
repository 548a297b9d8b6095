/**
 * From rule files to a checked program: parse, resolve names, rewrite to core rules, check safety and order.
 *
 * All faults of all sources are found in one run and thrown together.
 */
import { AppError, formatError, SourceError } from "@tenet/kit";
import { CheckContext, type RelationDecl } from "./check/context.ts";
import type { CoreAggregate, CoreRelation, CoreRule, FunctionDef, Stratum } from "./check/core.ts";
import { declareRelations } from "./check/declare.ts";
import { checkKinds } from "./check/kinds.ts";
import { lintRule } from "./check/lint.ts";
import { References } from "./check/references.ts";
import { rewriteRule } from "./check/rewrite-rule.ts";
import { stratify } from "./check/stratify.ts";
import { BUILT_IN_FUNCTIONS } from "./functions/built-in.ts";
import type { SourceText } from "./language/ast.ts";
import { parseProgram } from "./language/parse-program.ts";

/** What a program may use besides its sources. */
export interface CompileOptions {
  /** Relations that the program does not declare itself, e.g. the tables of a database. */
  readonly relations?: readonly RelationDecl[];
  /** Functions besides the built-in ones. */
  readonly functions?: readonly FunctionDef[];
}

/** A checked program, ready for an engine. */
export interface Program {
  readonly relations: ReadonlyMap<string, CoreRelation>;
  readonly rules: readonly CoreRule[];
  readonly aggregates: readonly CoreAggregate[];
  /** In the order of computation. */
  readonly strata: readonly Stratum[];
  /** Lint: positions and hints, nothing that keeps the program from running. */
  readonly warnings: readonly SourceError[];
}

/** All faults of a program; `errors` holds them one by one, in the order of files and lines. */
export class ProgramError extends AppError {
  static override readonly code: string = "DATALOG_PROGRAM";
  readonly errors: readonly SourceError[];

  constructor(errors: readonly SourceError[]) {
    const shown = errors.slice(0, 20).map((error) => formatError(error).replace(/\n {2}code: .*$/, ""));
    if (errors.length > shown.length) shown.push(`… and ${errors.length - shown.length} more`);
    super(shown.join("\n"), { details: { nErrors: errors.length } });
    this.errors = errors;
  }
}

/** Everything that was found out about sources, sound or not: what editors and `check` need. */
export interface Analysis {
  /** Absent when there are errors. */
  readonly program: Program | undefined;
  /** Of sound and faulty programs alike; hidden ones too. */
  readonly relations: ReadonlyMap<string, CoreRelation>;
  /** In the order of files and lines. */
  readonly errors: readonly SourceError[];
  readonly warnings: readonly SourceError[];
}

/**
 * Compiles rule files into one program.
 *
 * @throws ProgramError with every fault of every source
 */
export function compile(sources: readonly SourceText[], options: CompileOptions = {}): Program {
  const { program, errors } = analyze(sources, options);
  if (program === undefined) throw new ProgramError(errors);
  return program;
}

/** As {@link compile}, but gives the faults back instead of throwing them, with whatever else is known. */
export function analyze(sources: readonly SourceText[], options: CompileOptions = {}): Analysis {
  const functions = new Map<string, FunctionDef>();
  for (const fn of [...BUILT_IN_FUNCTIONS, ...(options.functions ?? [])]) functions.set(fn.name, fn);
  const context = new CheckContext(functions);
  const parsed = sources.map((source) => ({ source, statements: parseProgram(source, context.errors) }));
  declareRelations(context, options.relations ?? [], parsed);
  const references = new References(parsed);
  for (const { source, statements } of parsed) {
    for (const statement of statements) {
      if (statement.kind !== "rule") continue;
      rewriteRule(context, references, source, statement);
      checkKinds(context, source, statement);
      lintRule(context, source, statement);
    }
  }
  const { relations, rules, aggregates } = context;
  const warnings = inOrder(context.warnings, sources);
  const faulty = (errors: readonly SourceError[]): Analysis => ({ program: undefined, relations, errors, warnings });
  if (context.errors.length > 0) return faulty(inOrder(context.errors, sources));
  const { strata, cycles } = stratify(relations, rules, aggregates);
  if (cycles.length > 0) return faulty(cycles.map((cycle) => cycleError(cycle, sources)));
  return { program: { relations, rules, aggregates, strata, warnings }, relations, errors: [], warnings };
}

function cycleError(
  cycle: { path: string; origin: { file: string; line: number } },
  sources: readonly SourceText[],
): SourceError {
  const { file, line } = cycle.origin;
  const text = sources.find((source) => source.name === file)?.text;
  return new SourceError(`negation or aggregate inside a cycle: ${cycle.path}`, {
    at: { file, line, column: 1 },
    code: "DATALOG_PROGRAM",
    hint: "break the cycle: what is negated or counted must not depend on the result",
    ...(text === undefined ? {} : { text }),
  });
}

function inOrder(errors: readonly SourceError[], sources: readonly SourceText[]): SourceError[] {
  const fileOrder = new Map(sources.map((source, i) => [source.name, i]));
  const key = (error: SourceError): number => (fileOrder.get(error.at.file) ?? 0) * 1e9 + error.at.line * 1e4 + error.at.column;
  const seen = new Set<string>();
  const unique = errors.filter((error) => !seen.has(error.message) && seen.add(error.message));
  return unique.sort((a, b) => key(a) - key(b));
}
