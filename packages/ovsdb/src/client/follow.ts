/** What a replica follows: which tables and columns, by which monitor method, from which version on. */
import { type Json, type Logger, ProtocolError } from "@tenet/kit";
import { ZERO_UUID } from "../model/atom.ts";
import type { RowChange } from "../model/row.ts";
import type { DatabaseSchema } from "../model/schema.ts";
import { isJsonArray } from "../model/sorted-json.ts";
import { type JsonRpcConnection, RpcError } from "../rpc/json-rpc-connection.ts";
import type { TlsFiles } from "../rpc/tls-files.ts";
import { Operations } from "./operations.ts";
import { ReplicaTables } from "./replica-tables.ts";

/** What to replicate, and how. */
export interface ConnectOptions {
  /** The database's name, e.g. `OVN_Northbound`. */
  readonly database: string;
  /** The tables, or the columns per table; all when absent. Tables and columns the server lacks are left out. */
  readonly tables?: readonly string[] | { readonly [table: string]: readonly string[] };
  /** Conditions per table: a row is seen when any clause holds. */
  readonly where?: { readonly [table: string]: readonly Json[] };
  /** For `ssl:` remotes. */
  readonly tls?: TlsFiles;
  /** The caller's name in logs. */
  readonly name?: string;
  readonly log?: Logger;
  /** Longest pause between two attempts to reconnect; the first is 50 ms. Default 2 s. */
  readonly maxBackoffMs?: number;
  /** An idle server is probed after this time, and given up after twice of it. Default 10 s; 0 is never. */
  readonly probeIntervalMs?: number;
}

type MonitorMethod = "monitor_cond_since" | "monitor_cond" | "monitor";

/** Best first; an older server refuses what it does not know. */
const METHODS: readonly MonitorMethod[] = ["monitor_cond_since", "monitor_cond", "monitor"];
const MONITOR_ID = "replica";

/** What a replica keeps over reconnections: schema, tables, the version it has. */
export class Follow {
  readonly schema: DatabaseSchema;
  readonly tables: ReplicaTables;
  readonly operations: Operations;
  readonly #options: ConnectOptions;
  #version: string = ZERO_UUID;

  constructor(schema: DatabaseSchema, options: ConnectOptions) {
    this.schema = schema;
    this.#options = options;
    this.tables = new ReplicaTables(schema);
    this.operations = new Operations(schema);
  }

  /** Starts a monitor by the best method the server has. */
  async start(connection: JsonRpcConnection): Promise<RowChange[]> {
    for (const method of METHODS) {
      try {
        return this.#take(method, await connection.request(method, this.#params(method)));
      } catch (error) {
        if (!(error instanceof RpcError) || method === "monitor") throw error;
      }
    }
    return [];
  }

  /** Applies a notification. */
  update(method: string, params: Json): RowChange[] {
    if (!isJsonArray(params) || params[0] !== MONITOR_ID) return [];
    const [, second = null, third = null] = params;
    if (method === "update" || method === "update2") return this.tables.apply(second);
    if (method !== "update3") return [];
    if (typeof second === "string") this.#version = second;
    return this.tables.apply(third);
  }

  /** The next start takes everything anew. */
  forget(): void {
    this.#version = ZERO_UUID;
  }

  #take(method: MonitorMethod, reply: Json): RowChange[] {
    if (method !== "monitor_cond_since") return this.tables.replace(reply);
    if (!isJsonArray(reply)) throw new ProtocolError("Reply to monitor_cond_since is not an array");
    const [isFound, version, updates = null] = reply;
    if (typeof version === "string") this.#version = version;
    return isFound === true ? this.tables.apply(updates) : this.tables.replace(updates);
  }

  #params(method: MonitorMethod): readonly Json[] {
    const requests: { [table: string]: Json } = {};
    for (const [table, columns] of this.#wanted()) {
      const where = method === "monitor" ? undefined : this.#options.where?.[table];
      requests[table] = [{ columns, ...(where === undefined ? {} : { where }) }];
    }
    const params = [this.#options.database, MONITOR_ID, requests];
    return method === "monitor_cond_since" ? [...params, this.#version] : params;
  }

  #wanted(): [string, string[]][] {
    const { tables } = this.#options;
    const names = tables === undefined ? [...this.schema.tables.keys()] : isList(tables) ? tables : Object.keys(tables);
    return names.flatMap((name) => {
      const table = this.schema.tables.get(name);
      if (table === undefined) return [];
      const columns = tables === undefined || isList(tables) ? [...table.columns.keys()] : (tables[name] ?? []);
      return [[name, columns.filter((column) => table.columns.has(column))]];
    });
  }
}

function isList(tables: NonNullable<ConnectOptions["tables"]>): tables is readonly string[] {
  return Array.isArray(tables);
}
