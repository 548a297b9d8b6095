import { analyze, compile, Engine, type FunctionDef, ProgramError, runTests } from "@tenet/datalog";
import { expect, test } from "vitest";

const TEXT = `program hosts
input host(name: string)
function shout(text)
function parts(text): set
loud(s) :- host(n), s = shout(n)
part(p) :- host(n), p in parts(n)
`;
const SHOUT: FunctionDef = { name: "shout", nArgs: 1, call: (text) => `${String(text)}!` };
const PARTS: FunctionDef = { name: "parts", nArgs: 1, isSet: true, call: (text) => String(text).split("-") };

function errorsOf(functions: readonly FunctionDef[], text: string = TEXT): string[] {
  try {
    compile([{ name: "hosts.dl", text }], { functions });
    return [];
  } catch (error) {
    if (!(error instanceof ProgramError)) throw error;
    return error.errors.map(({ message, hint = "" }) => `${message} | ${hint}`);
  }
}

test("declared functions are those that the program gives", () => {
  const engine = new Engine(compile([{ name: "hosts.dl", text: TEXT }], { functions: [SHOUT, PARTS] }));
  engine.transact([{ relation: "host", tuple: ["web-1"], weight: 1 }]);
  expect(engine.rows("loud")).toEqual([["web-1!"]]);
  expect([...engine.rows("part")].toSorted()).toEqual([["1"], ["web"]]);
});

test("a declared function that is not given, or is another one, is an error where it is declared", () => {
  expect(errorsOf([SHOUT])).toEqual([
    expect.stringContaining('hosts.dl:4:1: the program that runs these rules gives no function "parts"'),
  ]);
  expect(errorsOf([{ ...SHOUT, nArgs: 2 }, PARTS])[0]).toBe(
    'hosts.dl:3:1: function "shout" is another one than declared; expected 2 arguments | ',
  );
  expect(errorsOf([{ ...SHOUT, isSet: true }, PARTS])[0]).toContain('expected 1 argument and ": set"');
  expect(errorsOf([{ ...SHOUT, nArgs: 2, minArgs: 1 }, PARTS])).toEqual([]);
  expect(errorsOf([SHOUT, { ...PARTS, name: "partz" }])[0]).toContain('| did you mean "partz"?');
});

test.each([
  ["function f", 'hosts.dl:1:11: unexpected end of file; expected "(" and the names of the arguments'],
  ["function f(a b)", 'hosts.dl:1:14: unexpected "b"; expected a "," or ")"'],
  ["function f(1)", 'hosts.dl:1:12: unexpected "1"; expected the name of an argument'],
  ["function f(a): list", 'hosts.dl:1:16: unexpected "list"; expected "set", or nothing behind the arguments'],
])("a declaration that cannot be read says what is missing: %s", (text, message) => {
  expect(errorsOf([], text)[0]).toContain(message);
});

test("tools that trust declarations judge the rules without the program", () => {
  const { errors, warnings, functions } = analyze([{ name: "hosts.dl", text: TEXT }], { trustsDeclarations: true });
  expect([...errors, ...warnings]).toEqual([]);
  expect(functions.get("parts")).toMatchObject({ nArgs: 1, isSet: true });
  const wrong = `${TEXT}odd(s) :- host(n), s = shout(n, 1)\n`;
  expect(analyze([{ name: "hosts.dl", text: wrong }], { trustsDeclarations: true }).errors[0]?.message).toContain("shout");
});

test("a test that needs a function which is declared only says so", () => {
  const tested = `${TEXT}test "loud" {\n  host("a")\n  expect loud("a!")\n}\n`;
  const run = (): unknown => runTests([{ name: "hosts.dl", text: tested }], { trustsDeclarations: true });
  expect(run).toThrow(/function shout\("a"\) failed: it is declared only; the program that runs these rules gives it/);
});
