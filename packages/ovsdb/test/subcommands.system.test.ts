/** Every subcommand of the original's clients does the same against our server as against the original's. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { Database, OPEN_VSWITCH, OVN_NORTHBOUND, OVN_SOUTHBOUND, OvsdbServer, type SchemaJson } from "@tenet/ovsdb";
import { describe, expect, test } from "vitest";
import { SCHEMA, temporaryFolder } from "./support/fixtures.ts";
import { arePeersInstalled, environment, peer, startOriginalServer } from "./support/peers.ts";
import { type Outcome, readScript, runScript, subcommandsIn } from "./support/subcommand-script.ts";

const VTEP_SCHEMA = "/usr/share/openvswitch/vtep.ovsschema";

interface Case {
  readonly program: string;
  readonly schema: () => SchemaJson | Json;
  readonly options: readonly string[];
}

const CASES: readonly Case[] = [
  { program: "ovs-vsctl", schema: () => OPEN_VSWITCH, options: ["--no-wait"] },
  { program: "ovn-nbctl", schema: () => OVN_NORTHBOUND, options: [] },
  { program: "ovn-sbctl", schema: () => OVN_SOUTHBOUND, options: [] },
  { program: "vtep-ctl", schema: () => JSON.parse(readFileSync(VTEP_SCHEMA, "utf8")) as Json, options: [] },
  { program: "ovsdb-client", schema: () => SCHEMA, options: [] },
];

describe.each(CASES)("$program", ({ program, schema, options }) => {
  const isVtep = program === "vtep-ctl";
  describe.skipIf(!arePeersInstalled(program, "ovsdb-server", "ovsdb-tool") || (isVtep && !existsSync(VTEP_SCHEMA)))(
    "against both",
    () => {
      test("the script has every subcommand that --help lists", () => {
        const help = spawnSync(program, ["--help"], { encoding: "utf8" }).stdout;
        const used = new Set(readScript(program).flatMap((line) => line.split(" ")));
        const missing = subcommandsIn(help).filter((name) => !used.has(name));
        expect(missing).toEqual([]);
      });

      test("every command ends and prints alike, and leaves the same rows", async () => {
        await using scope = new Scope();
        const [ours, theirs] = [await serveOurs(scope, schema()), await serveTheirs(scope, schema())];
        const walk = async ({ folder, remote, name }: Served): Promise<Outcome[]> => {
          const places = { remote, ...schemaFiles(folder, schema()) };
          const address = program === "ovsdb-client" ? [] : [`--db=${remote}`];
          const outcomes = await runScript(program, ["--timeout=10", ...address, ...options], places, environment(folder));
          return [...outcomes, { line: "all rows", code: 0, stdout: [await contentOf(folder, remote, name)], stderr: [] }];
        };
        const [got, expected] = await Promise.all([walk(ours), walk(theirs)]);
        expect(got).toEqual(expected);
        expect(expected.filter(({ code }) => code === 0).length).toBeGreaterThan(expected.length / 2);
      });
    },
  );
});

interface Served {
  readonly folder: string;
  readonly remote: string;
  readonly name: string;
}

async function serveOurs(scope: Scope, schema: SchemaJson | Json): Promise<Served> {
  const folder = temporaryFolder(scope);
  const database = scope.use(await Database.open({ schema, file: join(folder, "ours.db") }));
  const server = scope.use(new OvsdbServer([database], silentLogger));
  return { folder, remote: await server.listen(`punix:${join(folder, "db.sock")}`), name: database.schema.name };
}

async function serveTheirs(scope: Scope, schema: SchemaJson | Json): Promise<Served> {
  const folder = temporaryFolder(scope);
  const file = join(folder, "theirs.db");
  await peer(folder, "ovsdb-tool", "create", file, schemaFiles(folder, schema).schema);
  return { folder, remote: await startOriginalServer(scope, folder, file), name: (schema as { name: string }).name };
}

/** The schema, and a later version of it with one more column. */
function schemaFiles(folder: string, schema: SchemaJson | Json): { schema: string; newer: string } {
  const files = { schema: join(folder, "files", "schema.json"), newer: join(folder, "files", "newer.json") };
  mkdirSync(join(folder, "files"), { recursive: true });
  writeFileSync(files.schema, JSON.stringify(schema));
  const newer = structuredClone(schema) as { version: string; tables: { [name: string]: { columns: { [name: string]: Json } } } };
  newer.version = "9.0.0";
  for (const { columns } of Object.values(newer.tables)) columns["added"] = { type: "string" };
  writeFileSync(files.newer, JSON.stringify(newer));
  return files;
}

/** All rows without uuids, in an order of their own. */
async function contentOf(folder: string, remote: string, name: string): Promise<string> {
  const dump = await peer(folder, "ovsdb-client", "--format=csv", "dump", remote, name);
  const plain = dump.replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>");
  return plain
    .split("\n\n")
    .map((table) => table.split("\n").sort().join("\n"))
    .join("\n\n");
}
