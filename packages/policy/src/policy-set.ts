/**
 * Which text of each policy is in force.
 *
 * What: the policies compile together into one program. A faulty text must not take the others down, and
 * what was in force before it stays in force. Why a loop: faults show only one compilation at a time, and
 * taking one policy back can uncover another.
 * How: compile all candidates; policies that hold a fault fall back to their last good text, or out. When
 * only unchanged policies hold faults, and hold none without the changes, the changed ones fall back instead.
 * Each round takes at least one policy one step back, so there are at most twice as many rounds as policies.
 */
import { compile, type CompileOptions, type Program, ProgramError } from "@tenet/datalog";
import { formatError } from "@tenet/kit";

/** A policy file as it stands in the folder. */
export interface PolicySource {
  /** File name without `.dl`; the namespace of its tables. */
  readonly name: string;
  readonly file: string;
  readonly text: string;
  /** Why `text` is not the file's present text, e.g. that it cannot be read. */
  readonly problem?: string | undefined;
}

/** Texts that may not be in force, and why. */
export class Barred {
  readonly #errorByText = new Map<string, Map<string | undefined, string>>();

  /** Bars one text of a policy, or all of them. */
  add(policy: string, text: string | undefined, error: string): void {
    const errors = this.#errorByText.get(policy) ?? new Map();
    this.#errorByText.set(policy, errors.set(text, error));
  }

  /** Why the text is barred, `undefined` when it is not. */
  reason(policy: string, text: string): string | undefined {
    const errors = this.#errorByText.get(policy);
    return errors?.get(undefined) ?? errors?.get(text);
  }
}

/** A policy and which of its texts is in force. */
export interface PolicyVersion {
  readonly source: PolicySource;
  /** The text in force: `source.text`, the last good one, or none. */
  readonly inForce: string | undefined;
  /** Why `source.text` is not in force, for a person. */
  readonly error: string | undefined;
}

/** The outcome: one program, and what became of each policy. */
export interface PolicySet {
  readonly program: Program;
  readonly policies: ReadonlyMap<string, PolicyVersion>;
}

interface Candidate {
  readonly source: PolicySource;
  readonly lastGood: string | undefined;
  text: string | undefined;
  error: string | undefined;
}

/**
 * Compiles as much of the wanted policies as is sound.
 *
 * @param known - the previous outcome, source of the last good texts
 * @param barred - texts that may not be in force although they compile
 */
export function choosePolicies(
  wanted: readonly PolicySource[],
  known: ReadonlyMap<string, PolicyVersion>,
  options: CompileOptions,
  barred: Barred = new Barred(),
): PolicySet {
  const candidates = wanted.map((source) => candidateFor(source, known.get(source.name)?.inForce, barred));
  for (;;) {
    const program = compiled(candidates, options);
    if (program instanceof ProgramError) takeBack(candidates, program, options);
    else {
      const policies = candidates.map(({ source, text, error }) => [source.name, { source, inForce: text, error }] as const);
      return { program, policies: new Map(policies) };
    }
  }
}

function compiled(candidates: readonly Pick<Candidate, "source" | "text">[], options: CompileOptions): Program | ProgramError {
  try {
    return compile(candidates.flatMap(sourceTextOf), options);
  } catch (error) {
    if (error instanceof ProgramError) return error;
    throw error;
  }
}

function candidateFor(source: PolicySource, lastGood: string | undefined, barred: Barred): Candidate {
  const error = source.problem ?? barred.reason(source.name, source.text);
  if (error === undefined) return { source, lastGood, text: source.text, error };
  const canFallBack = lastGood !== undefined && barred.reason(source.name, lastGood) === undefined;
  return { source, lastGood, text: canFallBack ? lastGood : undefined, error };
}

/** What a text is compiled as: its file's base name stands in positions, its policy's name before its tables. */
function sourceTextOf({ source, text }: Pick<Candidate, "source" | "text">): { name: string; text: string; namespace: string }[] {
  return text === undefined ? [] : [{ name: `${source.name}.dl`, text, namespace: source.name }];
}

function takeBack(candidates: readonly Candidate[], fault: ProgramError, options: CompileOptions): void {
  const faultsOf = (candidate: Candidate) => errorsIn(fault, candidate);
  const faulty = candidates.filter((candidate) => candidate.text !== undefined && faultsOf(candidate).length > 0);
  if (faulty.length === 0) throw fault;
  const isChanged = (candidate: Candidate) => candidate.text !== undefined && candidate.text !== candidate.lastGood;
  const faultyAndChanged = faulty.filter(isChanged);
  const changed = candidates.filter(isChanged);
  if (faultyAndChanged.length > 0) {
    for (const candidate of faultyAndChanged) stepBack(candidate, describe(faultsOf(candidate)));
  } else if (changed.length > 0 && !areFaultyWithout(changed, faulty, candidates, options)) {
    const victims = faulty.map((candidate) => `"${candidate.source.name}"`).join(", ");
    for (const candidate of changed) stepBack(candidate, `It would break policy ${victims}:\n${describe(fault.errors)}`);
  } else {
    for (const candidate of faulty) stepBack(candidate, describe(faultsOf(candidate)));
  }
}

function errorsIn(fault: ProgramError, { source }: Candidate): readonly ProgramError["errors"][number][] {
  return fault.errors.filter((error) => error.at.file === `${source.name}.dl`);
}

/** Whether all of these would hold faults, too, if others had not changed: then a policy that went away is what they miss. */
function areFaultyWithout(
  changed: readonly Candidate[],
  faulty: readonly Candidate[],
  candidates: readonly Candidate[],
  options: CompileOptions,
): boolean {
  const before = candidates.map((candidate) => ({
    source: candidate.source,
    text: changed.includes(candidate) ? candidate.lastGood : candidate.text,
  }));
  const program = compiled(before, options);
  return program instanceof ProgramError && faulty.every((candidate) => errorsIn(program, candidate).length > 0);
}

function stepBack(candidate: Candidate, error: string): void {
  candidate.error ??= error;
  candidate.text = candidate.text === candidate.lastGood ? undefined : candidate.lastGood;
}

function describe(errors: readonly Error[]): string {
  return errors.map((error) => formatError(error)).join("\n");
}
