/**
 * From rule files to a checked program: parse, resolve names, rewrite to core rules, check safety and order.
 *
 * All faults of all sources are found in one run and thrown together.
 */
import { AppError, formatError, SourceError } from "@tenet/kit";
import { CheckContext, type RelationDecl } from "./check/context.ts";
import type { CoreAggregate, CoreRelation, CoreRule, FunctionDef, RuleOrigin, Stratum } from "./check/core.ts";
import { declareFunctions } from "./check/declare-functions.ts";
import { declareMentioned } from "./check/declare-mentioned.ts";
import { declareRelations, type ParsedSource } from "./check/declare.ts";
import { type ExpandedTest, expandTests } from "./check/expand-tests.ts";
import { inferKinds } from "./check/infer-kinds.ts";
import { checkKinds, type InferredKinds } from "./check/kinds.ts";
import { lintRecursion, lintRule, lintTables } from "./check/lint.ts";
import { markExtremes } from "./check/extremes.ts";
import { checkMonotone, type NotMonotone } from "./check/monotone.ts";
import { nameHidden } from "./check/name-hidden.ts";
import { placeModules } from "./check/modules.ts";
import { References } from "./check/references.ts";
import { rewriteRule } from "./check/rewrite-rule.ts";
import { stratify } from "./check/stratify.ts";
import { BUILT_IN_FUNCTIONS } from "./functions/built-in.ts";
import { nowFunction } from "./functions/congress.ts";
import type { SourceText } from "./language/ast.ts";
import { parseProgram } from "./language/parse-program.ts";

/** What a program may use besides its sources. */
export interface CompileOptions {
  /** Relations that the program does not declare itself, e.g. the tables of a database. */
  readonly relations?: readonly RelationDecl[];
  /** Functions besides the built-in ones. */
  readonly functions?: readonly FunctionDef[];
  /** Functions that sources declare need not be given: calling them fails. For tools that judge files which another program runs. Default false. */
  readonly trustsDeclarations?: boolean;
  /** Tables that may be mentioned without being declared or derived: they are inputs without column names. None by default. */
  readonly isImplicitInput?: (table: string) => boolean;
  /** What `now()` gives in the program; the present moment by default. */
  readonly now?: Date;
}

/** A checked program, ready for an engine. */
export interface Program {
  readonly relations: ReadonlyMap<string, CoreRelation>;
  readonly rules: readonly CoreRule[];
  readonly aggregates: readonly CoreAggregate[];
  /** In the order of computation. */
  readonly strata: readonly Stratum[];
  /** Kinds of columns, declared or as all their rules give them (null aside); `undefined` where several, or not known. */
  readonly kinds: InferredKinds;
  /** Lint: positions and hints, nothing that keeps the program from running. */
  readonly warnings: readonly SourceError[];
  /** What it was compiled from. */
  readonly sources: readonly SourceText[];
  readonly options: CompileOptions;
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
  /** As those of {@link Program}. */
  readonly kinds: InferredKinds;
  /** The built-in, given and declared ones. */
  readonly functions: ReadonlyMap<string, FunctionDef>;
  /** In the order of files and lines. */
  readonly errors: readonly SourceError[];
  readonly warnings: readonly SourceError[];
}

/**
 * Compiles rule files into one program. Their `test` blocks are left alone: see `runTests`.
 *
 * @throws ProgramError with every fault of every source
 */
export function compile(sources: readonly SourceText[], options: CompileOptions = {}): Program {
  const context = contextOf(options);
  return programOf(finish(context, parseAll(context, sources, options), sources, options));
}

/** As {@link compile}, but gives the faults back instead of throwing them, those of `test` blocks too, with whatever else is known. */
export function analyze(sources: readonly SourceText[], options: CompileOptions = {}): Analysis {
  const context = contextOf(options);
  const parsed = parseAll(context, sources, options);
  const analysis = finish(context, parsed, sources, options);
  const hasTests = parsed.some(({ statements }) => statements.some(({ kind }) => kind === "test"));
  if (!hasTests) return analysis;
  const tested = contextOf(options);
  const { errors, warnings } = finish(tested, expandTests(tested, parseAll(tested, sources, options)).parsed, sources, options);
  return errors.length === 0 ? { ...analysis, warnings } : { ...analysis, program: undefined, errors, warnings };
}

/** A program with the rules of its tests, and what shows which rules the tests reach. */
export interface TestedProgram {
  readonly program: Program;
  readonly tests: readonly ExpandedTest[];
  /** For each rule with a body a table without columns that has a row if the body holds. */
  readonly covers: readonly { readonly relation: string; readonly derives: string; readonly origin: RuleOrigin }[];
}

/**
 * Compiles rule files and their tests.
 *
 * @throws ProgramError with every fault of every source
 */
export function compileWithTests(sources: readonly SourceText[], options: CompileOptions = {}): TestedProgram {
  const context = contextOf(options);
  const { parsed, tests } = expandTests(context, parseAll(context, sources, options));
  const covers: { relation: string; derives: string; origin: RuleOrigin }[] = [];
  const program = programOf(finish(context, parsed, sources, options, () => covers.push(...coverRules(context))));
  return { program, tests, covers };
}

function programOf({ program, errors }: Analysis): Program {
  if (program === undefined) throw new ProgramError(errors);
  return program;
}

function contextOf(options: CompileOptions): CheckContext {
  const functions = new Map<string, FunctionDef>();
  const all = [...BUILT_IN_FUNCTIONS, nowFunction(options.now ?? new Date()), ...(options.functions ?? [])];
  for (const fn of all) functions.set(fn.name, fn);
  return new CheckContext(functions);
}

function parseAll(context: CheckContext, sources: readonly SourceText[], options: CompileOptions): ParsedSource[] {
  const read = sources.map((source) => ({ source, statements: parseProgram(source, context.errors) }));
  const parsed = placeModules(context, read);
  declareFunctions(context, parsed, options.trustsDeclarations === true);
  declareRelations(context, options.relations ?? [], parsed);
  if (options.isImplicitInput !== undefined) declareMentioned(context, parsed, options.isImplicitInput);
  return parsed;
}

/** Checks and rewrites what was parsed; `addRules` may add core rules before the strata are known. */
function finish(
  context: CheckContext,
  parsed: readonly ParsedSource[],
  sources: readonly SourceText[],
  options: CompileOptions,
  addRules: () => void = () => undefined,
): Analysis {
  const references = new References(parsed);
  markExtremes(context, references, parsed);
  const kinds = inferKinds(context, parsed);
  for (const { source, statements } of parsed) {
    for (const statement of statements) {
      if (statement.kind !== "rule") continue;
      rewriteRule(context, references, source, statement);
      checkKinds(context, source, statement, kinds);
      lintRule(context, source, statement);
    }
  }
  lintTables(context, parsed);
  const { relations, functions, rules, aggregates } = context;
  const warnings = (): SourceError[] => warningsOf(context, sources);
  const faulty = (errors: readonly SourceError[]): Analysis => ({
    program: undefined,
    relations,
    kinds,
    functions,
    errors,
    warnings: warnings(),
  });
  if (context.errors.length > 0) return faulty(inOrder(context.errors, sources));
  addRules();
  const core = nameHidden({ relations, rules, aggregates });
  const { strata, cycles } = stratify(core.relations, core.rules, core.aggregates);
  if (cycles.length > 0) return faulty(cycles.map((cycle) => cycleError(cycle, sources)));
  const faults = checkMonotone(core.relations, core.rules, strata);
  if (faults.length > 0) return faulty(faults.map((fault) => monotoneError(fault, sources)));
  lintRecursion(context, parsed, core.rules, strata);
  const program = { ...core, strata, kinds, warnings: warnings(), sources, options };
  return { program, relations: core.relations, kinds, functions, errors: [], warnings: program.warnings };
}

/** What a warning says of a place with an error is most often the error once more. */
function warningsOf({ errors, warnings }: CheckContext, sources: readonly SourceText[]): SourceError[] {
  const faulty = new Set(errors.map(placeOf));
  return inOrder(
    warnings.filter((warning) => !faulty.has(placeOf(warning))),
    sources,
  );
}

function coverRules(context: CheckContext): { relation: string; derives: string; origin: RuleOrigin }[] {
  const relationOf = new Map<RuleOrigin, { relation: string; derives: string; origin: RuleOrigin }>();
  const own = Array.from(context.rules);
  for (const rule of own) {
    const { relation: derives, origin, body } = rule;
    const { kind } = context.relations.get(derives) ?? {};
    if (kind !== "derived" || derives.includes("?") || body.length === 0) continue;
    const relation = relationOf.get(origin)?.relation ?? `?covers${relationOf.size}`;
    if (!relationOf.has(origin)) {
      relationOf.set(origin, { relation, derives, origin });
      context.relations.set(relation, {
        name: relation,
        columns: [],
        kind: "derived",
        isOutput: false,
        label: derives,
        hasNamedColumns: true,
      });
    }
    context.rules.push({ ...rule, relation, head: [] });
  }
  return [...relationOf.values()];
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

function monotoneError({ rule, problem, hint }: NotMonotone, sources: readonly SourceText[]): SourceError {
  const { file, line } = rule.origin;
  const text = sources.find((source) => source.name === file)?.text;
  return new SourceError(problem, {
    at: { file, line, column: 1 },
    code: "DATALOG_PROGRAM",
    hint,
    ...(text === undefined ? {} : { text }),
  });
}

function placeOf({ at }: SourceError): string {
  return `${at.file}:${at.line}:${at.column}`;
}

function inOrder(errors: readonly SourceError[], sources: readonly SourceText[]): SourceError[] {
  const fileOrder = new Map(sources.map((source, i) => [source.name, i]));
  const key = (error: SourceError): number => (fileOrder.get(error.at.file) ?? 0) * 1e9 + error.at.line * 1e4 + error.at.column;
  const seen = new Set<string>();
  const unique = errors.filter((error) => !seen.has(error.message) && seen.add(error.message));
  return unique.sort((a, b) => key(a) - key(b));
}
