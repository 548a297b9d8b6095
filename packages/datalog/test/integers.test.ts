/** Whole numbers of 64 bits, at their edges: every way in, through and out. */
import { compile, Engine, type Value } from "@tenet/datalog";
import fc from "fast-check";
import { expect, test } from "vitest";

const MAX = 2n ** 63n - 1n;
const MIN = -(2n ** 63n);
/** The least double above all whole numbers of 64 bits. */
const ABOVE = 2 ** 63;

function valueOf(expression: string): Value | undefined {
  return new Engine(compile([{ name: "e.dl", text: `r(x) :- x = ${expression}` }])).rows("r")[0]?.[0];
}

test.each<[expression: string, value: Value | undefined]>([
  ["9223372036854775807", MAX],
  ["-9223372036854775808", MIN],
  ["0x7fffffffffffffff", MAX],
  ["9223372036854775808", ABOVE],
  ["9007199254740991 + 1", 2n ** 53n],
  ["9007199254740993 - 2", Number.MAX_SAFE_INTEGER],
  ["9223372036854775807 + 1", ABOVE],
  ["9223372036854775807 - 1 + 1", MAX],
  ["-9223372036854775808 / -1", ABOVE],
  ["3037000499 * 3037000499", 3037000499n ** 2n],
  ["3037000500 * 3037000500", 3037000500 ** 2],
  ["9223372036854775807 / 7", MAX / 7n],
  ["9223372036854775807 % 10", 7],
  ["abs(-9223372036854775808)", ABOVE],
  ["div(9223372036854775807, 2)", MAX / 2n],
  ["pow(3, 39)", 3n ** 39n],
  ["pow(2, 63)", ABOVE],
  ["pow(10, 400)", undefined],
  ["max(9223372036854775806, 9223372036854775807)", MAX],
  ["9007199254740993 == 9007199254740992", false],
  ["9007199254740993 > 9007199254740992", true],
  ["int('9223372036854775807')", MAX],
  ["int('-9223372036854775808')", MIN],
  ["int('9223372036854775808')", undefined],
  ["int(1e300)", undefined],
  ["parse_int('7fffffffffffffff', 16)", MAX],
  ["parse_int('8000000000000000', 16)", undefined],
  ["parse_int('00zz', 36)", 1295],
  ["parse_int('-1', 10)", undefined],
  ["str(9223372036854775807)", String(MAX)],
  ["'${9223372036854775807}'", "${9223372036854775807}"],
  ['"${9223372036854775807}"', String(MAX)],
  ["fixed(9223372036854775807, 2)", "9223372036854775807.00"],
  ["hex(9223372036854775807)", "7fffffffffffffff"],
  ["range(9007199254740990, 9007199254740994)", [9007199254740990, 9007199254740991, 2n ** 53n, 2n ** 53n + 1n]],
  ["sort([9223372036854775807, 1, -9223372036854775808, 9007199254740993])", [MIN, 1, 2n ** 53n + 1n, MAX]],
  ["to_json([9223372036854775807, {'a': 9007199254740993}])", '[9223372036854775807,{"a":9007199254740993}]'],
  ["json('[9007199254740993, 1.0, 1e3]')", [2n ** 53n + 1n, 1, 1000]],
  ["json('9223372036854775808')", ABOVE],
  ["json(trim('[1e999]'))", undefined],
  [`json(trim('${"9".repeat(400)}'))`, undefined],
  ["json(trim('01234567890123456789'))", undefined],
  [String.raw`json('{"\\u0000int":"5", "n": 1234567890123456789}')`, { "\u0000int": "5", n: 1234567890123456789n }],
])("%s is %s", (expression, value) => {
  expect(valueOf(expression)).toEqual(value);
});

test("rows give whole numbers back as they came, in one form", () => {
  const engine = new Engine(compile([{ name: "e.dl", text: "input t(a: int)\nnext(b) :- t(a), b = a + 1\ninput lists(l)" }]));
  const given: Value[] = [MAX, MIN, 2n ** 53n, -0, 5n, 2 ** 60];
  engine.transact(given.map((value) => ({ relation: "t", tuple: [value], weight: 1 })));
  expect(new Set(engine.rows("t").flat())).toEqual(new Set([MAX, MIN, 2n ** 53n, 0, 5, 2n ** 60n]));
  expect(engine.has("next", [6])).toBe(true);
  expect(engine.has("next", [MIN + 1n])).toBe(true);
  engine.transact([{ relation: "lists", tuple: [[5n, { a: 2 ** 60 }]], weight: 1 }]);
  expect(engine.rows("lists")).toEqual([[[5, { a: 2n ** 60n }]]]);
});

test("extremes and lists of large numbers follow every change", () => {
  const rules =
    "input t(a: int)\nshown(least, most, all) :- least = min { a : t(a) }, most = max { a : t(a) }, all = collect { a : t(a) }";
  const engine = new Engine(compile([{ name: "e.dl", text: rules }]));
  const change = (value: Value, weight: 1 | -1): Value | undefined => {
    engine.transact([{ relation: "t", tuple: [value], weight }]);
    return engine.rows("shown")[0];
  };
  expect(change(MAX, 1)).toEqual([MAX, MAX, [MAX]]);
  expect(change(MAX - 1n, 1)).toEqual([MAX - 1n, MAX, [MAX - 1n, MAX]]);
  expect(change(7, 1)).toEqual([7, MAX, [7, MAX - 1n, MAX]]);
  expect(change(MAX, -1)).toEqual([7, MAX - 1n, [7, MAX - 1n]]);
});

const number = fc.oneof(fc.bigInt({ min: MIN, max: MAX }), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer());
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    fc.constantFrom<Value>(null, true, false),
    number,
    fc.string({ unit: "grapheme" }),
    fc.array(tie("value")),
    fc.dictionary(fc.string(), tie("value")),
  ),
}));

test("json of any value is read back as the same value, and as JSON.parse reads it where doubles suffice", () => {
  const text =
    "input t(v: json)\nback(w) :- t(v), w = json(to_json(v))\nsame(v) :- t(v), v == json(to_json(v))\ntext(s) :- t(v), s = to_json(v)";
  const program = compile([{ name: "e.dl", text }]);
  fc.assert(
    fc.property(value as fc.Arbitrary<Value>, (given) => {
      const engine = new Engine(program);
      engine.transact([{ relation: "t", tuple: [given], weight: 1 }]);
      expect(engine.rows("back")).toEqual(engine.rows("t"));
      expect(engine.size("same")).toBe(1);
      expect(() => JSON.parse(String(engine.rows("text")[0]?.[0])) as unknown).not.toThrow();
    }),
    { numRuns: 300 },
  );
});
