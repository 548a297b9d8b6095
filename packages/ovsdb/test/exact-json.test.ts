/** Whole numbers of 64 bits are exact from the wire to the file and back. */
import { join } from "node:path";
import { type Json, Scope } from "@tenet/kit";
import { connect, parseExact, stringifyExact } from "@tenet/ovsdb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openDatabase, rawClient, serve, TESTER, temporaryFolder } from "./support/fixtures.ts";

const MAX = 2n ** 63n - 1n;
const SCHEMA: Json = {
  name: "T",
  tables: {
    N: {
      isRoot: true,
      indexes: [["i"]],
      columns: {
        i: { type: "integer" },
        s: { type: { key: "integer", min: 0, max: "unlimited" } },
        m: { type: { key: "string", value: "integer", min: 0, max: "unlimited" } },
        r: { type: "real" },
      },
    },
  },
};

/** Plain JSON with bigints where a number would not be exact, as `parseExact` gives it. */
const value = fc.letrec<{ json: unknown }>((tie) => ({
  json: fc.oneof(
    fc.bigInt({ min: -MAX - 1n, max: MAX }).map((n) => (Number.isSafeInteger(Number(n)) ? Number(n) : n)),
    fc.constantFrom(MAX, -MAX - 1n, 2n ** 53n, 9007199254740993n, 0.1, 1e300, -1.5e-7, 12345678901234.5, true, null),
    fc.string({ unit: "grapheme-ascii", maxLength: 8 }),
    fc.constantFrom("12345678901234567890", 'a "9007199254740993', "\\", '\\"', "1234567890123456\\"),
    fc.array(tie("json"), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom("a", "9007199254740993", 'b"'), tie("json"), { maxKeys: 3 }),
  ),
})).json;

test("what is written is read again, as it was", () => {
  fc.assert(
    fc.property(value, fc.constantFrom(undefined, 2), (json, indent) => {
      expect(parseExact(stringifyExact(json as Json, indent))).toEqual(json);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["9007199254740993", 9007199254740993n],
  ["-9007199254740993", -9007199254740993n],
  ["9223372036854775807", MAX],
  ["-9223372036854775808", -MAX - 1n],
  ["9223372036854775808", 2 ** 63],
  ["9007199254740993.0", 9007199254740993n],
  ["9007199254740993e0", 9007199254740993n],
  ["-12345678901234567e1", -123456789012345670n],
  ["90071992547409930e-1", 9007199254740993n],
  ["1234567890.1234567890123456e5", Number("1234567890.1234567890123456e5")],
  ["12345678901234567E-30", Number("12345678901234567e-30")],
  ["1234567890123456.5", 1234567890123456.5],
  ["1234567890123456789e2", Number("1234567890123456789e2")],
  ["1234567890123456789e999", Infinity],
  ["0.12345678901234567890", 0.12345678901234568],
  ["1000000000000000", 1000000000000000],
  ['"9007199254740993"', "9007199254740993"],
  ['["\\\\",9007199254740993]', ["\\", 9007199254740993n]],
  ['["\\\\\\"",9007199254740993]', ['\\"', 9007199254740993n]],
])("%s is read as it stands", (text, json) => {
  expect(parseExact(text)).toEqual(json);
});

test.each(["00000000000000000000", "[9007199254740993", '{"9007199254740993', "9007199254740993x"])("%j is not JSON", (text) => {
  expect(() => parseExact(text)).toThrow(SyntaxError);
});

test.each([
  ["-9223372036854775809", "expected integer"],
  ["9223372036854775808", "expected integer"],
  ["1e19", "expected integer"],
  ["9007199254740993.0", undefined],
  ["-9223372036854775808", undefined],
])("the integer %s is refused, or kept as it stands: %s", async (text, problem) => {
  await using scope = new Scope();
  const database = await openDatabase(scope, { schema: SCHEMA });
  const [result] = await database.transact([parseExact(`{"op":"insert","table":"N","row":{"i":${text}}}`)], TESTER);
  if (problem === undefined)
    expect([...database.table("N").values()].map(({ i }) => String(i))).toEqual([text.replace(".0", "")]);
  else expect(result).toMatchObject({ error: "syntax error", details: problem });
});

test("large integers are exact in operations, indexes, monitors, the file and replicas", async () => {
  await using scope = new Scope();
  const file = join(temporaryFolder(scope), "t.db");
  const database = await openDatabase(scope, { schema: SCHEMA, file });
  const remote = await serve(scope, [database]);
  const client = rawClient(scope, remote);
  const transact = async (text: string) => {
    client.write(`{"method":"transact","id":"x","params":["T",${text}]}`);
    return stringifyExact(((await client.reply("x")).result ?? null) as Json);
  };
  await client.call("monitor", ["T", "m", { N: {} }]);
  const row = `{"i":9007199254740993,"s":["set",[9007199254740995,1]],"m":["map",[["k",-9223372036854775808]]],"r":9007199254740993}`;
  expect(await transact(`{"op":"insert","table":"N","row":${row}}`)).toContain("uuid");
  expect(await transact(`{"op":"insert","table":"N","row":{"i":9007199254740992}}`)).toContain("uuid");
  expect(await transact(`{"op":"insert","table":"N","row":{"i":9007199254740993}}`)).toContain("constraint violation");
  const select = (where: string) => transact(`{"op":"select","table":"N","where":[["i",${where}]],"columns":["i","m","s","r"]}`);
  expect(await select(`"==",9007199254740993`)).toBe(
    `[{"rows":[{"i":9007199254740993,"m":["map",[["k",-9223372036854775808]]],"s":["set",[1,9007199254740995]],"r":9007199254740992}]}]`,
  );
  expect(await select(`">",9007199254740993`)).toBe(`[{"rows":[]}]`);
  const mutate = (mutations: string) =>
    transact(`{"op":"mutate","table":"N","where":[["i",">",9007199254740992]],"mutations":${mutations}}`);
  expect(
    await mutate(`[["i","*=",1023],["s","delete",9007199254740995],["m","insert",["map",[["l",9223372036854775807]]]]]`),
  ).toBe(`[{"count":1}]`);
  expect(await mutate(`[["i","*=",3]]`)).toContain("range error");
  await client.call("echo", []);
  expect(stringifyExact(client.notifications() as Json)).toMatch(/"old":\{[^{]*"i":9007199254740993,/);
  const replica = scope.use(await connect(remote, { database: "T" }, scope.signal));
  const values = () => [...replica.table("N").values()].map((found) => found["i"]);
  expect(values()).toEqual([9007199254740993n * 1023n, 2n ** 53n]);
  await replica.transact([{ op: "update", table: "N", where: [["i", "==", MAX as unknown as Json]], row: {} }]);
  database.close();
  const again = await openDatabase(scope, { schema: SCHEMA, file });
  const rowsOf = (source: typeof database) => [...source.table("N").values()].map(({ _version, ...columns }) => columns);
  expect(rowsOf(again)).toEqual(rowsOf(database));
  await again.compact();
  again.close();
  expect(rowsOf(await openDatabase(scope, { schema: SCHEMA, file }))).toEqual(rowsOf(database));
  expect(await again.transact([], TESTER)).toEqual([{ error: "canceled", details: "the database is closed" }]);
});
