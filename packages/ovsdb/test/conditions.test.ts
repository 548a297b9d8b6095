/** A replica sees other rows when its conditions change, connected or not. */
import { Scope, silentLogger } from "@tenet/kit";
import { connect, type Database, OvsdbServer, type Replica } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { openDatabase, serve, TESTER, temporaryFolder } from "./support/fixtures.ts";
import { T, type TTables } from "./support/fixture-types.ts";

const names = (replica: Replica<TTables>): string[] => Array.from(replica.table("Root").values(), ({ name }) => name).sort();

async function filled(scope: Scope): Promise<Database> {
  const database = await openDatabase(scope);
  await database.transact(
    ["a", "b", "c"].map((name) => ({ op: "insert", table: "Root", row: { name } })),
    TESTER,
  );
  return database;
}

test("changed conditions bring and take rows before the promise resolves", async () => {
  await using scope = new Scope();
  const database = await filled(scope);
  const options = { tables: ["Root", "Kid"], conditions: { Root: [["name", "==", "a"]] } } as const;
  const replica = scope.use(await connect(await serve(scope, [database]), T, options, scope.signal));
  const heard: string[] = [];
  replica.onChange((changes) => {
    for (const change of changes) if (change.table === "Root") heard.push(`${change.old?.name ?? ""}>${change.new?.name ?? ""}`);
  });
  expect(names(replica)).toEqual(["a"]);
  await replica.changeConditions({ Root: [["name", "!=", "a"]] });
  expect(names(replica)).toEqual(["b", "c"]);
  expect(heard.sort()).toEqual([">b", ">c", "a>"]);
  await replica.changeConditions({ Root: [false] });
  expect(names(replica)).toEqual([]);
  await replica.changeConditions({ Root: undefined });
  expect(names(replica)).toEqual(["a", "b", "c"]);
});

test("conditions that change while there is no connection hold for the next one", async () => {
  await using scope = new Scope();
  const path = `${temporaryFolder(scope)}/db.sock`;
  const database = await filled(scope);
  const server = new OvsdbServer([database], silentLogger);
  await server.listen(`punix:${path}`);
  const options = { conditions: { Root: [["name", "==", "a"]] }, maxBackoffMs: 50 } as const;
  const replica = scope.use(await connect(`unix:${path}`, T, options, scope.signal));
  await server.close();
  await expect.poll(() => replica.isConnected).toBe(false);
  const changed = replica.changeConditions({ Root: [["name", "==", "b"]] });
  expect(names(replica)).toEqual(["a"]);
  await scope.use(new OvsdbServer([database], silentLogger)).listen(`punix:${path}`);
  await changed;
  expect(names(replica)).toEqual(["b"]);
});

test("conditions that change while connections are lost all the time hold in the end, the last of them", async () => {
  await using scope = new Scope();
  const database = await filled(scope);
  const server = scope.use(new OvsdbServer([database], silentLogger));
  const remote = await server.listen(`punix:${temporaryFolder(scope)}/db.sock`);
  const replica = scope.use(await connect(remote, T, { maxBackoffMs: 1 }, scope.signal));
  const changes: Promise<void>[] = [];
  for (let n = 0; n < 60; n++) {
    changes.push(replica.changeConditions({ Root: [["name", "==", ["a", "b", "c"][n % 3] ?? ""]] }));
    if (n % 4 === 1) server.reconnect("test");
    await new Promise((resolve) => setTimeout(resolve, n % 5));
  }
  await Promise.all(changes);
  expect(names(replica)).toEqual(["c"]);
  await database.transact([{ op: "delete", table: "Root", where: [["name", "==", "c"]] }], TESTER);
  await replica.transact([]);
  expect(names(replica)).toEqual([]);
});

test("conditions that are wrong are refused, and the old ones stay", async () => {
  await using scope = new Scope();
  const replica = scope.use(
    await connect(
      await serve(scope, [await filled(scope)]),
      T,
      { tables: ["Root"], conditions: { Root: [false] } },
      scope.signal,
    ),
  );
  await expect(replica.changeConditions({ Kid: [true] })).rejects.toThrow(
    'Cannot change the conditions of "Kid": the replica does not follow it',
  );
  await expect(replica.changeConditions({ Root: [["name", "==", 5]] })).rejects.toThrow("syntax error");
  expect(names(replica)).toEqual([]);
  await replica.changeConditions({ Root: [["name", "==", "c"]] });
  expect(names(replica)).toEqual(["c"]);
});
