/** `tenet db` on files and on a served database. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { Database, OVN_NORTHBOUND, OvsdbServer } from "@tenet/ovsdb";
import { expect, test } from "vitest";
import { dbCommand } from "../src/db/db-command.ts";

const NO_PROGRESS = { isTerminal: false, write: () => undefined };

const SCHEMA = {
  name: "T",
  version: "1.0.0",
  tables: {
    Root: {
      isRoot: true,
      indexes: [["name"]],
      columns: {
        name: { type: "string" },
        n: { type: { key: "integer", min: 0, max: 1 } },
        m: { type: { key: "string", value: "string", min: 0, max: "unlimited" } },
        kids: { type: { key: { type: "uuid", refTable: "Kid" }, min: 0, max: "unlimited" } },
        color: { type: { key: { type: "string", enum: ["set", ["red", "green"]] }, min: 0, max: 2 } },
      },
    },
    Kid: { columns: { ok: { type: "boolean" } } },
  },
};
const INSERT = `[{"op": "insert", "table": "Root", "row": {"name": "a b", "m": ["map", [["k", "v"]]]}}]`;

/** A folder with `t.ovsschema`, and the command in it. */
function setUp(scope: Scope): { folder: string; db: (...words: string[]) => Promise<string> } {
  const folder = mkdtempSync(join(tmpdir(), "tenet-db-"));
  scope.defer(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, "t.ovsschema"), JSON.stringify(SCHEMA));
  return { folder, db: (...words) => run(words, new AbortController().signal) };
}

async function run(
  words: readonly string[],
  signal: AbortSignal,
  onText: (text: string) => void = () => undefined,
): Promise<string> {
  let output = "";
  const write = (text: string) => {
    output += text;
    onText(text);
  };
  const command = dbCommand({ write, signal, hasColor: false, progress: NO_PROGRESS }).exitOverride();
  await command.parseAsync(words, { from: "user" });
  return output;
}

/** What differs from one run to the next. */
const steady = (text: string) =>
  text
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}/g, "DATE")
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "UUID")
    .replace(/\b[0-9a-f]{8}\b/g, "UUID8")
    .replace(/pid \d+/g, "pid N");

/** Serves a file of the schema. */
async function serve(scope: Scope, folder: string, file: string): Promise<{ database: Database; remote: string }> {
  const database = scope.use(await Database.open({ schema: SCHEMA, file }));
  const server = scope.use(new OvsdbServer([database], silentLogger));
  return { database, remote: await server.listen(`punix:${join(folder, "t.sock")}`) };
}

test("create, transact, dump, show-log and compact work on a file", async () => {
  await using scope = new Scope();
  const { folder, db } = setUp(scope);
  const file = join(folder, "t.db");
  expect(await db("create", file, join(folder, "t.ovsschema"))).toBe(`${file}: empty, T 1.0.0\n`);
  expect(await db("dump", file)).toBe("T has no rows\n");
  expect(steady(await db("transact", file, INSERT))).toBe("insert UUID\n");
  const update = `["T", {"op": "update", "table": "Root", "where": [], "row": {"n": 3}}, {"op": "comment", "comment": "why"}]`;
  expect(await db("transact", file, update)).toBe("update 1 row\ncomment\n");
  expect(steady(await db("dump", file, "Root", "Kid"))).toBe(
    'Root: 1 row\n_uuid     name   n  m\nUUID8  "a b"  3  {k=v}\n\nKid: 0 rows\n',
  );
  expect(JSON.parse(await db("dump", file, "-o", "json"))).toEqual({
    Root: [expect.objectContaining({ name: "a b", n: 3, m: ["map", [["k", "v"]]], kids: ["set", []] })],
  });
  expect(steady(await db("log", file))).toBe(
    [
      "DATE  UUID8  tenet (pid N) tenet db",
      '  + Root "a b" (UUID8)  name="a b" m={k=v}',
      "",
      "DATE  UUID8  tenet (pid N) tenet db",
      "    why",
      '  ~ Root "a b" (UUID8)  n: [] → 3',
      "",
    ].join("\n"),
  );
  expect(JSON.parse(await db("log", file, "-n", "1", "-o", "json"))).toMatchObject({
    by: { process: "tenet" },
    comment: "why",
    changes: [{ table: "Root", name: "a b", op: "modify", row: { n: { old: ["set", []], new: 3 } } }],
  });
  expect(await db("compact", file, join(folder, "kept.db"))).toMatch(/kept\.db: \d+ bytes instead of \d+\n$/);
  const shown = steady(await db("log", join(folder, "kept.db")));
  expect(shown).toMatch(/^DATE {2}UUID8 {2}tenet \(pid N\) tenet db\n {2}\+ Root[^]*n: \[\] → 3\n$/);
  expect(await db("compact", file, "--drop-history")).toMatch(/t\.db: \d+ bytes instead of \d+\n$/);
  expect(steady(await db("log", file))).toBe("DATE  UUID8  compacted: what made these 1 row is not kept\n");
  expect(steady(await db("log", file, "--row", "a b"))).toMatch(/what made these rows is not kept\n {2}\+ Root "a b" .*n=3/);
});

test("schema, list and convert --check tell the form of databases", async () => {
  await using scope = new Scope();
  const { folder, db } = setUp(scope);
  const { remote } = await serve(scope, folder, join(folder, "t.db"));
  expect(await db("list", remote)).toBe("T 1.0.0\n");
  const text = "T 1.0.0: 2 tables\nRoot  5 columns  index name\nKid   1 column               collected\n";
  expect(await db("schema", remote)).toBe(text);
  expect(await db("schema", join(folder, "t.db"))).toBe(text);
  writeFileSync(join(folder, "copy.ovsschema"), await db("schema", remote, "-o", "json"));
  expect(await db("convert", join(folder, "t.db"), join(folder, "copy.ovsschema"), "--check")).toBe("no\n");
  expect(await db("convert", join(folder, "t.db"), "OVN_Northbound", "--check")).toBe("yes\n");
});

test("the file of a cluster's member is named as such", async () => {
  await using scope = new Scope();
  const { folder, db } = setUp(scope);
  const file = join(folder, "c.db");
  writeFileSync(file, "OVSDB CLUSTER 10 0123456789012345678901234567890123456789\n{}");
  await expect(db("dump", file)).rejects.toMatchObject({
    message: `Cannot read database file "${file}": it belongs to a member of a Raft cluster`,
    hint: expect.stringContaining("ovsdb-tool cluster-to-standalone") as string,
  });
});

test("convert says what does not fit", async () => {
  await using scope = new Scope();
  const { folder, db } = setUp(scope);
  const file = join(folder, "t.db");
  await db("create", file, join(folder, "t.ovsschema"));
  await db("transact", file, INSERT);
  const columns = { name: { type: { key: { type: "string", maxLength: 2 } } } };
  const strict = { name: "T", version: "2.0.0", tables: { Root: { isRoot: true, columns } } };
  writeFileSync(join(folder, "strict.ovsschema"), JSON.stringify(strict));
  await expect(db("convert", file, join(folder, "strict.ovsschema"))).rejects.toThrow(
    'Cannot bring the rows under T 2.0.0: "a b" length 3 is greater than maximum allowed length 2',
  );
  columns.name.type.key.maxLength = 3;
  writeFileSync(join(folder, "strict.ovsschema"), JSON.stringify(strict));
  expect(await db("convert", file, join(folder, "strict.ovsschema"))).toBe(`${file}: now T 2.0.0\n`);
  expect(await db("log", file)).toMatch(/ {4}converted to schema version 2\.0\.0\n {2}\+ Root/);
});

test("backup, a change, and restore give the rows as they were", async () => {
  await using scope = new Scope();
  const { folder, db } = setUp(scope);
  const { remote } = await serve(scope, folder, join(folder, "t.db"));
  const kid = `{"op": "insert", "table": "Kid", "uuid-name": "k", "row": {}}`;
  await db(
    "transact",
    remote,
    `[${kid}, {"op": "insert", "table": "Root", "row": {"name": "kept", "kids": ["named-uuid", "k"]}}]`,
  );
  await db("transact", remote, INSERT);
  const before = await db("dump", remote, "-o", "json");
  expect(await db("backup", remote, join(folder, "b.db"))).toBe(`3 rows in ${join(folder, "b.db")}\n`);
  await db("transact", remote, `[{"op": "insert", "table": "Root", "row": {"name": "new"}}]`);
  await db(
    "transact",
    remote,
    `[{"op": "update", "table": "Root", "where": [["name", "==", "kept"]], "row": {"n": 7, "kids": ["set", []]}}]`,
  );
  await db("transact", remote, `[{"op": "delete", "table": "Root", "where": [["name", "==", "a b"]]}]`);
  expect(await db("dump", remote, "-o", "json")).not.toBe(before);
  expect(await db("restore", remote, join(folder, "b.db"))).toBe(`3 rows from ${join(folder, "b.db")}\n`);
  expect(await db("dump", remote, "-o", "json")).toBe(before);
  await db("create", join(folder, "nb.db"), "OVN_Northbound");
  await expect(db("restore", remote, join(folder, "nb.db"), "--database", "T")).rejects.toThrow(/its schema is OVN_Northbound/);
});

test.each([
  [[], [/^Root: 1 row\n.*\n.* "a b" {2}\{k=v\}\n\n$/, /^insert Root later \(.{8}\): name=later\n$/]],
  [
    ["-o", "json"],
    [/^\{"table":"Root",.*"new":\{.*"a b"/, /^\{"table":"Root",.*"new":\{.*"later"/],
  ],
  [["--watch"], [/^<clear>Root: 1 row\n/, /^<clear>Root: 2 rows\n[^]*later/]],
])("monitor %j shows the rows, and then what changes", async (flags, expected) => {
  await using scope = new Scope();
  const { folder, db } = setUp(scope);
  const { remote } = await serve(scope, folder, join(folder, "t.db"));
  await db("transact", remote, INSERT);
  const stop = new AbortController();
  const texts: string[] = [];
  await run(["monitor", remote, ...flags], stop.signal, (text) => {
    if (texts.push(text) === 2) stop.abort();
    else void db("transact", remote, `[{"op": "insert", "table": "Root", "row": {"name": "later"}}]`);
  });
  expect(texts.map((text) => text.replace("\u001b[H\u001b[J", "<clear>"))).toEqual(
    expected.map((pattern) => expect.stringMatching(pattern)),
  );
});

test("errors tell what was wrong and what there is", async () => {
  await using scope = new Scope();
  const { folder, db } = setUp(scope);
  const { remote } = await serve(scope, folder, join(folder, "t.db"));
  await expect(db("dump", remote, "Rot")).rejects.toMatchObject({
    message: 'T has no table "Rot"',
    hint: 'did you mean "Root"?',
  });
  await expect(db("dump", remote, "--database", "U")).rejects.toMatchObject({ hint: "It has T" });
  await expect(db("dump", `unix:${folder}/none`)).rejects.toThrow(/^Cannot connect to "unix:.*none": .*ENOENT/);
  await expect(db("transact", remote, "{")).rejects.toThrow(/^Cannot read the operations: /);
  await expect(db("transact", remote, `[{"op": "delete", "table": "X", "where": []}]`)).rejects.toThrow(
    /^The transaction was refused at operation 1 \(delete\): syntax error: .*No table named X/,
  );
  await expect(db("create", join(folder, "x.db"), join(folder, "none"))).rejects.toThrow(/^Cannot read schema/);
  await expect(db("transact", join(folder, "t.db"), INSERT)).rejects.toThrow(/this process \(pid \d+\) has it open/);
});

test("types are those that rows have in memory", async () => {
  await using scope = new Scope();
  const { folder, db } = setUp(scope);
  const text = await db("types", join(folder, "t.ovsschema"));
  expect(text).toContain(
    "export interface RootRow {\n  readonly _uuid: string;\n  readonly _version: string;\n  readonly name: string;",
  );
  expect(text).toContain(
    "  /** One or none. */\n  readonly n: readonly (number | bigint)[];\n  readonly m: ReadonlyMap<string, string>;",
  );
  expect(text).toContain(
    '  /** Uuids of Kid. */\n  readonly kids: readonly string[];\n  readonly color: readonly ("green" | "red")[];',
  );
  expect(text).toContain("export interface RootInput {\n  readonly name?: string | undefined;");
  expect(text).toContain("  readonly kids?: SetInput<UuidInput> | undefined;");
  expect(text).toContain("  readonly Root: { readonly row: RootRow; readonly input: RootInput; readonly immutable: never };");
  expect(text).toContain("export const T: TypedSchema<TTables> = typedSchema({");
  expect(await db("types", OVN_NORTHBOUND.name)).toContain("export interface LogicalSwitchRow {");
});

test("the types that the library is tested with are those that are written today", async () => {
  await using scope = new Scope();
  const { folder, db } = setUp(scope);
  const fixture = readFileSync(new URL("../../ovsdb/test/support/fixture-types.ts", import.meta.url), "utf8");
  const [, literal = ""] = /= typedSchema\((.*)\);/s.exec(fixture) ?? [];
  const schema = (new Function(`return ${literal}`) as () => Json)();
  writeFileSync(join(folder, "fixture.ovsschema"), JSON.stringify(schema));
  const squeezed = (text: string): string => text.replace(/[\s",]/g, "");
  expect(squeezed(await db("types", join(folder, "fixture.ovsschema")))).toBe(squeezed(fixture));
});
