import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkFiles, checkSources, findRuleFiles, formatDiagnostic, type Surroundings } from "@tenet/language-tools";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const SURROUNDINGS: Surroundings = {
  relations: [
    {
      name: "nb:ACL",
      columns: [
        { name: "_uuid", type: "uuid" },
        { name: "match", type: "string" },
      ],
    },
  ],
  functions: [{ name: "twice", nArgs: 1, call: (n) => (typeof n === "number" ? 2 * n : undefined) }],
  hasNamespaces: true,
};

function check(text: string, namespace = "mine"): string[] {
  const { diagnostics } = checkSources([{ name: `${namespace}.dl`, text, namespace }], SURROUNDINGS);
  return diagnostics.map(({ line, column, severity, problem }) => `${line}:${column} ${severity} ${problem}`);
}

describe("check", () => {
  test("tables and functions of the surroundings are known", () => {
    expect(check("bad(a, m) :- nb:ACL(_uuid=a, match=m), twice(2) == 4")).toEqual([]);
  });

  test("errors and warnings of one run, by place", () => {
    const text = "bad(a) :- nb:ACl(_uuid=a)\nworse(a) :- nb:ACL(_uuid=a, mtch=m)\nlost(a) :- nb:ACL(_uuid=a, match=m)\n";
    const { diagnostics } = checkSources([{ name: "x.dl", text, namespace: "x" }], SURROUNDINGS);
    expect(diagnostics.map(({ line, column, severity }) => [line, column, severity])).toEqual([
      [1, 11, "error"],
      [2, 29, "error"],
      [2, 34, "warning"],
      [3, 34, "warning"],
    ]);
    expect(diagnostics[0]?.hint).toBe('did you mean "nb:ACL"?');
  });

  test("a finding for a person: place, line, caret, expectation, hint", () => {
    const [diagnostic] = checkSources([{ name: "x.dl", text: "p(x) :-\n\tq(x", namespace: "x" }], SURROUNDINGS).diagnostics;
    const shown = diagnostic && formatDiagnostic(diagnostic);
    expect(shown).toBe(
      'x.dl:2:5: error: unexpected end of file; expected an operator, "," or ")"\n  | \tq(x\n  | \t   ^\n  hint: the "(" at 2:3 is not closed',
    );
  });

  test("a policy that is named like a source of tables", () => {
    expect(check("p(1)", "nb")).toEqual(['1:1 error "nb" names a source of tables']);
  });
});

describe("files", () => {
  let folder = "";
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "tenet-check-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function write(name: string, text: string): string {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  }

  test("a file is judged together with its neighbours, and they are not told about", () => {
    const file = write("a.dl", "p(x) :- b:q(x)");
    write("b.dl", "q(1)\nr(x) :- nothing(x)");
    expect(checkFiles([file], SURROUNDINGS)).toEqual([]);
    expect(checkFiles(findRuleFiles([folder]), SURROUNDINGS).map(({ file: at }) => at)).toEqual([join(folder, "b.dl")]);
  });

  test("folders do not see each other's tables", () => {
    write("one/a.dl", "p(1)");
    write("two/b.dl", "q(x) :- a:p(x)");
    expect(checkFiles(findRuleFiles([folder]), SURROUNDINGS)).toHaveLength(1);
  });

  test("hidden files and drafts are no rule files, and a folder without any is an error", () => {
    write(".hidden.dl", "");
    write("#draft.dl", "");
    expect(() => findRuleFiles([folder])).toThrow("holds no *.dl file");
    expect(() => findRuleFiles([join(folder, "none.dl")])).toThrow("There is no");
    const file = write("a.dl", "");
    expect(findRuleFiles([folder, file, folder])).toEqual([file]);
  });
});
