import { analyze, compile, FunctionError, ProgramError, runTests } from "@tenet/datalog";
import fc from "fast-check";
import { expect, test } from "vitest";

const DECLARATIONS = "input host(name: string, up: bool, tag: int)\ninput link(a, b)\n";

function errorsOf(text: string, options: Parameters<typeof compile>[1] = {}, namespace?: string): string[] {
  try {
    const source = { name: "p.dl", text: DECLARATIONS + text };
    compile([namespace === undefined ? source : { ...source, namespace }], options);
    return [];
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    return error.errors.map((one) => `${one.message}${one.hint === undefined ? "" : ` | ${one.hint}`}`);
  }
}

/** Runs the tests of a text; whatever they are, the only fault may be one of the program, or of a rule that runs away. */
function testErrorsOf(text: string): void {
  try {
    runTests([{ name: "p.dl", text: DECLARATIONS + text }]);
  } catch (error) {
    if (!(error instanceof ProgramError || error instanceof FunctionError)) throw error;
  }
}

const CASES: readonly [name: string, text: string, ...expected: string[]][] = [
  ["a missing parenthesis", "p(x) :- link(x, y", 'p.dl:3:18: unexpected end of file; expected an operator, "," or ")"'],
  ["a missing body", "p(x) :- ", "p.dl:3:9: unexpected end of file; expected a value, a variable or a table"],
  [
    "an open string",
    'p("abc',
    'p.dl:3:3: string is not closed on its line; expected a closing "',
    'p.dl:3:7: unexpected end of file; expected an operator, "," or ")"',
  ],
  ["an unknown escape", 'p("\\q")', 'p.dl:3:4: unknown escape "\\q"; expected one of'],
  ["an unknown character", "p(1) @", 'p.dl:3:6: unexpected character "@"'],
  ["an open comment", "p(1) /* no end", 'p.dl:3:6: comment is not closed; expected the closing "*/"'],
  ["an error in an interpolation", 'p("a ${1 + }")', 'p.dl:3:12: unexpected "}"; expected a value'],
  [
    "a bracket that is not closed before the next statement",
    "p(x) :- link(x, _\nq(x) :- link(_, x)",
    'p.dl:4:1: unexpected "q"; expected an operator, "," or ")" | the "(" at 3:13 is not closed',
  ],
  ["a declaration that is not closed", "input z(a\nq(1)", 'p.dl:4:1: unexpected "q"; expected a "," or ")" | the "(" at 3:8'],
  [
    "a list that is not closed",
    "p(x) :- x in [1, 2\nq(1)",
    'p.dl:4:1: unexpected "q"; expected an operator, "," or "]" | the "["',
  ],
  [
    "inequality as in SQL",
    "p(x) :- link(x, y), x <> y",
    'p.dl:3:24: unexpected ">"; expected a value, a variable or a table | not equal is written "!="',
  ],
  [
    "negation as in Prolog",
    "p(x) :- link(x, _), \\+ host(x)",
    'p.dl:3:21: unexpected character "\\\\"; expected a name',
    "p.dl:3:22",
  ],
  [
    "alternatives as in a shell",
    "p(x) :- link(x, _) | q(x)",
    'p.dl:3:20: unexpected character "|"; expected a name',
    "p.dl:3:24",
  ],
  [
    "an arrow",
    "p(x) <- link(x, _)",
    'p.dl:3:6: unexpected "<"; expected an operator, ",", "or", ":-" or the end of the statement | a rule is',
  ],
  [
    "an assignment",
    "p(x) := link(x, _)",
    'p.dl:3:6: unexpected ":"; expected an operator, ",", "or", ":-" or the end of the statement | a rule is',
  ],
  [
    "a condition with one =",
    "p(x) :- link(x, y), z = if y = 1 then 1 else z",
    'p.dl:3:30: unexpected "="; expected "then" | equality is written "=="',
  ],
  [
    "a name with a dash",
    "my-table(1)",
    'p.dl:3:3: unexpected "-"; expected an operator, ",", "or", ":-" or the end of the statement | names have',
  ],
  [
    "an unknown aggregate",
    "p(n) :- n = length { link(_, _) }",
    'p.dl:3:20: unexpected "{"; expected an operator, ",", "or", ":-" or the end of the statement | aggregates are count,',
  ],
  [
    "an expectation outside tests",
    "expect p(1)",
    'p.dl:3:1: "expect" is no kind of declaration; expected input, relation, output, function or a rule | expectations stand',
  ],
  [
    "conditions without a comma",
    "p(x) :- link(x, _) host(x, true, 1)",
    'p.dl:3:20: "host" is an input; rules cannot derive it | conditions of one rule are joined by ","',
  ],
  [
    "conditions without a comma, of a derived table",
    "p(x) :- link(x, _) q(y)",
    'p.dl:3:22: variable "y" is not bound | conditions of one rule',
  ],
  [
    "a colon without a space",
    "p(n) :- n = count { x:link(x, _) }",
    'p.dl:3:21: unknown table "x:link" | write a space before the colon: x : link',
  ],
  [
    "types of other languages",
    "input z(a: str, b: Boolean)",
    'p.dl:3:9: unknown type "str" | did you mean "string"?',
    'p.dl:3:17: unknown type "Boolean" | did you mean "bool"?',
  ],
  [
    "elements of a text",
    "p(x) :- host(n, _, _), x in n",
    'p.dl:3:29: "n", a string of column "name" of "host", has no elements; expected a list, or a function that gives a set | split(',
  ],
  [
    "elements of a number",
    "p(x) :- host(_, _, t), x in t or x in 5",
    'p.dl:3:29: "t", a number of',
    "p.dl:3:39: a number has no elements",
  ],
  [
    "what a function never gives",
    "p(n) :- host(n, _, t), str(t) == t",
    'p.dl:3:24: a string is compared with "t", a number of column "tag" of "host" |',
  ],
  [
    "a join with what an aggregate never gives",
    'p(n) :- host(n, _, _), x = join { m, "," : host(m, _, _) }, not host(_, _, x)',
    'p.dl:3:76: "x" is a number in column "tag" of "host" and a string in what it is set to',
  ],
  [
    "a join with what a table in between never holds",
    "shout(n, s) :- host(n, _, _), s = upper(n)\np(n) :- shout(n, s), host(_, _, s)",
    'p.dl:4:33: "s" is a number in column "tag" of "host" and a string in column "s" of "shout"',
  ],
  ["the colour of nothing", "p(x) :- colour(x)", 'p.dl:3:9: unknown table "colour" | known: host, link, p, '],
  ["an unknown table", "p(x) :- lnk(x, _)", 'p.dl:3:9: unknown table "lnk" | did you mean "link"?'],
  ["an unknown column", "p(x) :- host(nam=x)", 'p.dl:3:14: "host" has no column "nam" | did you mean "name"?'],
  ["a column given twice", "p(x) :- host(name=x, name=x)", 'p.dl:3:22: column "name" is given twice'],
  [
    "a positional argument after a named one",
    "p(x) :- host(name=x, true)",
    "p.dl:3:22: a positional argument follows a named one; expected column=term",
  ],
  [
    "too few arguments",
    "p(x) :- host(x)",
    'p.dl:3:9: "host" is given 1 argument; expected 3 arguments: host(name, up, tag) | name the columns you need',
  ],
  ["too many arguments", "p(x) :- link(x, _, _)", 'p.dl:3:9: "link" is given 3 arguments; expected 2 arguments'],
  [
    "another arity in a second head",
    "p(x) :- link(x, _)\np(x, y) :- link(x, y)",
    'p.dl:4:1: "p" is given 2 arguments; expected 1 argument: p(x)',
  ],
  [
    "names for columns without names",
    "p(x) :- link(x, _)\nq(x) :- p(x=x)",
    'p.dl:4:11: the columns of "p" have no names | declare them: relation p(x)',
  ],
  [
    "a column compared with a value of another kind",
    'p(n) :- host(name=n, tag=t), t > "3"',
    'p.dl:3:30: "t", a number of column "tag" of "host", is compared with a string | values of two kinds',
  ],
  [
    "columns of two kinds compared, in a condition",
    "p(n) :- host(name=n, up=u, tag=t), (t == 1 or not u == t)",
    'p.dl:3:51: "u", a boolean of column "up" of "host", is compared with "t", a number of column "tag" of "host"',
  ],
  [
    "a comparison inside an aggregate",
    "p(k) :- k = count { n : host(name=n), n < 3 }",
    'p.dl:3:39: "n", a string of column "name" of "host", is compared with a number',
  ],
  [
    "a join of columns of two kinds",
    "p(x) :- host(name=x), host(tag=x)",
    'p.dl:3:32: "x" is a number in column "tag" of "host" and a string in column "name" of "host" | no value is both',
  ],
  [
    "a join of two kinds through tables in between",
    "p(x) :- host(name=x)\nq(x) :- p(x)\nq(x) :- q(x), link(x, _)\nr(x) :- q(x), host(tag=x)",
    'p.dl:6:24: "x" is a number in column "tag" of "host" and a string in column "x" of "q"',
  ],
  [
    "a count compared with text",
    'p(n) :- n = count { link(_, _) }\nq(1) :- p(n), n == "1"',
    'p.dl:4:15: "n", a number of column "n" of "p", is compared with a string',
  ],
  [
    "a head that breaks its declared type",
    "relation p(a: int)\np(x) :- host(name=x)",
    'p.dl:4:3: column "a" of "p" is declared int, and gets a string of column "name" of "host"',
  ],
  ["a head variable without a value", "p(x, y) :- link(x, _)", 'p.dl:3:6: variable "y" is not bound | bind it by a table'],
  [
    "a negated variable without a value",
    "p(x) :- link(x, _), not link(x, z)",
    'p.dl:3:33: variable "z" is not bound | write "_" if any value will do',
  ],
  ["a compared variable without a value", "p(x) :- link(x, _), y > 3", 'p.dl:3:21: variable "y" is not bound'],
  ["a variable in a fact", "p(x)", 'p.dl:3:3: variable "x" is not bound'],
  ["an anonymous head", "p(_) :- link(_, _)", "p.dl:3:3: a head needs a value in each column"],
  ["an anonymous value", "p(x) :- link(x, _), x > _", 'p.dl:3:25: "_" has no value'],
  ["an unknown function", "p(y) :- link(x, _), y = lenn(x)", 'p.dl:3:25: unknown function "lenn" | did you mean "len"?'],
  ["a table as a function", "p(y) :- y = link(1, 2)", 'p.dl:3:13: "link" is a table, not a function'],
  ["a function as a head", "len(x) :- link(x, _)", 'p.dl:3:1: "len" is a function | give the table another name'],
  [
    "a wrong number of arguments",
    "p(y) :- link(x, _), y = lower(x, x)",
    'p.dl:3:25: function "lower" is given 2 arguments; expected 1',
  ],
  ["a derived input", "link(1, 2)", 'p.dl:3:1: "link" is an input; rules cannot derive it'],
  [
    "a value that the column never holds",
    'p(x) :- host(name=x, tag="5")',
    'p.dl:3:26: column "tag" of "host" never holds this value; expected a value of type int',
  ],
  ["an unknown type", "relation r(a: strng)", 'p.dl:3:12: unknown type "strng" | did you mean "string"?'],
  ["a second declaration", "input link(x, y)", 'p.dl:3:1: "link" is declared before with other columns; expected link(a, b)'],
  ["an aggregate without a value", "p(n) :- n = sum { link(_, _) }", 'p.dl:3:17: "sum" needs a value'],
  ["an aggregate with too few values", "p(n) :- n = argmin { x : link(x, _) }", 'p.dl:3:20: "argmin" needs "what, key"'],
  [
    "an aggregate of a head with too few values",
    "p(top(1, x)) :- link(x, _)",
    'p.dl:3:3: aggregate "top" is given 2 arguments; expected how many, what, key',
  ],
  [
    "an unknown kind of declaration",
    "table r(a)",
    'p.dl:3:1: "table" is no kind of declaration; expected input, relation, output, function or a rule',
  ],
  [
    "a cycle through negation",
    "p(x) :- link(x, _), not q(x)\nq(x) :- link(x, _), not p(x)",
    "negation or aggregate inside a cycle: p -> not q -> not p",
  ],
  [
    "a cycle through an aggregate",
    "p(n) :- n = count { x : q(x) }\nq(x) :- p(x)",
    "negation or aggregate inside a cycle: p -> count of q -> p",
  ],
];

const EITHER = "(link(x, _) or link(_, x))";
const MORE: typeof CASES = [
  [
    "too many alternatives",
    `p(x) :- ${Array(9).fill(EITHER).join(", ")}`,
    'p.dl:3:9: "or" gives more than 256 alternatives here',
  ],
  ["deep nesting with an error", `p(x) :- ${"(".repeat(60)}link(x, _`, "p.dl:3:78: unexpected end of file"],
  ["deep braces with an error", `p(x) :- ${"count { ".repeat(60)}link(x, _`, "unexpected end of file"],
  ["bottomless nesting", `p(x) :- ${"(".repeat(20_000)}`, "p.dl:3:209: this is nested too deep; expected at most 200 levels"],
  ["bottomless signs", `p(x) :- x = ${"-".repeat(20_000)}1`, "this is nested too deep"],
];

for (const [name, text, ...expected] of [...CASES, ...MORE]) {
  test("kinds that are not known, and null, are compared with anything", () => {
    expect(errorsOf('p(a) :- link(a, b), a == 1, b == "x"')).toEqual([]);
    expect(errorsOf('p(n) :- host(name=n, tag=t), t != null, (t == 1 or n == "x"), int(n) == t')).toEqual([]);
    expect(errorsOf("p(x) :- host(name=x) or host(tag=x)")).toEqual([]);
    expect(errorsOf('p(x) :- host(name=x)\np(x) :- host(tag=x)\nq(x) :- p(x), x != "1", x != 1')).toEqual([]);
    expect(errorsOf("p(x) :- host(name=x)\np(null)\nq(x) :- p(x), x != null")).toEqual([]);
  });

  test(`${name} is refused with its place`, () => {
    const errors = errorsOf(text);
    expect(errors).toHaveLength(expected.length);
    for (const [i, start] of expected.entries()) expect(errors[i]).toContain(start);
  });
}

test("all errors of all sources are reported in one run, in order", () => {
  const sources = [
    { name: "a.dl", text: "p(x) :- q(x)\nr(1) :- ]\ns(x) :- 1 == 1" },
    { name: "b.dl", text: "t(y) :- nope(y)" },
  ];
  let error: unknown;
  try {
    compile(sources);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(ProgramError);
  if (!(error instanceof ProgramError)) return;
  expect(error.errors.map(({ at }) => `${at.file}:${at.line}:${at.column}`)).toEqual([
    "a.dl:1:9",
    "a.dl:2:9",
    "a.dl:3:3",
    "b.dl:1:9",
  ]);
  expect(error.message).toContain("| p(x) :- q(x)\n  |         ^");
});

test("a policy derives only its own tables", () => {
  expect(errorsOf("other:error(1)", {}, "pii")).toEqual([
    'p.dl:3:1: policy "pii" cannot derive "other:error"; expected a table of "pii"',
  ]);
  const program = compile([{ name: "pii.dl", namespace: "pii", text: "error(x) :- nb:ACL(action=x), not skip(x)\nskip(1)" }], {
    relations: [{ name: "nb:ACL", columns: [{ name: "_uuid" }, { name: "action" }] }],
  });
  expect([...program.relations.keys()]).toEqual(["nb:ACL", "pii:error", "pii:skip"]);
});

test("a variable that occurs once is a warning, unless its name starts with _", () => {
  const text = "p(x) :- host(x, up, _tag), n = count { link(x, far) }, n > 0";
  const { warnings } = compile([{ name: "p.dl", text: DECLARATIONS + text }]);
  expect(warnings.map(({ message, hint }) => `${message} | ${hint}`)).toEqual([
    'p.dl:3:17: variable "up" is used once | write "_" if any value will do, or "_up" to keep the name',
    'p.dl:3:48: variable "far" is used once | write "_" if any value will do, or "_far" to keep the name',
  ]);
});

test("whatever the text, compile gives a program or a ProgramError", () => {
  const words = [
    "p",
    "(",
    ")",
    "x",
    ",",
    ":-",
    "not",
    "or",
    "{",
    "}",
    "count",
    ":",
    "[",
    "]",
    "=",
    "==",
    "in",
    '"a ${',
    '"',
    "'",
    "1",
    "_",
    "if",
    "then",
    "else",
  ];
  const more = [
    "\n",
    "link(x, y)",
    "host(name=x)",
    "$",
    "\\",
    "input",
    "sum",
    "!",
    "+",
    "-",
    ".",
    "/*",
    "*/",
    "a:b",
    "true",
    "len(x)",
  ];
  const newer = [
    'test "t" {',
    "expect",
    'import "a"',
    "module m",
    "program m",
    "function f(a): set",
    "execute[",
    "p+(x)",
    '{"a": 1',
    "5s",
    'x["a"]',
    "x.a.b",
    "avg {",
    "p(min(x))",
  ];
  const soup = fc.array(fc.constantFrom(...words, ...more, ...newer), { maxLength: 40 }).map((tokens) => tokens.join(" "));
  fc.assert(
    fc.property(fc.oneof(soup, fc.string()), (text) => {
      errorsOf(text);
      testErrorsOf(text);
    }),
    { numRuns: 2000 },
  );
});

test("tables that nothing reads or derives are warned about where there are outputs", () => {
  const text =
    "output shown(x)\nrelation never(x)\nshown(x) :- link(x, _)\nloose(x) :- link(x, _)\nloose(x) :- loose(x), link(x, _)\nexecute[stop(x)] :- shown(x)";
  const warningsOf = (source: string) =>
    compile([{ name: "p.dl", text: DECLARATIONS + source }]).warnings.map(({ message }) => message);
  expect(warningsOf(text)).toEqual(['p.dl:4:1: no rule derives "never"', 'p.dl:6:1: nothing reads "loose"']);
  expect(warningsOf("loose(x) :- link(x, _)")).toEqual([]);
  expect(warningsOf('output shown(x)\nshown(1)\nhelper(1)\ntest "t" { expect helper(1) }')).toEqual([]);
});

test("thousands of unknown names are all reported; the first have a hint that looks through everything", () => {
  const names = Array.from({ length: 2000 }, (_, i) => `t${((i + 1) * 2654435761).toString(36)}_hosts`);
  const text = names.map((name, i) => `input ${name}(a)\np${i}(x) :- ${name.replace("hosts", "hots")}(x)\n`).join("");
  const { errors } = analyze([{ name: "p.dl", text }]);
  expect(errors).toHaveLength(2000);
  expect(errors[0]?.message).toBe(`p.dl:2:10: unknown table "${names[0]?.replace("hosts", "hots")}"`);
  expect(errors[0]?.hint).toBe(`did you mean "${names[0]}"?`);
  expect(errors[0]?.sourceLine).toMatch(/^p0\(x\) :- t\w+_hots\(x\)$/);
  expect(errors.at(-1)?.message).toContain('p.dl:4000:13: unknown table "');
  expect(errors.at(-1)?.hint).toContain("known: ");
  expect(errors.at(-1)?.sourceLine).toMatch(/^p1999\(x\) :- t\w+_hots\(x\)$/);
});

test("a variable that is not bound is told once, and one in single quotes with its reason", () => {
  const findings = (text: string) => {
    const { errors, warnings } = analyze([{ name: "p.dl", text: DECLARATIONS + text }]);
    return [...errors, ...warnings].map(({ message, hint }) => `${message} | ${hint}`);
  };
  expect(findings("p(x, y) :- link(x, _)")).toEqual(['p.dl:3:6: variable "y" is not bound | bind it by a table, "=" or "in"']);
  expect(findings("p('it is ${x}!') :- link(x, _)")).toEqual([
    'p.dl:3:26: variable "x" is used once | "${…}" puts a value into texts in double quotes only',
  ]);
});

test("recursion that never begins is warned about", () => {
  const warningsOf = (text: string) =>
    analyze([{ name: "p.dl", text: DECLARATIONS + text }]).warnings.map(({ message }) => message);
  expect(warningsOf("p(x) :- q(x)\nq(x) :- p(x), link(x, _)\nr(x) :- p(x), not q(x)")).toEqual([
    'p.dl:3:1: "p" is always empty: each of its rules needs a row of it already',
  ]);
  expect(warningsOf("p(x) :- q(x)\nq(x) :- p(x), link(x, _)\nq(1)")).toEqual([]);
  expect(warningsOf("p(x, y) :- link(x, y)\np(x, z) :- p(x, y), p(y, z)")).toEqual([]);
  expect(warningsOf("p(a, min(d)) :- p(b, d), link(a, b)")).toEqual([
    'p.dl:3:1: "p" is always empty: each of its rules needs a row of it already',
  ]);
});
