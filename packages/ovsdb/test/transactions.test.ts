import { type Json, Scope } from "@tenet/kit";
import { expect, test } from "vitest";
import { openDatabase, TESTER } from "./support/fixtures.ts";

const insert = (table: string, row: Json, more: object = {}): Json => ({ op: "insert", table, row, ...more });
const select = (table: string, columns?: readonly string[], where: Json = []): Json => ({
  op: "select",
  table,
  where,
  ...(columns === undefined ? {} : { columns }),
});

async function run(...operations: Json[]): Promise<Json[]> {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  return await database.transact(operations, TESTER);
}

const A = "aaaaaaaa-0000-4000-8000-000000000001";
const GONE = "11111111-1111-1111-1111-111111111111";

/** Each case: what it shows, the operations, the last result. Texts were recorded from the original server. */
const CASES: readonly (readonly [string, readonly Json[], object])[] = [
  [
    "an operation that is no object",
    [5],
    { error: "syntax error", details: "Parsing ovsdb operation 1 of 1 failed: Object expected." },
  ],
  [
    "an unknown operation",
    [{ op: "nosuch" }],
    { error: "syntax error", details: 'Parsing ovsdb operation 1 of 1 failed: No operation "nosuch"', syntax: '{"op":"nosuch"}' },
  ],
  [
    "a missing member",
    [{ op: "insert" }],
    { error: "syntax error", details: "Parsing ovsdb operation 1 of 1 failed: Required 'table' member is missing." },
  ],
  [
    "an unknown table",
    [insert("No", {})],
    { error: "syntax error", details: "Parsing ovsdb operation 1 of 1 failed: No table named No." },
  ],
  [
    "a superfluous member",
    [{ ...(select("Root") as object), bogus: 1 }],
    { error: "syntax error", details: "Parsing ovsdb operation 1 of 1 failed: Member 'bogus' is present but not allowed here." },
  ],
  [
    "a member of the wrong type",
    [select("Root", undefined, 5)],
    { error: "syntax error", details: "Parsing ovsdb operation 1 of 1 failed: Type mismatch for member 'where'." },
  ],
  [
    "a value of the wrong type",
    [insert("Root", { name: 5 })],
    { error: "syntax error", details: "expected string", syntax: "5" },
  ],
  [
    "an unknown column",
    [insert("Root", { zork: 5 })],
    { error: "unknown column", details: "No column zork in table Root.", syntax: '{"zork":5}' },
  ],
  [
    "a number out of range",
    [insert("Root", { i: 1000 })],
    { error: "constraint violation", details: "1000 is not in the valid range 0 to 100 (inclusive)" },
  ],
  [
    "a value outside the enumeration",
    [insert("Root", { e: "pink" })],
    { error: "constraint violation", details: "pink is not one of the allowed values ([blue, green, red])" },
  ],
  [
    "a set with a duplicate",
    [insert("Root", { e: ["set", ["red", "red"]] })],
    { error: "ovsdb error", details: "set contains duplicate" },
  ],
  [
    "a map with a duplicate key",
    [
      insert("Root", {
        m: [
          "map",
          [
            ["a", 1],
            ["a", 2],
          ],
        ],
      }),
    ],
    { error: "ovsdb error", details: "map contains duplicate key" },
  ],
  [
    "a string that is too short",
    [insert("Root", { s: "" })],
    { error: "constraint violation", details: '"" length 0 is less than minimum allowed length 1' },
  ],
  [
    "a set that is too large",
    [insert("Root", { s: ["set", ["a", "b", "c", "d"]] })],
    { error: "syntax error", details: "set must have 0 to 3 members but 4 are present" },
  ],
  [
    "a set where one value belongs",
    [insert("Root", { name: ["set", ["a", "b"]] })],
    { error: "syntax error", details: "set must have exactly one member but 2 are present" },
  ],
  [
    "a malformed uuid",
    [insert("Root", { u: ["uuid", "x"] })],
    { error: "syntax error", details: '"x" is not a valid UUID', syntax: '["uuid","x"]' },
  ],
  [
    "a malformed condition",
    [select("Root", [], [["name", "=="]])],
    { error: "syntax error", details: "Parse error in condition.", syntax: '["name","=="]' },
  ],
  [
    "an unknown function",
    [select("Root", ["name"], [["name", "~", 5]])],
    { error: "unknown function", details: "No function named ~." },
  ],
  [
    "order on strings",
    [select("Root", ["name"], [["name", "<", "b"]])],
    { error: "syntax error", details: 'Type mismatch: "<" operator may not be applied to column name of type string.' },
  ],
  [
    "order on a set",
    [select("Root", ["name"], [["s", "<", "b"]])],
    {
      error: "syntax error",
      details: 'Type mismatch: "<" operator may not be applied to column s of type set of up to 3 strings.',
    },
  ],
  [
    "a column named twice",
    [select("Root", ["name", "name"])],
    { error: "syntax error", details: "array of distinct column names expected", syntax: '["name","name"]' },
  ],
  [
    "an update of an immutable column",
    [{ op: "update", table: "Root", where: [], row: { imm: "x" } }],
    { error: "constraint violation", details: "Cannot update immutable column imm in table Root." },
  ],
  [
    "a mutation of an immutable column",
    [{ op: "mutate", table: "Root", where: [], mutations: [["imm", "insert", "x"]] }],
    { error: "constraint violation", details: "Cannot mutate immutable column imm in table Root." },
  ],
  [
    "an unknown mutator",
    [{ op: "mutate", table: "Root", where: [], mutations: [["s", "zork", "x"]] }],
    { error: "unknown mutator", details: "No mutator named zork." },
  ],
  [
    "arithmetic on a map",
    [{ op: "mutate", table: "Root", where: [], mutations: [["m", "+=", 1]] }],
    {
      error: "syntax error",
      details: 'Type mismatch: "+=" operator may not be applied to column m of type map of (string, integer) pairs.',
    },
  ],
  [
    "division by zero",
    [insert("Root", { i: 4 }), { op: "mutate", table: "Root", where: [], mutations: [["i", "/=", 0]] }],
    { error: "domain error", details: "Division by zero." },
  ],
  [
    "a result out of range",
    [insert("Root", { eph: 2 ** 62 }), { op: "mutate", table: "Root", where: [], mutations: [["eph", "*=", 4]] }],
    { error: "range error", details: 'Result of "*=" operation is out of range.' },
  ],
  [
    "too many elements after insertion",
    [
      insert("Root", { s: ["set", ["a", "z"]] }),
      { op: "mutate", table: "Root", where: [], mutations: [["s", "insert", ["set", ["q", "w"]]]] },
    ],
    { error: "constraint violation", details: "Attempted to store 4 elements in set of up to 3 strings." },
  ],
  [
    "a name used twice",
    [insert("Kid", {}, { "uuid-name": "q" }), insert("Kid", {}, { "uuid-name": "q" })],
    { error: "duplicate uuid-name", details: 'This "uuid-name" appeared on an earlier "insert" operation.', syntax: '"q"' },
  ],
  [
    "a uuid used twice",
    [insert("Few", {}, { uuid: A }), insert("Few", {}, { uuid: A })],
    { error: "duplicate uuid", syntax: `"${A}"` },
  ],
  [
    "a wait that does not hold",
    [{ op: "wait", table: "Root", where: [], columns: ["name"], until: "!=", rows: [], timeout: 0 }],
    { error: "timed out", details: '"where" clause test failed' },
  ],
  [
    "a wait with another relation",
    [{ op: "wait", table: "Root", where: [], columns: ["name"], until: "<", rows: [] }],
    { error: "syntax error", details: '"until" must be "==" or "!="', syntax: '"<"' },
  ],
  [
    "a wait for less than no time",
    [{ op: "wait", table: "Root", where: [], columns: ["name"], until: "!=", rows: [], timeout: -1 }],
    { error: "syntax error", details: "timeout must be nonnegative", syntax: "-1" },
  ],
  ["abort", [{ op: "comment", comment: "x" }, { op: "abort" }], { error: "aborted", details: "aborted by request" }],
  [
    "an assertion of a lock that is not held",
    [{ op: "assert", lock: "l" }],
    { error: "not owner", details: "Asserted lock l not held." },
  ],
  [
    "a reference to nothing",
    [insert("Root", { kids: ["uuid", GONE] }, { uuid: A })],
    {
      error: "referential integrity violation",
      details: `Table Root column kids row ${A} references nonexistent row ${GONE} in table Kid.`,
    },
  ],
  [
    "deleting a referenced row",
    [insert("Kid", {}, { uuid: A }), insert("Root", { kids: ["uuid", A] }), { op: "delete", table: "Kid", where: [] }],
    { error: "referential integrity violation" },
  ],
  [
    "too many rows",
    [insert("Few", {}), insert("Few", {}), insert("Few", {})],
    {
      error: "constraint violation",
      details: 'transaction causes "Few" table to contain 3 rows, greater than the schema-defined limit of 2 row(s)',
    },
  ],
];

test.each(CASES)("refused: %s", async (_name, operations, expected) => {
  expect((await run(...operations)).findLast((result) => result !== null)).toEqual(expect.objectContaining(expected));
});

test("operations after a failed one give null, and nothing of the transaction stays", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const results = await database.transact(
    [insert("Root", { name: "a" }), { op: "abort" }, { op: "comment", comment: "y" }],
    TESTER,
  );
  expect(results).toEqual([{ uuid: expect.anything() }, { error: "aborted", details: "aborted by request" }, null]);
  expect(database.table("Root").size).toBe(0);
});

test("two rows with the same index values are refused with both rows' origins", async () => {
  const [, , failure] = await run(insert("Root", { name: "a" }, { uuid: A }), insert("Root", { name: "a" }, { uuid: GONE }));
  expect(failure).toEqual({
    error: "constraint violation",
    details:
      'Transaction causes multiple rows in "Root" table to have identical values (a) for index on column "name".  ' +
      `First row, with UUID ${A}, was inserted by this transaction.  Second row, with UUID ${GONE}, was inserted by this transaction.`,
  });
});

test("index values may be exchanged within one transaction", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  await database.transact([insert("Root", { name: "a" }, { uuid: A }), insert("Root", { name: "b" }, { uuid: GONE })], TESTER);
  const update = (uuid: string, name: string): Json => ({
    op: "update",
    table: "Root",
    where: [["_uuid", "==", ["uuid", uuid]]],
    row: { name },
  });
  expect(await database.transact([update(A, "b"), update(GONE, "a")], TESTER)).toEqual([{ count: 1 }, { count: 1 }]);
  expect(await database.transact([select("Root", ["_uuid"], [["name", "==", "b"]])], TESTER)).toEqual([
    { rows: [{ _uuid: ["uuid", A] }] },
  ]);
});

test("rows that nothing refers to are collected, chains and all, when the transaction ends", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  await database.transact(
    [
      insert("Kid", { name: "lonely" }),
      insert("Kid", { name: "last" }, { "uuid-name": "last" }),
      insert("Kid", { name: "first", next: ["named-uuid", "last"] }, { "uuid-name": "first" }),
      insert("Root", { name: "r", kids: ["named-uuid", "first"] }),
    ],
    TESTER,
  );
  expect([...database.table("Kid").values()].map((row) => row["name"]).sort()).toEqual(["first", "last"]);
  await database.transact([{ op: "update", table: "Root", where: [], row: { kids: ["set", []] } }], TESTER);
  expect(database.table("Kid").size).toBe(0);
});

test("a reference of a row to itself does not keep it", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const results = await database.transact([insert("Kid", { next: ["named-uuid", "k"] }, { "uuid-name": "k" })], TESTER);
  expect(results).toHaveLength(1);
  expect(database.table("Kid").size).toBe(0);
});

test("weak references to missing rows are dropped, at once and when the row goes later", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  await database.transact(
    [
      insert("Kid", { name: "k" }, { "uuid-name": "k" }),
      insert("Root", { name: "owner", kids: ["named-uuid", "k"] }),
      insert("Root", {
        name: "friend",
        pals: [
          "set",
          [
            ["named-uuid", "k"],
            ["uuid", GONE],
          ],
        ],
      }),
    ],
    TESTER,
  );
  const friend = () => [...database.table("Root").values()].find((row) => row["name"] === "friend");
  const [kid] = database.table("Kid").keys();
  expect(friend()?.["pals"]).toEqual([kid]);
  await database.transact([{ op: "delete", table: "Root", where: [["name", "==", "owner"]] }], TESTER);
  expect(friend()?.["pals"]).toEqual([]);
});

test("wait blocks until another transaction makes it true", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const until: Json = {
    op: "wait",
    table: "Root",
    where: [],
    columns: ["name"],
    until: "==",
    rows: [{ name: "a" }],
    timeout: 5000,
  };
  const waiting = database.transact([until, insert("Few", { x: 1 })], TESTER);
  await database.transact([insert("Root", { name: "a" })], TESTER);
  expect(await waiting).toEqual([{}, { uuid: expect.anything() }]);
  expect(database.table("Few").size).toBe(1);
});

test("wait gives up after its time, and when it is canceled", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const until = (timeout: number): Json => ({
    op: "wait",
    table: "Root",
    where: [],
    columns: ["name"],
    until: "!=",
    rows: [],
    timeout,
  });
  expect(await database.transact([until(20)], TESTER)).toEqual([
    { error: "timed out", details: expect.stringMatching(/^"wait" timed out after \d+ ms$/) },
  ]);
  const canceling = new AbortController();
  const waiting = database.transact([until(60_000)], TESTER, { signal: canceling.signal });
  setTimeout(() => canceling.abort(), 10);
  expect(await waiting).toEqual([{ error: "canceled" }]);
});

test("the judge sees the delta, and its refusal is the transaction's error", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  database.judge = ({ changes, by, comment }) =>
    changes.some((change) => change.new?.["name"] === "bad")
      ? { error: "policy violation", details: `${by.remote} ${comment}` }
      : undefined;
  const bad = [insert("Root", { name: "bad" }), { op: "comment", comment: "why" }];
  expect((await database.transact(bad, TESTER)).at(-1)).toEqual({ error: "policy violation", details: "test why" });
  expect(await database.transact([insert("Root", { name: "good" })], TESTER)).toHaveLength(1);
  expect(database.table("Root").size).toBe(1);
});

test("two racing transactions that exclude each other cannot both pass the judge", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  let nFew = 0;
  database.onCommit(({ changes }) => {
    nFew += changes.length;
  });
  database.judge = () => (nFew >= 1 ? { error: "policy violation", details: "one is enough" } : undefined);
  const results = await Promise.all([
    database.transact([insert("Few", {})], TESTER),
    database.transact([insert("Few", {})], TESTER),
  ]);
  expect(results.map((result) => result.length)).toEqual([1, 2]);
});

test("commits are told in order, before the reply, with who and why", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  const told: string[] = [];
  database.onCommit((commit) => told.push(`${commit.comment} by ${commit.by.process}`));
  const by = { remote: "unix:x", pid: 7, process: "tool" };
  const replies = [1, 2].map((n) =>
    database.transact([insert("Few", {}), { op: "comment", comment: String(n) }], by).then(() => told.push(`reply ${n}`)),
  );
  await Promise.all(replies);
  expect(told.indexOf("1 by tool")).toBeLessThan(told.indexOf("2 by tool"));
  expect(told.indexOf("1 by tool")).toBeLessThan(told.indexOf("reply 1"));
  expect(database.history().map((commit) => commit.comment)).toEqual(["1", "2"]);
});

test("a transaction that changes nothing is no commit and keeps the version of its rows", async () => {
  await using scope = new Scope();
  const database = await openDatabase(scope);
  await database.transact([insert("Root", { name: "a" })], TESTER);
  const [before] = database.table("Root").values();
  await database.transact(
    [
      { op: "update", table: "Root", where: [], row: { name: "b" } },
      { op: "update", table: "Root", where: [], row: { name: "a" } },
    ],
    TESTER,
  );
  expect([...database.table("Root").values()]).toEqual([before]);
  expect(database.history()).toHaveLength(1);
});
