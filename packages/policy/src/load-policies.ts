/**
 * From wanted policies to a running program.
 *
 * A policy can fail in two ways: it does not compile, or one of its rules fails on the rows that are there
 * (a function throws, recursion makes values without end). The first is found by the compiler; at the
 * second the engine names the file, and that text is left out.
 */
import type { CompileOptions, FunctionDef } from "@tenet/datalog";
import { AppError, formatError } from "@tenet/kit";
import { relationsOf } from "@tenet/ovsdb";
import { type Inputs, LiveProgram } from "./live-program.ts";
import { Barred, choosePolicies, type PolicySource, type PolicyVersion } from "./policy-set.ts";

/** A running program and what became of each wanted policy. */
export interface LoadedPolicies {
  readonly live: LiveProgram;
  readonly policies: ReadonlyMap<string, PolicyVersion>;
}

/**
 * Brings into force as much of the wanted policies as is sound.
 *
 * @param running - changed into the program, at the cost of what differs; without it a new one is filled from the sources
 */
export function loadPolicies(
  wanted: readonly PolicySource[],
  known: ReadonlyMap<string, PolicyVersion>,
  inputs: Inputs,
  functions: readonly FunctionDef[],
  running?: LiveProgram,
): LoadedPolicies {
  const options = { relations: relationsIn(inputs), functions };
  const barred = new Barred();
  for (const { name, file } of wanted) {
    if (isTaken(name, inputs))
      barred.add(name, undefined, `${file}: "${name}" names a source of tables; give the policy another file name`);
  }
  for (;;) {
    const { program, policies } = choosePolicies(wanted, known, options, barred);
    try {
      if (running === undefined) return { live: new LiveProgram(program, inputs), policies };
      running.replace(program);
      return { live: running, policies };
    } catch (error) {
      const failing = [...policies.values()].filter(({ inForce }) => inForce !== undefined);
      const named = failing.filter(({ source }) => error instanceof AppError && error.details["file"] === `${source.name}.dl`);
      if (failing.length === 0) throw error;
      for (const { source, inForce } of named.length > 0 ? named : failing) {
        barred.add(source.name, inForce, `A rule fails on the present rows:\n${formatError(error)}`);
      }
    }
  }
}

function relationsIn({ sources, pushed }: Inputs): NonNullable<CompileOptions["relations"]> {
  return [...[...sources].flatMap(([prefix, source]) => relationsOf(source.schema, prefix)), ...pushed.values()];
}

function isTaken(name: string, { sources, pushed }: Inputs): boolean {
  return sources.has(name) || [...pushed.keys()].some((relation) => relation.startsWith(`${name}:`));
}
