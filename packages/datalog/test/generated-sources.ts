/** The files of a generated program: one, or a module per level and one for the inputs, which import each other. */
import type { SourceText } from "@tenet/datalog";
import { type Generated, INPUTS } from "./generate.ts";
import { print, printNamed, type Rule } from "./naive.ts";

/** A program's text, and how to find one's way in it. */
export interface GeneratedSources {
  readonly sources: readonly SourceText[];
  /** The name of a relation in the engine. */
  nameOf(relation: string): string;
  /** The rules by file and line. */
  readonly ruleAt: ReadonlyMap<string, Rule>;
}

/** Writes a generated program. */
export function sourcesOf({ levels, type, hasModules }: Generated): GeneratedSources {
  const columns = type === undefined ? ["x", "y"] : [`x: ${type}`, `y: ${type}`];
  const inputs = [...INPUTS].map(([name, arity]) => `input ${name}(${columns.slice(0, arity).join(", ")})`);
  const ruleAt = new Map<string, Rule>();
  const note = (file: string, before: readonly string[], rules: readonly Rule[]): void => {
    for (const [i, rule] of rules.entries()) ruleAt.set(`${file}:${before.length + i + 1}`, rule);
  };
  if (!hasModules) {
    const rules = levels.flat();
    note("generated.dl", inputs, rules);
    const lines = [...inputs, ...rules.map(print)];
    return { sources: [{ name: "generated.dl", text: lines.join("\n") }], nameOf: (name) => name, ruleAt };
  }
  const moduleOf = (relation: string): string => (INPUTS.has(relation) ? "base" : `m${relation[1]}`);
  const nameOf = (relation: string): string => `${moduleOf(relation)}:${relation}`;
  const sources = [{ name: "base.dl", text: ["module base", ...inputs].join("\n") }];
  for (const [level, rules] of levels.entries()) {
    const file = `m${level}.dl`;
    const before = [`module m${level}`, ...sources.map(({ name }) => `import "${name}"`)];
    note(file, before, rules);
    const localName = (relation: string): string => (moduleOf(relation) === `m${level}` ? relation : nameOf(relation));
    sources.push({ name: file, text: [...before, ...rules.map((rule) => printNamed(rule, localName))].join("\n") });
  }
  return { sources, nameOf, ruleAt };
}
