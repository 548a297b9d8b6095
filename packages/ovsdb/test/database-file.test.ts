/** Files are made, compacted, converted and copied while nobody serves them, and a failure changes none. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope } from "@tenet/kit";
import {
  type Commit,
  compactDatabaseFile,
  ConversionError,
  convertDatabaseFile,
  createDatabaseFile,
  Database,
  DatabaseLockedError,
  FileExistsError,
} from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { arePeersInstalled, peer } from "./support/peers.ts";
import { filesIn, openDatabase, SCHEMA, TESTER, temporaryFolder } from "./support/fixtures.ts";

/** A schema of roots with a name, whatever else, and of kids. */
function schemaOf(version: string, root: { readonly [column: string]: Json }): Json {
  const kid = { columns: { n: { type: "integer" } } };
  return { name: "T", version, tables: { Root: { isRoot: true, columns: { name: { type: "string" }, ...root } }, Kid: kid } };
}

const KIDS: Json = { type: { key: { type: "uuid", refTable: "Kid" }, min: 0, max: "unlimited" } };

/** A file with two roots, one with a kid. */
async function twoRoots(scope: Scope): Promise<string> {
  const file = join(temporaryFolder(scope), "t.db");
  const database = await openDatabase(scope, { schema: schemaOf("1.0.0", { kids: KIDS }), file });
  await database.transact([{ op: "insert", table: "Root", row: { name: "long name" } }], TESTER);
  const kid: Json = { op: "insert", table: "Kid", "uuid-name": "k", row: { n: 7 } };
  await database.transact([kid, { op: "insert", table: "Root", row: { name: "b", kids: ["named-uuid", "k"] } }], TESTER);
  database.close();
  return file;
}

const content = (file: string) => {
  const database = Database.read(file);
  const rows = (table: string) => Array.from(database.table(table).values(), ({ _version, ...row }) => row);
  return { version: database.schema.version, roots: rows("Root"), kids: rows("Kid") };
};

/** Commits without the versions, which a reader counts from the file's beginning. */
const comparable = (commits: readonly Commit[]) =>
  commits.map(({ at, comment, by, changes }) => ({
    at,
    comment,
    by,
    rows: changes.map((change) => [change.uuid, change.old?.["name"], change.new?.["name"]]),
  }));

test("a file is converted in its place or into another one: columns come and go, and kids that nobody refers to", async () => {
  await using scope = new Scope();
  const file = await twoRoots(scope);
  const before = content(file);
  const target = join(file, "../target.db");
  await convertDatabaseFile(file, schemaOf("2.0.0", { size: { type: "integer" } }), { target });
  expect(content(file)).toEqual(before);
  await convertDatabaseFile(file, schemaOf("2.0.0", { size: { type: "integer" } }));
  expect(content(file)).toEqual({
    version: "2.0.0",
    roots: before.roots.map(({ _uuid, name }) => ({ _uuid, name, size: 0 })),
    kids: [],
  });
  expect(content(target)).toEqual(content(file));
  expect(filesIn(join(file, ".."))).toEqual(["t.db", "target.db"]);
});

test("rows that the new schema does not allow are named, and the file stays as it was", async () => {
  await using scope = new Scope();
  const file = await twoRoots(scope);
  const bytes = readFileSync(file);
  const short = { name: { type: { key: { type: "string", maxLength: 3 } } }, kids: KIDS };
  const failure = await convertDatabaseFile(file, schemaOf("2.0.0", short)).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ConversionError);
  expect(failure).toEqual(
    expect.objectContaining({ message: expect.stringContaining('"long name" length 9 is greater than maximum') }),
  );
  expect(readFileSync(file)).toEqual(bytes);
  expect(filesIn(join(file, ".."))).toEqual(["t.db"]);
});

test("a file that is served is neither converted nor compacted, and one that exists is not made", async () => {
  await using scope = new Scope();
  const file = await twoRoots(scope);
  const database = await openDatabase(scope, { schema: schemaOf("1.0.0", { kids: KIDS }), file });
  await expect(compactDatabaseFile(file)).rejects.toBeInstanceOf(DatabaseLockedError);
  await expect(convertDatabaseFile(file, SCHEMA)).rejects.toBeInstanceOf(DatabaseLockedError);
  expect(content(file).roots).toHaveLength(2);
  database.close();
  expect(() => createDatabaseFile(file, SCHEMA)).toThrow(FileExistsError);
  await expect(compactDatabaseFile(file, { target: file })).rejects.toBeInstanceOf(FileExistsError);
});

test("a compacted file has the same rows, in its place or in another file, and history if that is wanted", async () => {
  await using scope = new Scope();
  const file = await twoRoots(scope);
  const before = content(file);
  const target = join(file, "../target.db");
  const history = Database.read(file).history();
  await compactDatabaseFile(file, { target, dropsHistory: true });
  await compactDatabaseFile(file);
  for (const compacted of [file, target]) expect(content(compacted)).toEqual(before);
  expect(Database.read(target).history()).toHaveLength(1);
  expect(comparable(Database.read(file).history().slice(1))).toEqual(comparable(history));
});

test.skipIf(!arePeersInstalled("ovsdb-tool"))("the original converts to the same rows", async () => {
  await using scope = new Scope();
  const file = await twoRoots(scope);
  const target = join(file, "../target.db");
  const schema = join(file, "../t.ovsschema");
  writeFileSync(schema, JSON.stringify(schemaOf("2.0.0", { size: { type: "integer" } })));
  await peer(join(file, ".."), "ovsdb-tool", "convert", file, schema, target);
  await convertDatabaseFile(file, schemaOf("2.0.0", { size: { type: "integer" } }));
  const sorted = ({ roots, ...rest }: ReturnType<typeof content>) => ({ ...rest, roots: new Set(roots) });
  expect(sorted(content(file))).toEqual(sorted(content(target)));
});
