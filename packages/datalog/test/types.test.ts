import {
  type Change,
  compareValues,
  compile,
  Engine,
  formatProof,
  formatValue,
  KeyError,
  ProgramError,
  scalar,
  type ScalarType,
  type Value,
} from "@tenet/datalog";
import fc from "fast-check";
import { expect, test } from "vitest";

function fail(): never {
  throw new Error("there is no proof");
}

function valueOf(expression: string): Value | undefined {
  const [row] = new Engine(compile([{ name: "p.dl", text: `p(x) :- x = ${expression}` }])).rows("p");
  return row?.[0];
}

const TEXTS: readonly [expression: string, text: string | undefined][] = [
  ["9007199254740993", "9007199254740993"],
  ["9223372036854775807 - 1", "9223372036854775806"],
  ["-9223372036854775808", "-9223372036854775808"],
  ["9007199254740992 - 1", "9007199254740991"],
  ["9007199254740991 + 2", "9007199254740993"],
  ["3037000500 * 3037000499", "9223372033963249500"],
  ["9223372036854775807 + 1", "9223372036854776000"],
  ["9223372036854775807 / 7", "1317624576693539401"],
  ["9223372036854775807 % 10", "7"],
  ["div(-9223372036854775807, 2)", "-4611686018427387904"],
  ["div(7, -2)", "-4"],
  ["0xffffffffffff + 0", "281474976710655"],
  ["1e18 == 1000000000000000000", "true"],
  ["9007199254740993 > 9007199254740992.0", "true"],
  ["bit_and(9223372036854775807, 0xff)", "255"],
  ["shl(1, 62)", "4611686018427387904"],
  ["shl(1, 63)", undefined],
  ["abs(-9007199254740993)", "9007199254740993"],
  ['int("9007199254740993")', "9007199254740993"],
  ['int("12x")', undefined],
  ['ip("10.0.0.1")', 'ip("10.0.0.1")'],
  ['ip("2001:DB8:0::1")', 'ip("2001:db8::1")'],
  ['ip("9.0.0.1") < ip("10.0.0.1")', "true"],
  ['ip("255.0.0.1") < ip("::1")', "true"],
  ['ip("10.0.0.1") < "10.0.0.2"', undefined],
  ['ip_version(ip("::1"))', "6"],
  ['prefix("10.1.2.3/8")', 'prefix("10.0.0.0/8")'],
  ['prefix("10.0.0.0/8") < prefix("10.0.0.0/9")', "true"],
  ['ip_in_prefix(ip("10.1.2.3"), prefix("10.0.0.0/8"))', "true"],
  ['mac("0A-00-00-00-00-FF")', 'mac("0a:00:00:00:00:ff")'],
  ['bytes("0AfF")', 'bytes("0aff")'],
  ['text_of(bytes_of("né"))', '"né"'],
  ['text_of(bytes("ff"))', undefined],
  ['len(bytes("0aff"))', "2"],
  ['time("2026-01-02T03:04:05+01:00")', 'time("2026-01-02T02:04:05Z")'],
  ['time("2026-01-02") + 36h', 'time("2026-01-03T12:00:00Z")'],
  ['time("2026-03-01") - time("2026-02-28")', 'duration("1d")'],
  ['time_floor(time("2026-01-02T03:04:05.25Z"), 5m)', 'time("2026-01-02T03:00:00Z")'],
  ["1.5h - 90m", 'duration("0s")'],
  ["-(2 * 1d + 1ms)", 'duration("-2d1ms")'],
  ["1h / 15m", "4"],
  ["7m % 5m", 'duration("2m")'],
  ["90s > 1m", "true"],
  ["seconds(1.5h)", "5400"],
  ['time("2026-01-01") + time("2026-01-01")', undefined],
  ['time("9999-12-31") + 1d', undefined],
  ['time_of(seconds(time("2026-01-02T03:04:05.000006Z")))', 'time("2026-01-02T03:04:05.000006Z")'],
  ['"${ip("10.0.0.1")} ${1h30m}"', '"10.0.0.1 1h30m"'],
  ['type_of(ip("::1")) + type_of({}) + type_of(1s)', '"ipmapduration"'],
  ['{"b": 1, "a": [2]}', '{"a": [2], "b": 1}'],
  ['{"a": 1, "b": 2} == {"b": 2, "a": 1}', "true"],
  ['json("{\\"a\\": [1, 9007199254740993, null]}")', '{"a": [1, 9007199254740993, null]}'],
  ['to_json({"a": ip("::1")})', JSON.stringify('{"a":"::1"}')],
  ['{"a": {"b": [5, 6]}}["a"]["b"][1]', "6"],
  ['{"a": 1}["b"]', undefined],
  ['get([["k", 7]], "k")', "7"],
  ['has({"a": null}, "a")', "true"],
  ['merge({"a": 1, "b": 1}, {"b": 2})', '{"a": 1, "b": 2}'],
  ['pad_right("a", 3, ".") + repeat("-", 2) + fixed(2.345, 1)', '"a..--2.3"'],
];
for (const [expression, text] of TEXTS) {
  test(`${expression} is ${text ?? "no value"}`, () => {
    const value = valueOf(expression);
    expect(value === undefined ? undefined : formatValue(value)).toBe(text);
    if (value !== undefined) expect(valueOf(formatValue(value)), "prints as it is written").toEqual(value);
  });
}

test("paths into json bind, and fail where there is nothing", () => {
  const text = `input doc(id: int, body: json)
port(id, p)  :- doc(id, v), spec in v.spec.ports, p = spec["number"]
first_name(id, n) :- doc(id, v), n = v.spec.ports[0].name
tag(id, k, t) :- doc(id, v), [k, t] in entries(v.tags)
names(k) :- doc(_, v), k in keys(v)`;
  const engine = new Engine(compile([{ name: "p.dl", text }]));
  const body = { spec: { ports: [{ name: "web", number: 80 }, { number: 22 }] }, tags: { a: "x" } };
  engine.transact([
    { relation: "doc", tuple: [1, body], weight: 1 },
    { relation: "doc", tuple: [2, { spec: null }], weight: 1 },
  ]);
  expect(engine.rows("port").map(([, port]) => port)).toEqual([80, 22]);
  expect(engine.rows("first_name")).toEqual([[1, "web"]]);
  expect(engine.rows("tag")).toEqual([[1, "a", "x"]]);
  expect([...engine.rows("names")].sort()).toEqual([["spec"], ["tags"]]);
  engine.transact([{ relation: "doc", tuple: [1, { tags: body.tags, spec: body.spec }], weight: -1 }]);
  expect(engine.rows("port")).toEqual([]);
});

const HOSTS =
  'input host(name: string key, address: ip, seen: time)\np(n) :- host(n, a, s), ip_in_prefix(a, "10.0.0.0/8"), s > time("2026-01-01")';

test("texts of typed columns are read at the edge", () => {
  const engine = new Engine(compile([{ name: "p.dl", text: `${HOSTS}\nq(n) :- host(name=n, address="2001:DB8::1")` }]));
  engine.transact([
    { relation: "host", tuple: ["a", "10.0.0.1", "2026-02-01T00:00:00Z"], weight: 1 },
    { relation: "host", tuple: ["b", scalar("ip", "2001:db8::1") ?? null, null], weight: 1 },
  ]);
  expect(engine.rows("p")).toEqual([["a"]]);
  expect(engine.rows("q")).toEqual([["b"]]);
  expect(engine.match("host", [undefined, "2001:DB8::1"]).map(([name]) => name)).toEqual(["b"]);
  expect(engine.has("host", ["a", "10.0.0.1", "2026-02-01"])).toBe(true);
  expect(engine.has("host", ["a", "somewhere", "2026-02-01"])).toBe(false);
  expect(formatProof(engine.explain("q", ["b"]) ?? fail())).toContain('host("b", ip("2001:db8::1"), null)');
  engine.transact([{ relation: "host", tuple: ["a", "10.0.0.1", "2026-02-01T01:00:00+01:00"], weight: -1 }]);
  expect(engine.rows("p")).toEqual([]);
  const wrong = () => engine.transact([{ relation: "host", tuple: ["c", "10.0.0.300", null], weight: 1 }]);
  expect(wrong).toThrow('Cannot change "host": "10.0.0.300" in column "address" is no ip');
  expect(engine.rows("host")).toHaveLength(1);
});

test("two rows with one key are refused, a replaced row is not", () => {
  const engine = new Engine(compile([{ name: "p.dl", text: HOSTS }]));
  const row = (address: string) => ({ relation: "host", tuple: ["a", address, null] });
  engine.transact([{ ...row("10.0.0.1"), weight: 1 }]);
  expect(() => engine.transact([{ ...row("10.0.0.2"), weight: 1 }])).toThrow(
    /has the key \(name\) of host\("a", ip\("10\.0\.0\.1"\)/,
  );
  expect(engine.rows("host").map(([, address]) => String(address))).toEqual(["10.0.0.1"]);
  engine.transact([
    { ...row("10.0.0.2"), weight: 1 },
    { ...row("10.0.0.1"), weight: -1 },
  ]);
  engine.transact([{ ...row("10.0.0.2"), weight: 1 }]);
  expect(engine.rows("host").map(([, address]) => String(address))).toEqual(["10.0.0.2"]);
});

test("a new program's types and keys hold for the rows that are there", () => {
  const programOf = (text: string) => compile([{ name: "p.dl", text }]);
  const engine = new Engine(programOf("input host(name, address)"));
  const row = (name: string, address: string): Change => ({ relation: "host", tuple: [name, address], weight: 1 });
  engine.transact([row("a", "10.0.0.1"), row("a", "10.0.0.2")]);
  engine.replaceProgram(programOf('input host(name, address: ip)\np(n) :- host(n, a), a > ip("10.0.0.1")'));
  expect(engine.rows("p")).toEqual([["a"]]);
  expect(() => engine.replaceProgram(programOf("input host(name key, address: ip)"))).toThrow(KeyError);
  expect(() => engine.replaceProgram(programOf("input host(name: mac, address: ip)"))).toThrow('"a" in column "name" is no mac');
  expect(engine.rows("p")).toEqual([["a"]]);
});

test.each([
  ['p(x) :- x = ip("10.0.0.300")', 'p.dl:1:13: "10.0.0.300" is no ip; expected an IPv4 or IPv6 address'],
  ["p(x) :- x = time(5)", "p.dl:1:13: 5 is no time"],
  ['p(x) :- x = json("{")', 'p.dl:1:13: "{" is no json'],
  ["p(x) :- x = 5parsecs", 'p.dl:1:14: "parsecs" is no unit of time; expected one of d h m s ms us'],
  ['input h(a: ip)\np(x) :- h(x), x == "10.0.0.1"', 'p.dl:2:15: "x", an ip of column "a" of "h", is compared with a string'],
  ['input h(a: ip)\np(1) :- h("10.0.0")', 'p.dl:2:11: column "a" of "h" never holds this value; expected a value of type ip'],
  ["input h(a: ip)\ninput g(a: mac)\np(x) :- h(x), g(x)", 'p.dl:3:17: "x" is a mac in column "a" of "g" and an ip in'],
  ["relation r(a key)", "p.dl:1:12: only an input has a key"],
  ["input ip(a)", 'p.dl:1:1: "ip" is a function'],
  ["p(x) :- x = {1: 2}", "p.dl:1:14: a map's keys are text; expected a string"],
  ['p(x) :- x = {"a" 1}', 'p.dl:1:18: unexpected "1"; expected ":" and the value of the key'],
])("%s is refused with its place", (text, message) => {
  const run = () => compile([{ name: "p.dl", text }]);
  expect(run).toThrow(ProgramError);
  expect(run).toThrow(message);
});

const typed = fc.oneof(
  fc.tuple(fc.constant<ScalarType>("ip"), fc.oneof(fc.ipV4(), fc.ipV6())),
  fc.tuple(
    fc.constant<ScalarType>("prefix"),
    fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map((parts) => parts.join("/")),
  ),
  fc.tuple(
    fc.constant<ScalarType>("duration"),
    fc.integer({ min: -1e12, max: 1e12 }).map((n) => `${n}us`),
  ),
  fc.tuple(
    fc.constant<ScalarType>("time"),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((d) => d.toISOString()),
  ),
);
const values: fc.Arbitrary<Value> = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<Value>(null, true, false, 2 ** 53 - 1),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ maxLength: 3 }),
    typed.map(([type, text]) => scalar(type, text) ?? null),
    fc.array(tie("value"), { maxLength: 2 }),
    fc.dictionary(
      fc.string({ maxLength: 2 }).filter((key) => key !== "__proto__"),
      tie("value"),
      { maxKeys: 2 },
    ),
  ),
})).value;

test("the order of values is total, and equal means equal in a row", () => {
  const engine = new Engine(compile([{ name: "p.dl", text: "input v(x)" }]));
  fc.assert(
    fc.property(values, values, values, (a, b, c) => {
      expect(Math.sign(compareValues(a, b))).toBe(-Math.sign(compareValues(b, a)) + 0);
      if (compareValues(a, b) <= 0 && compareValues(b, c) <= 0) expect(compareValues(a, c)).toBeLessThanOrEqual(0);
      engine.transact([a, b].map((x) => ({ relation: "v", tuple: [x], weight: 1 as const })));
      const [first, second = first] = engine.rows("v").map(([x]) => x ?? null);
      expect(engine.rows("v").length).toBe(compareValues(a, b) === 0 ? 1 : 2);
      expect(compareValues(first ?? null, second ?? null) === 0).toBe(engine.rows("v").length === 1);
      engine.transact([a, b].map((x) => ({ relation: "v", tuple: [x], weight: -1 as const })));
    }),
    { numRuns: 1000 },
  );
});
