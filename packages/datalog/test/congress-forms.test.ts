import { actionTable, compile, Engine, ProgramError, type Value } from "@tenet/datalog";
import { expect, test } from "vitest";

function rowsOf(text: string, relation = "p"): (readonly Value[])[] {
  const rows = new Engine(compile([{ name: "p.dl", text }], { now: new Date("2026-01-02T03:04:05.678Z") })).rows(relation);
  return [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

const LITERALS: readonly [body: string, value: Value | undefined][] = [
  ["plus(1, 2, x)", 3],
  ['builtin:plus("a", "b", x)', "ab"],
  ["minus(1, 2, x)", -1],
  ["mul(3, 2, x)", 6],
  ["div(7, 2, x)", 3],
  ["max(7, 2, x)", 7],
  ['float("1.5", x)', 1.5],
  ['int("3", x)', 3],
  ['concat("a", "b", x)', "ab"],
  ['len("abc", x)', 3],
  ["now(x)", "2026-01-02 03:04:05"],
  ['unpack_date("2014-07-31 12:30:05", x, 7, 31)', 2014],
  ['unpack_time("2014-07-31 12:30:05", 12, 30, x)', 5],
  ['unpack_datetime("2014-07-31T12:30:05Z", 2014, 7, 31, 12, x, 5)', 30],
  ["pack_date(2014, 7, 3, x)", "2014-7-3"],
  ["pack_time(1, 2, 3, x)", "1:2:3"],
  ["pack_datetime(2014, 7, 3, 1, 2, 3, x)", "2014-7-3 1:2:3"],
  ['extract_date("2014-7-3 1:2:3", x)', "2014-07-03"],
  ['extract_time("2014-7-3 1:2:3", x)', "01:02:03"],
  ['datetime_to_seconds("1900-01-02", x)', 86400],
  ['datetime_plus("2014-02-28 23:00:00", "2:00:00", x)', "2014-03-01 01:00:00"],
  ['datetime_minus("2014-03-01", 3600, x)', "2014-02-28 23:00:00"],
  ['datetime_plus("2014-02-30", 1, x)', undefined],
  ['datetime_plus("noon", 1, x)', undefined],
  ['validate_int(0, 10, "11", x)', "Should be less than or equal to 10"],
  ['validate_int("", "", 11, x)', ""],
  ['validate_float("", "", "x", x)', "x is not a number"],
  ['validate_string("^a+$", 3, false, true, "AA", x)', ""],
  ['validate_string("", 3, false, false, "AAAA", x)', "Value 'AAAA' exceeds maximum length 3"],
];
for (const [body, value] of LITERALS) {
  test(`${body} gives ${JSON.stringify(value) ?? "nothing"}`, () => {
    expect(rowsOf(`p(x) :- ${body}`)).toEqual(value === undefined ? [] : [[value]]);
  });
}

const TESTS: readonly [body: string, holds: boolean][] = [
  ["lt(1, 2), lteq(2, 2), gt(2, 1), gteq(2, 2), equal(1, 1.0)", true],
  ['lt("a", 1)', false],
  ["not plus(1, 2, 4)", true],
  ["not plus(1, 2, 3)", false],
  ['datetime_lt("2014-01-01", "2014-01-02"), datetime_equal("2014-1-1", "2014-01-01 00:00:00")', true],
  ['datetime_gteq("2014-01-01", "2014-01-02")', false],
  ['ips_lt("9.0.0.1", "10.0.0.1"), ips_equal("::1", "0:0::1")', true],
  ['ips_lt("9.0.0.0/8", "10.0.0.1")', false],
  ['networks_equal("10.0.0.1/8", "10.2.0.0/8"), networks_overlap("10.0.1.0/24", "10.0.0.0/16")', true],
  ['networks_overlap("10.0.0.0/16", "10.0.1.0/24"), ip_in_network("10.0.1.7", "10.0.0.0/16")', true],
  ['ip_in_network("10.1.1.7", "10.0.0.0/16")', false],
];
for (const [body, holds] of TESTS) {
  test(`${body} ${holds ? "holds" : "does not hold"}`, () => expect(rowsOf(`p(1) :- ${body}`)).toEqual(holds ? [[1]] : []));
}

test("actions and updates are tables of their own", () => {
  const text = "q(1)\nexecute[nova:servers.pause(x)] :- q(x)\np+(x) :- q(x)\np-(y) :- p+(x), y = x+(1)\nr(x) :- p-(x), not p+(x)";
  const engine = new Engine(compile([{ name: "p.dl", text, namespace: "pii" }]));
  expect(engine.rows("pii:execute[nova:servers.pause]")).toEqual([[1]]);
  expect(engine.rows("pii:r")).toEqual([[2]]);
  expect(actionTable("pii:execute[nova:servers.pause]")).toEqual({
    owner: "pii",
    action: "execute",
    target: "nova:servers.pause",
  });
  expect(actionTable("pii:execute")).toBeUndefined();
});

test("columns by number, and tables that nobody declares", () => {
  expect(rowsOf("input q(a, b)\np(x) :- q(1=x)")).toEqual([]);
  const program = compile([{ name: "p.dl", text: "p(x) :- q(x, 0), not nova:r(x), n = count { s(x) }, n < 1" }], {
    isImplicitInput: (table) => !table.startsWith("keystone:"),
  });
  expect([...program.relations.values()].filter(({ kind }) => kind === "input").map(({ name }) => name)).toEqual([
    "q",
    "nova:r",
    "s",
  ]);
});

test.each([
  ["plus(x) :- x = 1", 'p.dl:1:1: "plus" is a function'],
  ["builtin:plus(x) :- x = 1", 'p.dl:1:1: "builtin:plus" is a function'],
  ["input q(a)\np(x) :- q(1=x)", 'p.dl:2:11: "q" has no column 1; expected a number below 1'],
  ["p(x) :- plus(1, 2, 3, x)", 'p.dl:1:9: function "plus" is given 4 arguments; expected 2'],
  ["p(x) :- execute[q(x)]", 'p.dl:1:9: "execute[…]" cannot be read; expected a table of facts'],
  ["execute[p(x) :- q(x)", 'p.dl:1:14: unexpected ":-"; expected "]"'],
  ["p(x) :- plus(x, y, 3)", 'p.dl:1:14: variable "x" is not bound'],
])("%s is refused", (text, message) => {
  expect(() => rowsOf(text)).toThrow(ProgramError);
  expect(() => rowsOf(text)).toThrow(message);
});
