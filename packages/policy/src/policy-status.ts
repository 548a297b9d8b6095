/** What stands in the list of policies. */
import type { Program } from "@tenet/datalog";
import type { PolicyVersion } from "./policy-set.ts";

/** A policy and whether it is in force. */
export interface PolicyStatus {
  readonly name: string;
  readonly file: string;
  /** Rules in force. */
  readonly nRules: number;
  /** `stale`: the file is broken, its last good version is in force; `error`: broken, nothing is in force. */
  readonly status: "ok" | "stale" | "error";
  /** What is wrong, with file, line and column. */
  readonly error?: string;
}

/** A rule in force, as it stands in its file. */
export interface PolicyRule {
  readonly text: string;
  readonly line: number;
}

/** The status of one policy. */
export function statusOf({ source, inForce, error }: PolicyVersion, program: Program | undefined): PolicyStatus {
  const { name, file } = source;
  const nRules = inForce === undefined || program === undefined ? 0 : rulesOf(program, name).length;
  if (error === undefined) return { name, file, nRules, status: "ok" };
  return { name, file, nRules, status: inForce === undefined ? "error" : "stale", error };
}

/** The rules of a policy in the order of its file. */
export function rulesOf(program: Program, policy: string): PolicyRule[] {
  const rules = new Map<string, PolicyRule>();
  for (const { origin, relation } of program.rules) {
    const isOwn = origin.file === `${policy}.dl` && !relation.startsWith("$");
    if (isOwn) rules.set(`${origin.line} ${origin.text}`, { text: origin.text, line: origin.line });
  }
  return [...rules.values()].toSorted((a, b) => a.line - b.line);
}
