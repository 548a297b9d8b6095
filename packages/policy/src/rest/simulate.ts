/**
 * What-if over the REST interface: apply changes to a version of its own, ask a query there, forget it.
 *
 * The sequence holds rows to put into and take out of source tables; the answer is the query's rows after
 * them, or with `delta` those that came (`+`) and went (`-`).
 */
import { type Change, compareValues, formatAtom, type Tuple, type Value } from "@tenet/datalog";
import { didYouMean, formatError, messageOf } from "@tenet/kit";
import { formatEvidence } from "../evidence.ts";
import type { LiveProgram } from "../live-program.ts";
import { ApiError } from "./api-error.ts";
import { textField } from "./route.ts";
import { type Atom, parseAtoms } from "./simulate-syntax.ts";

/** How the answer is wanted. */
export interface SimulateOptions {
  readonly isDelta: boolean;
  readonly withTrace: boolean;
}

/** The answer: rows as text, and the rows that prove them. */
export interface SimulateResult {
  readonly result: readonly string[];
  readonly trace?: string;
}

/** Runs one simulation; the live program is afterwards as before. */
export function simulate(
  live: LiveProgram,
  policy: string,
  body: Readonly<Record<string, unknown>>,
  { isDelta, withTrace }: SimulateOptions,
): SimulateResult {
  const query = textField(body, "query");
  const sequence = textField(body, "sequence");
  if (query === undefined || sequence === undefined) {
    throw new ApiError("simulateArguments", 'A simulation needs "query" and "sequence"');
  }
  const [asked, ...others] = read("query", query);
  if (asked === undefined || others.length > 0 || asked.sign !== undefined) {
    throw new ApiError("simulateArguments", "The query must be one table with arguments, e.g. error(x)");
  }
  const relation = asked.relation.includes(":") ? asked.relation : `${policy}:${asked.relation}`;
  const pattern = patternOf(live, relation, asked);
  const changes = read("sequence", sequence).flatMap((atom) => changesOf(live, atom));
  try {
    const fork = live.engine.fork(changes);
    const delta = fork.delta().get(relation) ?? { inserted: [], deleted: [] };
    const rows = (isDelta ? delta.inserted : fork.rows(relation)).filter((row) => agrees(row, pattern));
    const gone = isDelta ? delta.deleted.filter((row) => agrees(row, pattern)) : [];
    const result = [...rows.map((row) => format(asked, isDelta ? "+" : "", row)), ...gone.map((row) => format(asked, "-", row))];
    if (!withTrace) return { result };
    const proofs = rows.map((row) => {
      const { evidence } = live.proofOf(relation, row, fork);
      return [format(asked, "", row), ...evidence.map((each) => `  ${formatEvidence(each)}`)].join("\n");
    });
    return { result, trace: proofs.join("\n") };
  } catch (error) {
    throw new ApiError("simulate", `The simulation failed: ${messageOf(error)}`);
  }
}

function read(name: string, text: string): Atom[] {
  try {
    return parseAtoms(name, text);
  } catch (error) {
    throw new ApiError("simulateSequence", messageOf(error), formatError(error));
  }
}

function changesOf(live: LiveProgram, atom: Atom): Change[] {
  const { relation, sign } = atom;
  if (sign === undefined)
    throw new ApiError("simulateSequence", `"${relation}(…)" needs a sign: ${relation}+(…) or ${relation}-(…)`);
  const pattern = patternOf(live, relation, atom);
  if (live.program.relations.get(relation)?.kind !== "input") {
    throw new ApiError("simulateSequence", `Table "${relation}" follows from rules; change the tables it follows from`);
  }
  if (sign === "+") return [{ relation, tuple: pattern.map((value) => value ?? null), weight: 1 }];
  return live.engine.match(relation, pattern).map((tuple) => ({ relation, tuple, weight: -1 }));
}

/** One entry per column; `undefined` matches anything. */
function patternOf({ program }: LiveProgram, relation: string, { args }: Atom): (Value | undefined)[] {
  const info = program.relations.get(relation);
  if (info === undefined || info.kind === "hidden") {
    const known = [...program.relations.values()].filter(({ kind }) => kind !== "hidden").map(({ name }) => name);
    throw new ApiError("simulateSequence", `Table "${relation}" does not exist`, didYouMean(relation, known));
  }
  const names = info.columns.map(({ name }) => name);
  const positional = args.filter(({ column }) => column === undefined);
  if (positional.length > names.length || (positional.length === args.length && args.length !== names.length)) {
    throw new ApiError(
      "simulateSequence",
      `Table "${relation}" has ${names.length} columns (${names.join(", ")}), not ${args.length}`,
    );
  }
  const pattern = names.map((_, i): Value | undefined => positional[i]?.value);
  for (const { column, value } of args) {
    if (column === undefined) continue;
    const at = names.indexOf(column);
    if (at === -1)
      throw new ApiError("simulateSequence", `Table "${relation}" has no column "${column}"`, didYouMean(column, names));
    pattern[at] = value;
  }
  return pattern;
}

function agrees(row: Tuple, pattern: readonly (Value | undefined)[]): boolean {
  return pattern.every((value, i) => value === undefined || compareValues(value, row[i] ?? null) === 0);
}

function format({ relation }: Atom, sign: string, row: Tuple): string {
  return formatAtom(`${relation}${sign}`, row);
}
