/** Servers of ours and of the original that are active or backup, told by `ovs-appctl`. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import {
  ControlServer,
  Database,
  OvsdbServer,
  Replication,
  replicationCommands,
  type SchemaSource,
  toSchema,
} from "@tenet/ovsdb";
import { expect } from "vitest";
import { rawClient, SCHEMA, temporaryFolder } from "./fixtures.ts";
import { backgroundPeer, peer, waitForSocket } from "./peers.ts";
import { ask } from "./relay.ts";

/** What they take. */
export const PAIR_PEERS = ["ovsdb-server", "ovsdb-tool", "ovs-appctl"] as const;

/** A server of either kind, that can be told its role by `ovs-appctl`. */
export interface Member {
  readonly address: string;
  appctl(command: string, ...args: string[]): Promise<string>;
  kill(): Promise<void>;
}

/** Starts one, with options of the command line. */
export type Start = (scope: Scope, ...options: readonly string[]) => Promise<Member>;

/** The original's, of a schema. */
export const originalOf =
  (schemaJson: SchemaSource | Json): Start =>
  async (scope, ...options) => {
    const folder = temporaryFolder(scope);
    const [file, schema, socket, control] = ["t.db", "t.ovsschema", "db.sock", "ctl"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
      string,
    ];
    writeFileSync(schema, JSON.stringify(toSchema(schemaJson).json));
    await peer(folder, "ovsdb-tool", "create", file, schema);
    const running = scope.use(new Scope());
    backgroundPeer(
      running,
      folder,
      "ovsdb-server",
      `--remote=punix:${socket}`,
      `--unixctl=${control}`,
      "--log-file=/dev/null",
      ...options,
      file,
    );
    await waitForSocket(socket);
    return {
      address: `unix:${socket}`,
      appctl: (...command) => peer(folder, "ovs-appctl", "-t", control, ...command),
      kill: () => running[Symbol.asyncDispose](),
    };
  };

/** Ours, of a schema. */
export const ownOf =
  (schema: SchemaSource | Json): Start =>
  async (scope, ...options) => {
    const folder = temporaryFolder(scope);
    const running = scope.use(new Scope());
    const database = running.use(await Database.open({ schema, file: join(folder, "t.db") }));
    const server = running.use(new OvsdbServer([database], silentLogger));
    const replication = running.use(new Replication(server, { maxBackoffMs: 200 }));
    const flags = new Map(options.map((option) => option.split("=") as [string, string | undefined]));
    replication.activeServer = flags.get("--sync-from");
    await replication.setExcludedTables(flags.get("--sync-exclude-tables") ?? "");
    if (replication.activeServer !== undefined && !flags.has("--active")) await replication.connect();
    const control = join(folder, "ctl");
    await running.use(new ControlServer(replicationCommands(replication), silentLogger)).listen(control);
    const address = await server.listen(`punix:${join(folder, "db.sock")}`);
    return {
      address,
      appctl: (...command) => peer(folder, "ovs-appctl", "-t", control, ...command),
      kill: () => running[Symbol.asyncDispose](),
    };
  };

/** Those of the tests' schema. */
export const [original, own]: readonly [Start, Start] = [originalOf(SCHEMA), ownOf(SCHEMA)];

/** All rows of all tables, in one order. */
export async function contentOf(
  scope: Scope,
  { address }: Member,
  tables: readonly string[] = ["Root", "Kid", "Few"],
): Promise<string> {
  const client = rawClient(scope, address);
  const { result: schema } = await client.call("get_schema", ["T"]);
  const columnsOf = (table: string) =>
    Object.keys((schema as { tables: { [name: string]: { columns: object } } }).tables[table]?.columns ?? {});
  const lines: string[] = [];
  for (const table of tables) {
    const select = { op: "select", table, where: [], columns: ["_uuid", ...columnsOf(table).toSorted()] };
    const [{ rows }] = (await ask(client, select)) as unknown as [{ rows: { [column: string]: Json }[] }];
    lines.push(
      ...rows.map((row) => `${table} ${JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))}`).toSorted(),
    );
  }
  client.close();
  return lines.join("\n");
}

/** Resolves when a backup has what its active server has. */
export function replicates(member: Member): Promise<void> {
  return expect.poll(() => member.appctl("ovsdb-server/sync-status"), { timeout: 10_000 }).toContain("replicating: ");
}
