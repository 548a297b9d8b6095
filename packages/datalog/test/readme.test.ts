import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { format } from "node:util";
import * as datalog from "@tenet/datalog";
import {
  analyze,
  BUILT_IN_FUNCTIONS,
  compile,
  Engine,
  type FunctionDef,
  type HistoryOptions,
  runTests,
  typesOf,
} from "@tenet/datalog";
import { expect, test } from "vitest";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

test("every example of the README runs, and prints what its comments say", () => {
  const readme = read("../README.md");
  const blocks = [...readme.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code = ""]) => code);
  expect(blocks.length).toBeGreaterThan(3);
  const text = /^```dl title=net\.dl\n([^]*?)^```$/m.exec(readme)?.[1] ?? "";
  const sources = [{ name: "net.dl", text }];
  const program = compile(sources);
  expect(program.warnings).toEqual([]);
  const folder = mkdtempSync(join(tmpdir(), "tenet-readme-"));
  const printed: string[] = [];
  const names: Record<string, unknown> = {
    ...datalog,
    readFileSync: () => text,
    openHistory: (options: HistoryOptions) => datalog.openHistory({ ...options, file: join(folder, options.file) }),
    console: { log: (...values: unknown[]) => printed.push(format(...values)) },
  };
  const constants = [...typesOf(program, { sources }).matchAll(/^export const (\w+): \S+ (=.*)$/gm)];
  const code = blocks.join("").replace(/^import .*$/gm, "");
  const types = constants.map(([, name, value]) => `const ${name} ${value}`).join("\n");
  try {
    new Function(...Object.keys(names), `"use strict";\n${types}\n${code}`)(...Object.values(names));
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(printed.join("\n")).toMatch(patternOf(expectedBy(code)));
});

/** What comments say that a program prints, line by line: those behind a value, and those that stand alone. */
function expectedBy(code: string): string[] {
  return code.split("\n").flatMap((line) => {
    const alone = /^\/\/ (.*)$/.exec(line)?.[1];
    const behind = / \/\/ ([[{\d].*)$/.exec(line)?.[1];
    return alone ?? behind ?? [];
  });
}

/** A line "…" stands for any number of lines. */
function patternOf(lines: readonly string[]): RegExp {
  const quoted = lines.map((line) => line.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${quoted.join("\n").replaceAll(/\n *…(?=\n|$)/g, "(?:\n.*)*?")}$`);
}

test("every example of the language reference compiles and starts without a warning", () => {
  const reference = read("../../../docs/reference/language.md");
  const examples = [...reference.matchAll(/```dl\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
  expect(examples.length).toBeGreaterThan(3);
  for (const [i, text] of examples.entries()) {
    const sources = [{ name: `example${i}.dl`, text }];
    const functions = declaredIn(sources);
    const program = compile(sources, { functions });
    expect(program.warnings.map((warning) => warning.message)).toEqual([]);
    expect(() => new Engine(program)).not.toThrow();
    const { tests } = runTests(sources, { functions });
    expect(tests.flatMap(({ failures }) => failures)).toEqual([]);
  }
});

/** What examples say that a program gives. */
function declaredIn(sources: Parameters<typeof analyze>[0]): FunctionDef[] {
  const known = new Set(BUILT_IN_FUNCTIONS.map(({ name }) => name));
  return [...analyze(sources, { trustsDeclarations: true }).functions.values()].filter(({ name }) => !known.has(name));
}
