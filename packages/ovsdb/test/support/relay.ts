/** Relays of the database `T`, and what their tests ask of them. */
import { join } from "node:path";
import { type Json, Scope, silentLogger } from "@tenet/kit";
import { OvsdbServer, parseRelay, RelayDatabase, type RelayOptions } from "@tenet/ovsdb";
import { expect } from "vitest";
import { type RawClient, rawClient, temporaryFolder } from "./fixtures.ts";

/** A relay of ours that is served. */
export interface Relay {
  readonly database: RelayDatabase;
  readonly server: OvsdbServer;
  /** `unix:PATH`, for clients. */
  readonly address: string;
}

/** An operation that inserts a row of that name. */
export const insert = (name: string): Json => ({ op: "insert", table: "Root", row: { name } });
/** An operation that gives the names of all rows. */
export const names: Json = { op: "select", table: "Root", where: [], columns: ["name"] };

/** Serves our relay of some remotes, until the scope closes. */
export async function relay(scope: Scope, remotes: string, options: RelayOptions = {}): Promise<Relay> {
  const database = new RelayDatabase(parseRelay(`relay:T:${remotes}`), { maxBackoffMs: 100, ...options });
  scope.defer(() => {
    database.close();
    return database.ended;
  });
  const server = scope.use(new OvsdbServer([database], silentLogger));
  const address = await server.listen(`punix:${join(temporaryFolder(scope), "relay.sock")}`);
  return { database, server, address };
}

/** Executes a transaction. @returns its results, or the error of the request */
export async function ask(client: RawClient, ...operations: Json[]): Promise<Json> {
  const { result = null, error = null } = await client.call("transact", ["T", ...operations]);
  return error ?? result;
}

/** Connects as soon as the database is available there. */
export async function available(scope: Scope, address: string): Promise<RawClient> {
  const isAvailable = async () => {
    const client = rawClient(scope, address);
    const { error } = await client.call("get_schema", ["T"]).catch(() => ({ error: "no answer" }));
    return error ?? null;
  };
  await expect.poll(isAvailable, { timeout: 10_000 }).toBeNull();
  return rawClient(scope, address);
}
