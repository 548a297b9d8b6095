import { readFileSync } from "node:fs";
import { parseProgram, readTokens } from "@tenet/datalog";
import type { SourceError } from "@tenet/kit";
import { findRuleFiles, formatSource } from "@tenet/language-tools";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { programText } from "./generate-text.ts";

function format(text: string): string {
  const { text: formatted, errors } = formatSource({ name: "x.dl", text });
  if (formatted === undefined) throw new Error(errors.map(({ message }) => message).join("\n"));
  return formatted;
}

/** The syntax tree without positions. */
function meaning(text: string): string {
  const errors: SourceError[] = [];
  const statements = parseProgram({ name: "x.dl", text }, errors);
  expect(errors.map(({ message }) => message)).toEqual([]);
  return JSON.stringify(statements, (key, value: unknown) =>
    key === "span" || key === "headSpan" ? undefined : typeof value === "bigint" ? String(value) : value,
  );
}

/** All comments, in order. */
function comments(text: string): string[] {
  const found: string[] = [];
  let at = 0;
  for (const { start, end } of readTokens({ name: "x.dl", text }, [])) {
    found.push(...(text.slice(at, start).match(/\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//g) ?? []));
    at = end;
  }
  return found.map((comment) => comment.trimEnd());
}

describe("format", () => {
  test("keeps the meaning and every comment, and a second time changes nothing, whatever the layout", () => {
    const law = (text: string): void => {
      fc.pre(isSound(text));
      const once = format(text);
      expect(meaning(once)).toBe(meaning(text));
      expect(comments(once)).toEqual(comments(text));
      expect(format(once)).toBe(once);
      expect(once).not.toMatch(/[ \t]\n|\n\n\n|^\n/);
    };
    fc.assert(fc.property(programText, law), { numRuns: 400, interruptAfterTimeLimit: 20_000 });
  }, 60_000);

  test("most of the generated texts are sound, and some have comments", () => {
    const texts = fc.sample(programText, { numRuns: 200, seed: 1 });
    expect(texts.filter(isSound).length).toBeGreaterThan(100);
    expect(texts.filter((text) => isSound(text) && comments(text).length > 2).length).toBeGreaterThan(30);
  });

  test.each(ruleFiles())("keeps the meaning of %s", (file) => {
    const text = readFileSync(file, "utf8");
    const once = format(text);
    expect(comments(once)).toEqual(comments(text));
    expect(format(once)).toBe(once);
  });

  test.each([
    ["terminators go, one statement a line", "p(1). q(2); r", "p(1)\nq(2)\nr\n"],
    ["spaces", "p( x,y )   :-q(x ,  y),x>- 1 , !r(x)", "p(x, y) :- q(x, y), x > -1, !r(x)\n"],
    ["columns", "output  nb:t( a:string,b : int,c )", "output nb:t(a: string, b: int, c)\n"],
    ["named arguments without spaces, equations with", "p(a = x) :- q(b= x), y  =  x", "p(a=x) :- q(b=x), y = x\n"],
    [
      "braces",
      "p(n):-n=count{z:q(z)}, m=count{q(_)}".replace("z:q", "z : q"),
      "p(n) :- n = count { z : q(z) }, m = count { q(_) }\n",
    ],
    ["empty lines: at most one", "\n\np(1)\n\n\n\nq(2)\nr(3)\n\n\n", "p(1)\n\nq(2)\nr(3)\n"],
    ["comments", "// a\np(1) // b\n\n/* c */ q(2)\n# d", "// a\np(1) // b\n\n/* c */\nq(2)\n# d\n"],
    ["a comment behind a literal stays there", "p(x) :- q(x), // why\nr(x)", "p(x) :-\n  q(x), // why\n  r(x)\n"],
    ["a comment before a comma goes behind it", "p(x) :- q(x) // why\n, r(x)", "p(x) :-\n  q(x), // why\n  r(x)\n"],
    ["a comment above a literal stays there", "p(x) :-\n# why\nq(x)", "p(x) :-\n  # why\n  q(x)\n"],
    ["spans of time, big numbers", "p(90s , 1.5h,9007199254740993)", "p(90s, 1.5h, 9007199254740993)\n"],
    ["signed tables", "p+(x):-q-(x),not r+(x),x+(1) == y , z=x+(1)", "p+(x) :- q-(x), not r+(x), x+(1) == y, z = x+(1)\n"],
    ["actions", "execute[nova:pause(x)]:-q(x,1=y)", "execute[nova:pause(x)] :- q(x, 1=y)\n"],
    ["maps and paths", 'p({"a":1 , "b" : x["k"].c[ 0 ]},{})', 'p({"a": 1, "b": x["k"].c[0]}, {})\n'],
    ["keys", "input t(a:int key,b key)", "input t(a: int key, b key)\n"],
    ["imports and modules", "import   'a.dl' module  b", "import 'a.dl'\nmodule b\n"],
    [
      "tests",
      'test "a"  { // why\n p(1). q(2) // two\n\n\n expect r( 1 ),not r(2); // r\n // done\n } // end\np(1)',
      'test "a" { // why\n  p(1)\n  q(2) // two\n\n  expect r(1), not r(2) // r\n  // done\n} // end\np(1)\n',
    ],
    ["windows line ends", "p(1) // a\r\nq(2)\r\n", "p(1) // a\nq(2)\n"],
    ["nothing", " \n\n", ""],
    ["comments alone", "\n// a\n\n\n// b", "// a\n\n// b\n"],
    ["a table without columns before a rule", "input\nfoo(1)", "input\nfoo(1)\n"],
  ])("%s", (_, text, formatted) => expect(format(text)).toBe(formatted));

  test("a rule that is too long for a line: body below the head, literals one after another, alternatives below each other", () => {
    const literal = (i: number): string => `a_rather_long_table(x, y${i})`;
    const body = [1, 2, 3, 4, 5].map(literal);
    expect(format(`p(x) :- ${body.join(",")}`)).toBe(`p(x) :-\n  ${body.slice(0, 4).join(", ")},\n  ${body[4]}\n`);
    expect(format(`p(x) :- ${body.join(" or ")}`)).toBe(`p(x) :-\n  ${body.join("\n  or ")}\n`);
  });

  test("no line is longer than 120 where a break would help", () => {
    const long = (text: string): string[] => text.split("\n").filter((line) => line.length > 120);
    for (const file of ruleFiles()) {
      for (const line of long(format(readFileSync(file, "utf8")))) expect(line).toMatch(/^\s*(\/\/|"[^"]*"|[^"]*"[^"]{80})/);
    }
  });

  test("a file that cannot be read gives its errors and stays", () => {
    const { text, errors } = formatSource({ name: "x.dl", text: "p(x :- q(x)" });
    expect(text).toBeUndefined();
    expect(errors[0]?.message).toContain("x.dl:1:5");
  });
});

function isSound(text: string): boolean {
  const errors: SourceError[] = [];
  parseProgram({ name: "x.dl", text }, errors);
  return errors.length === 0;
}

function ruleFiles(): string[] {
  return findRuleFiles(["packages", "examples"]);
}
