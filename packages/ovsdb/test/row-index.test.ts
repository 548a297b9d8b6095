/** Indexes of a replica give what a scan gives, whatever happens to the rows, and after a content that came whole. */
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { type Atom, connect, isMap, keysOf, OvsdbServer, type Replica, type Row } from "@tenet/ovsdb";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openDatabase, serve, TESTER, temporaryFolder } from "./support/fixtures.ts";

const INDEXES: readonly (readonly string[])[] = [["name"], ["i"], ["s", "e"], ["m"], ["m:a", "b"], ["_uuid"]];

function scan(replica: Replica, columns: readonly string[], values: readonly Atom[]): string[] {
  const holds = (row: Row): boolean => columns.every((column, i) => elements(row, column).includes(values[i] ?? ""));
  return [...replica.table("Root").values()].filter(holds).map(({ _uuid }) => _uuid);
}

function elements(row: Row, column: string): readonly Atom[] {
  if (column !== "m:a") return keysOf(row[column] ?? []);
  const map = row["m"];
  return isMap(map) ? [map.get("a") ?? []].flat() : [];
}

const row = fc.record({
  i: fc.constantFrom<Json>(["set", []], 1, 2),
  b: fc.boolean(),
  e: fc.subarray(["red", "blue"]).map((list): Json => ["set", list]),
  s: fc.subarray(["x", "y", "z"]).map((list): Json => ["set", list]),
  m: fc.subarray(["a", "b"]).chain((keys) => fc.constantFrom(1, 2).map((n): Json => ["map", keys.map((key): Json => [key, n])])),
});
const name = fc.constantFrom("p", "q", "r", "t");
const operation = fc.oneof(
  fc.record({ name, row }).map((x): Json => ({ op: "insert", table: "Root", row: { ...x.row, name: x.name } })),
  fc.record({ name, row }).map((x): Json => ({ op: "update", table: "Root", where: [["name", "==", x.name]], row: x.row })),
  name.map((x): Json => ({ op: "delete", table: "Root", where: [["name", "==", x]] })),
);

test("an index gives what a scan gives, after any transactions", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 30 }), async (operations) => {
      await using scope = new Scope();
      const database = await openDatabase(scope);
      const replica = scope.use(await connect(await serve(scope, [database]), { database: "T" }, scope.signal));
      const indexes = INDEXES.map((columns) => ({ columns, index: replica.index("Root", columns) }));
      for (const one of operations) await database.transact([one], TESTER);
      await replica.transact([]);
      for (const { columns, index } of indexes) {
        const candidates = columns.map((column) => [...replica.table("Root").values()].flatMap((each) => elements(each, column)));
        for (const first of new Set([...(candidates[0] ?? []), "none"])) {
          for (const second of new Set(candidates[1] ?? ["none"])) {
            const values = columns.length === 1 ? [first] : [first, second];
            const found = index.get(...values).map(({ _uuid }) => _uuid);
            expect(found.toSorted()).toEqual(scan(replica, columns, values).toSorted());
          }
        }
      }
    }),
    { numRuns: 40 },
  );
});

test("an index lives over a reconnection to a server that tells everything anew", async () => {
  await using scope = new Scope();
  const folder = temporaryFolder(scope);
  const file = `${folder}/t.db`;
  const database = await openDatabase(scope, { file, historyLimits: { commits: 0, changes: 0 } });
  const path = `${folder}/db.sock`;
  const server = new OvsdbServer([database], silentLogger);
  await server.listen(`punix:${path}`);
  await database.transact([{ op: "insert", table: "Root", row: { name: "old" } }], TESTER);
  const replica = scope.use(await connect(`unix:${path}`, { database: "T", maxBackoffMs: 50 }, scope.signal));
  const index = replica.index("Root", ["name"]);
  const rows = replica.table("Root");
  expect(index.first("old")).toBeDefined();
  await server.close();
  const operations = [
    { op: "delete", table: "Root", where: [] },
    { op: "insert", table: "Root", row: { name: "new" } },
  ];
  await database.transact(operations, TESTER);
  const again = scope.use(new OvsdbServer([database], silentLogger));
  await again.listen(`punix:${path}`);
  await replica.waitFor(() => index.first("new"));
  expect(index.first("old")).toBeUndefined();
  expect([...rows.values()].map((each) => each["name"])).toEqual(["new"]);
});
