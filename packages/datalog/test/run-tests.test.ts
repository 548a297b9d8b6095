import { compile, Engine, ProgramError, runTests, type SourceText, withImports } from "@tenet/datalog";
import { expect, test } from "vitest";

const RULES = `
input link(a: string, b: string)
input host(name: string, up: bool)
reach(a, b) :- link(a, b)
reach(a, c) :- reach(a, b), link(b, c)
down(h) :- host(h, false)
lost(h) :- down(h), not reach(h, _)

test "a chain is walked" {
  link("web", "app")  link("app", "db")
  expect reach("web", "db")
  expect not reach("db", "web")
  expect count { reach(_, _) } == 3
}
test "rows may be computed and named" {
  link(str(x), str(x + 1)) :- x in range(0, 5)
  host(name="h")
  expect reach("0", "5"), host("h", null)
}
test "what fails is shown" {
  link("a", "b")
  expect reach("a", "b")
  expect reach("a", x), reach(x, "c")
}
`;

test("tests run, failures say where and why, nothing leaks from one test into another", () => {
  const { tests, coverage } = runTests([{ name: "net.dl", text: RULES }]);
  expect(tests.map(({ name, failures }) => [name, failures.length])).toEqual([
    ["a chain is walked", 0],
    ["rows may be computed and named", 0],
    ["what fails is shown", 1],
  ]);
  const [failure] = tests[2]?.failures ?? [];
  expect(failure).toMatchObject({ at: { file: "net.dl", line: 23, column: 10 }, text: 'reach("a", x), reach(x, "c")' });
  expect(failure?.because).toMatch(/^this does not hold\n/);
  expect(failure?.because).toContain('reach("b", "c")');
  expect(coverage.map(({ relation, line, isCovered }) => [relation, line, isCovered])).toEqual([
    ["reach", 4, true],
    ["reach", 5, true],
    ["down", 6, false],
    ["lost", 7, false],
  ]);
});

test("a program runs without its tests", () => {
  const engine = new Engine(compile([{ name: "net.dl", text: RULES }]));
  expect(engine.relations().map(({ name }) => name)).toEqual(["link", "host", "reach", "down", "lost"]);
});

test.each([
  ['test "t" { lnk("a", "b") }', 't.dl:3:12: unknown table "lnk"'],
  ['test "t" { p("a") }', 't.dl:3:12: "p" is derived; a test gives rows to inputs'],
  ['test "t" { link("a") }', 't.dl:3:12: "link" is given 1 argument'],
  ['test "t" { expect q(1) }', 't.dl:3:19: unknown table "q"'],
  ['test "t" { expect p(x), not p(y) }', 't.dl:3:31: variable "y" is not bound'],
  ['test "t" { link("a", "b")', "t.dl:3:26: unexpected end of file"],
  ['test "t ${1}" { }', "t.dl:3:6: unexpected string; expected the test's name in quotes"],
])("%s is refused with its place", (text, message) => {
  const run = () => runTests([{ name: "t.dl", text: `input link(a, b)\np(a) :- link(a, _)\n${text}` }]);
  expect(run).toThrow(ProgramError);
  expect(run).toThrow(message);
});

const FILES: Readonly<Record<string, string>> = {
  "rules/main.dl": 'import "lib/net.dl"\nimport "more.dl"\nerror(x) :- net:reach(x, x), extra(x)',
  "rules/lib/net.dl": "module net\ninput link(a, b)\nreach(a, b) :- link(a, b)\nreach(a, c) :- reach(a, b), link(b, c)",
  "rules/more.dl": 'import "main.dl"\nextra("a")',
};
const read = (path: string): string | undefined => FILES[path];
const entry: SourceText = { name: "rules/main.dl", text: FILES["rules/main.dl"] ?? "", namespace: "pii" };

test("imports bring files in, once each; modules keep their names apart", () => {
  const sources = withImports([entry], read);
  expect(sources.map(({ name, namespace }) => [name, namespace])).toEqual([
    ["rules/main.dl", "pii"],
    ["rules/lib/net.dl", undefined],
    ["rules/more.dl", "pii"],
  ]);
  const engine = new Engine(compile(sources));
  engine.transact([
    { relation: "net:link", tuple: ["a", "b"], weight: 1 },
    { relation: "net:link", tuple: ["b", "a"], weight: 1 },
  ]);
  expect(engine.rows("pii:error")).toEqual([["a"]]);
});

test.each([
  [[entry], 'rules/main.dl:1:1: imported file "rules/lib/net.dl" is not part of the program'],
  [[{ name: "a.dl", text: "module b\nmodule c" }], "a.dl:2:1: a file is one module"],
  [[{ name: "a.dl", text: "program b\nmodule c" }], "a.dl:2:1: a file is one module or one program"],
  [[{ name: "a.dl", text: "program b", namespace: "pii" }], 'a.dl:1:1: a file of "pii" cannot be a program of its own'],
  [[{ name: "a.dl", text: "module b", namespace: "pii" }], 'a.dl:1:1: a file of "pii" cannot be module "b"'],
  [[{ name: "a.dl", text: "module b:c" }], 'a.dl:1:8: "b:c" is no name for a module'],
  [[{ name: "a.dl", text: "module b\nc:p(1)" }], 'a.dl:2:1: policy "b" cannot derive "c:p"'],
])("faults of modules are reported: %#", (sources, message) => {
  expect(() => compile(sources)).toThrow(message);
});
