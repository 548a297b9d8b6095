import { readFileSync } from "node:fs";
import { analyze, BUILT_IN_FUNCTIONS, compile, Engine, type FunctionDef, formatProof, runTests } from "@tenet/datalog";
import { expect, test, vi } from "vitest";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

test("the README's example runs", () => {
  const code = /```ts\n([\s\S]*?)```/.exec(read("../README.md"))?.[1] ?? "";
  const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
  new Function("compile", "Engine", "formatProof", code.replace(/^import .*$/m, ""))(compile, Engine, formatProof);
  const [inserted, deleted, proof] = log.mock.calls.map(([shown]) => shown);
  log.mockRestore();
  expect([...inserted].sort()).toEqual([
    ["app", 1],
    ["web", 2],
  ]);
  expect([...deleted].sort()).toEqual([
    ["app", "db"],
    ["web", "db"],
  ]);
  expect(proof).toContain('reach("web", "db")');
  expect(proof).toContain("by reach.dl:4");
});

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
