/**
 * An engine's whole state in a file: rows, counts, ranks, indexes and values as they lie in memory, so that starting from it is reading
 * it, or mapping it.
 */
import { createHash } from "node:crypto";
import type { FunctionDef } from "../check/core.ts";
import type { Program } from "../compile.ts";
import type { Limits } from "../engine/evaluate/budget.ts";
import { Evaluation, type EvaluationHeader } from "../engine/evaluate/evaluation.ts";
import { Interner } from "../engine/rows/interner.ts";
import { SectionReader } from "./section-reader.ts";
import { SectionWriter } from "./section-writer.ts";
import { StateFileError } from "./sections.ts";
import type { MappedState } from "./state-bytes.ts";
import { loadValues, saveValues } from "./values.ts";

interface StateHeader extends EvaluationHeader {
  readonly program: string;
}

/** Writes a state; a file of that name is replaced when the new one is whole. */
export function saveState(evaluation: Evaluation, path: string): void {
  const to = new SectionWriter(path);
  try {
    saveValues(to, evaluation.interner);
    const header: StateHeader = { program: fingerprintOf(evaluation.program), ...evaluation.save(to) };
    to.finish(header);
  } catch (error) {
    to.abandon();
    throw error;
  }
}

/**
 * The state that was written.
 *
 * @param state - the file's name, or what it is mapped to
 * @throws StateFileError if the file is missing or damaged, or was written under other rules
 */
export function loadState(program: Program, limits: Limits, state: string | MappedState): Evaluation {
  const from = new SectionReader<StateHeader>(state);
  try {
    const evaluation = evaluationIn(from, program, limits);
    from.close(true);
    return evaluation;
  } catch (error) {
    from.close(false);
    throw error;
  }
}

function evaluationIn(from: SectionReader<StateHeader>, program: Program, limits: Limits): Evaluation {
  const { file, header } = from;
  if (header.program !== fingerprintOf(program)) {
    throw new StateFileError(`Cannot start from "${file}": it was written under other rules`, {
      hint: "start with the rules it was written under and replace them then, or compute the state anew from the inputs",
      details: { file },
    });
  }
  const interner = new Interner();
  interner.restore(loadValues(from));
  const evaluation = new Evaluation(program, limits, interner);
  evaluation.load(from, header);
  return evaluation;
}

/** Equal for programs whose relations and rules are the same; what functions of the host program do is not looked at. */
function fingerprintOf({ relations, rules, aggregates, strata }: Program): string {
  const parts = { relations: [...relations.values()], rules, aggregates, strata };
  const text = JSON.stringify(parts, (key, value: unknown) => {
    if (key === "span" || key === "origin" || key === "sourceText") return undefined;
    if (typeof value === "bigint") return `${value}n`;
    return key === "fn" && typeof value === "object" && value !== null ? (value as FunctionDef).name : value;
  });
  return createHash("sha256").update(text).digest("hex");
}
