import { readFileSync } from "node:fs";
import { buildParserFile } from "@lezer/generator";
import { parseProgram } from "@tenet/datalog";
import type { SourceError } from "@tenet/kit";
import { findRuleFiles, rulesParser } from "@tenet/language-tools";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { programText } from "./generate-text.ts";

/** The text around the first fault of the tree. */
function faultIn(text: string): string | undefined {
  let fault: string | undefined;
  rulesParser.parse(text).iterate({
    enter: ({ type, from }) => {
      if (type.isError) fault ??= `${text.slice(Math.max(from - 20, 0), from)}«here»${text.slice(from, from + 20)}`;
    },
  });
  return fault;
}

function isSound(text: string): boolean {
  const errors: SourceError[] = [];
  parseProgram({ name: "x.dl", text }, errors);
  return errors.length === 0;
}

/** The nodes of a text: `Name(text)`, without those that are only punctuation. */
function nodes(text: string, names: readonly string[]): string[] {
  const found: string[] = [];
  rulesParser.parse(text).iterate({
    enter: ({ name, from, to }) => {
      if (names.includes(name)) found.push(`${name} ${text.slice(from, to)}`);
    },
  });
  return found;
}

describe("the grammar for editors", () => {
  test.each(findRuleFiles(["packages", "examples"]))("has no fault in %s", (file) => {
    expect(faultIn(readFileSync(file, "utf8"))).toBeUndefined();
  });

  test("has no fault in the examples of the reference that the parser accepts", () => {
    const reference = readFileSync("docs/reference/language.md", "utf8");
    const examples = [...reference.matchAll(/^```dl.*\n([^]*?)^```/gm)].map(([, text = ""]) => text);
    expect(examples.length).toBeGreaterThan(3);
    for (const example of examples.filter(isSound)) expect(faultIn(example)).toBeUndefined();
  });

  test("accepts what the parser accepts", () => {
    const law = (text: string): void => {
      fc.pre(isSound(text));
      expect(faultIn(text)).toBeUndefined();
    };
    fc.assert(fc.property(programText, law), { numRuns: 400, interruptAfterTimeLimit: 20_000 });
  }, 60_000);

  test("knows what names are", () => {
    const text = 'input nb:a.b(x: int)\np(x) :- nb:a.b(x=y), not q(_), n = count { z : r(z) }, v = "${x + 1} is \\"" // why';
    expect(
      nodes(text, ["TableName", "ColumnName", "VariableName", "CallName", "AggregateName", "Wildcard", "LineComment"]),
    ).toEqual([
      "TableName nb:a.b",
      "ColumnName x",
      "TableName p",
      "VariableName x",
      "CallName nb:a.b",
      "ColumnName x",
      "VariableName y",
      "CallName q",
      "Wildcard _",
      "VariableName n",
      "AggregateName count",
      "VariableName z",
      "CallName r",
      "VariableName z",
      "VariableName v",
      "VariableName x",
      "LineComment // why",
    ]);
    expect(nodes(text, ["Declaration", "Escape"])).toEqual(["Declaration input nb:a.b(x: int)", 'Escape \\"']);
    expect(nodes("input\nfoo(1)", ["Declaration", "Rule"])).toEqual(["Rule input", "Rule foo(1)"]);
  });

  test("finds its way again after a fault", () => {
    const text = "p(x :- q(x)\nr(1)\ns(x) :- r(x)\n";
    expect(faultIn(text)).toBeDefined();
    expect(nodes(text, ["Rule"]).at(-1)).toBe("Rule s(x) :- r(x)");
  });

  test("the tables of the parser are those of the grammar; mend with vitest run FILE --update", async () => {
    const warnings: string[] = [];
    const { parser, terms } = buildParserFile(readFileSync("packages/language-tools/src/lezer/rules.grammar", "utf8"), {
      fileName: "rules.grammar",
      typeScript: true,
      warn: (message) => warnings.push(message),
    });
    expect(warnings).toEqual([]);
    const made = "/* oxlint-disable */\n// biome-ignore-all format: made from rules.grammar by its test";
    const typed = parser
      .replace(/^.*\n/, `${made}\n/** The tables of the grammar for editors. */\n`)
      .replace(
        "export const parser =",
        "/** Parses rule files into a tree, faults and all. */\nexport const rulesParser: LRParser =",
      );
    await expect(typed).toMatchFileSnapshot("../src/lezer/rules-parser.ts");
    const used = [...terms.matchAll(/(expectWord|notWord) = (\d+)/g)].map(
      ([, name, id]) => `export const ${name}: number = ${id};\n`,
    );
    const header = `${made}\n/** Numbers of the words that \`words.ts\` finds. */\n`;
    await expect(`${header}${used.join("")}`).toMatchFileSnapshot("../src/lezer/rules-terms.ts");
  });
});
