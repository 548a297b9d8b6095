import { compile, Engine, RelationError, runTests, scalar, TYPES, type Value } from "@tenet/datalog";
import { expect, test } from "vitest";

const UUID = "4ff3cd58-a88e-4fbb-a2d5-9c9f3a4b9b6d";
const VALUES: readonly Value[] = [
  null,
  true,
  0,
  -7,
  2.5,
  1e300,
  2n ** 60n,
  2 ** 60,
  2n ** 63n,
  "",
  "text",
  UUID,
  UUID.toUpperCase(),
  `${UUID}0`,
  "10.0.0.1",
  "0aff",
  [],
  [1],
  {},
  { a: 1 },
  scalar("ip", "10.0.0.1") ?? null,
  scalar("time", "2026-01-02T00:00:00Z") ?? null,
];

function take(type: string, value: Value): Value | RelationError {
  const engine = new Engine(compile([{ name: "t.dl", text: `input t(id: int, v: ${type})` }]));
  try {
    engine.transact([{ relation: "t", tuple: [1, value], weight: 1 }]);
    return engine.rows("t")[0]?.[1] ?? null;
  } catch (error) {
    if (error instanceof RelationError) return error;
    throw error;
  }
}

/** What a column of a type takes of the values above, null aside, by their numbers. */
const TAKEN: Readonly<Record<string, readonly number[]>> = {
  int: [2, 3, 6, 7],
  float: [2, 3, 4, 5, 6, 7, 8],
  number: [2, 3, 4, 5, 6, 7, 8],
  bool: [1],
  string: [9, 10, 11, 12, 13, 14, 15],
  uuid: [11, 12],
  bytes: [9, 15],
  mac: [],
  ip: [14, 20],
  prefix: [],
  time: [21],
  duration: [],
  list: [16, 17],
  map: [18, 19],
  null: [],
  json: VALUES.map((_, i) => i).slice(1),
  any: VALUES.map((_, i) => i).slice(1),
};

test.each(TYPES)("a column of type %s takes what is of its type, and null", (type) => {
  const taken = VALUES.flatMap((value, i) => (take(type, value) instanceof RelationError ? [] : [i]));
  expect(taken).toEqual([0, ...(TAKEN[type] ?? [])]);
});

test("a value of another type is an error that names table, column, value and type, and the transaction is rolled back", () => {
  const engine = new Engine(compile([{ name: "t.dl", text: "input host(name: string, tag: int)" }]));
  const change = (tuple: readonly Value[], weight: 1 | -1 = 1): void => {
    engine.transact([
      { relation: "host", tuple: ["web", 1], weight: 1 },
      { relation: "host", tuple, weight },
    ]);
  };
  expect(() => change(["db", "7"])).toThrow('Cannot change "host": "7" in column "tag" is no int');
  expect(() => change([7, 7])).toThrow('Cannot change "host": 7 in column "name" is no string');
  expect(() => change(["db", 1.5], -1)).toThrow('1.5 in column "tag" is no int');
  expect(engine.rows("host")).toEqual([]);
  try {
    change(["db", [9007199254740993n]]);
  } catch (error) {
    expect(error).toMatchObject({
      code: "DATALOG_RELATION",
      hint: "give a whole number of at most 64 bits, or declare the column as what it holds",
      details: { relation: "host", column: "tag", type: "int", value: ["9007199254740993"] },
    });
  }
  change([null, null] as never);
  expect(engine.size("host")).toBe(2);
});

test("rows that are there must fit a new program's types", () => {
  const program = (type: string) => compile([{ name: "t.dl", text: `input t(v: ${type})` }]);
  const engine = new Engine(program("any"));
  engine.transact([{ relation: "t", tuple: ["a"], weight: 1 }]);
  expect(() => engine.replaceProgram(program("int"))).toThrow('"a" in column "v" is no int');
  expect(engine.rows("t")).toEqual([["a"]]);
  engine.replaceProgram(program("string"));
  expect(() => engine.transact([{ relation: "t", tuple: [1], weight: 1 }])).toThrow("1 in column");
});

test("in a test any text is a UUID, and a row of another type is a failure with its place", () => {
  const text = `input t(id: uuid, n: int)
big(i) :- t(i, n), n > 5
test "short names" {
  t("p1", 7)
  expect big("p1")
}
test "a wrong row" {
  t("p1", 1)
  t("p2", n / 2) :- n in [1]
  expect big("p1")
}`;
  const { tests } = runTests([{ name: "t.dl", text }]);
  expect(tests[0]?.failures).toEqual([]);
  expect(tests[1]?.failures).toEqual([
    {
      at: { file: "t.dl", line: 9, column: 3 },
      text: 't("p2", n / 2) :- n in [1]',
      because: 'Cannot change "t": 0.5 in column "n" is no int',
      isRow: true,
    },
  ]);
});
