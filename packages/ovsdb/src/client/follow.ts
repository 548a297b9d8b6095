/** What a replica follows: which tables, columns and rows, by which monitor method, from which version on. */
import { AppError, type Json, ProtocolError } from "@tenet/kit";
import { ZERO_UUID } from "../model/atom.ts";
import type { RowChange } from "../model/row.ts";
import type { DatabaseSchema } from "../model/schema.ts";
import { isJsonArray } from "../model/sorted-json.ts";
import { type JsonRpcConnection, RpcError } from "../rpc/json-rpc-connection.ts";
import type { Work } from "../rpc/work.ts";
import { ReplicaTables } from "./replica-tables.ts";

/** Tables, or columns per table. */
export type WantedTables = readonly string[] | { readonly [table: string]: readonly string[] | undefined };

/** Clauses per table; a row is seen when any holds. */
export type Conditions = { readonly [table: string]: readonly Json[] | undefined };

/** What to follow. */
export interface Wanted {
  readonly database: string;
  /** All when absent. */
  readonly tables: WantedTables | undefined;
  readonly conditions: Conditions;
  /** What the caller's types know; the server's schema may lack some of it. */
  readonly declared: DatabaseSchema | undefined;
}

type MonitorMethod = "monitor_cond_since" | "monitor_cond" | "monitor";

/** Best first; an older server refuses what it does not know. */
const METHODS: readonly MonitorMethod[] = ["monitor_cond_since", "monitor_cond", "monitor"];
const EVERYTHING: readonly Json[] = [true];

/** What a replica keeps over reconnections: schema, tables, conditions, the version it has. */
export class Follow {
  readonly tables: ReplicaTables;
  readonly #wanted: Wanted;
  readonly #monitorId: string;
  #schema: DatabaseSchema;
  /** Conditions as they are wanted, as the server was last asked for them, and as it last granted them. */
  #conditions: Conditions;
  #asked: Conditions;
  #granted: Conditions;
  /** The last request for conditions. */
  #asking: Promise<void> = Promise.resolve();
  #version: string = ZERO_UUID;
  #method: MonitorMethod = "monitor_cond_since";

  constructor(schema: DatabaseSchema, wanted: Wanted, monitorId: string) {
    this.#schema = schema;
    this.#wanted = wanted;
    this.#monitorId = monitorId;
    this.#conditions = this.#asked = this.#granted = wanted.conditions;
    this.tables = new ReplicaTables(schema, wanted.declared);
  }

  /** The server's schema. */
  get schema(): DatabaseSchema {
    return this.#schema;
  }

  /** The tables (`Table`) and columns (`Table.column`) that are wanted and that the server's schema lacks. */
  get missing(): string[] {
    const { declared, tables = declared === undefined ? [] : columnsByTable(declared) } = this.#wanted;
    return (isList(tables) ? tables.map((name) => [name, []] as const) : Object.entries(tables)).flatMap(([name, columns]) => {
      const table = this.#schema.tables.get(name);
      if (table === undefined) return [name];
      return (columns ?? []).filter((column) => !table.allColumns.has(column)).map((column) => `${name}.${column}`);
    });
  }

  /** The next start takes everything anew. */
  forget(): void {
    this.#version = ZERO_UUID;
  }

  /**
   * Starts a monitor by the best method the server has.
   *
   * @param schema - of the server; when it is another than before, it is taken over together with the rows
   * @returns what changed against what is there
   */
  async start(connection: JsonRpcConnection, schema: DatabaseSchema = this.#schema): Promise<RowChange[]> {
    // What is missed since a version is told in the terms of the conditions and the schema of that time.
    const conditions = this.#conditions;
    if (conditions !== this.#granted || this.#asked !== this.#granted || schema !== this.#schema) this.forget();
    this.#asked = conditions;
    for (const method of METHODS) {
      try {
        const reply = await connection.request(method, this.#params(method, schema, conditions));
        this.#method = method;
        if (schema !== this.#schema) this.tables.adopt(schema);
        this.#schema = schema;
        this.#granted = conditions;
        return this.#take(method, reply);
      } catch (error) {
        if (!(error instanceof RpcError) || method === "monitor") throw error;
      }
    }
    return [];
  }

  /** Applies a notification in steps, the rows change in the last; those of other monitors are not for us. */
  *updating(method: string, params: Json): Work<RowChange[]> {
    if (!isJsonArray(params) || params[0] !== this.#monitorId) return [];
    const [, second = null, third = null] = params;
    if (method === "update" || method === "update2") return yield* this.tables.applying(second);
    if (method !== "update3") return [];
    const changes = yield* this.tables.applying(third);
    if (typeof second === "string") this.#version = second;
    return changes;
  }

  /** Whether a notification says that the server ended our monitor. */
  isCanceled(method: string, params: Json): boolean {
    return method === "monitor_canceled" && isJsonArray(params) && params[0] === this.#monitorId;
  }

  /**
   * Wants other rows of some tables from now on, of the tables not named the same as before: see {@link askConditions}.
   *
   * @throws AppError for a table that is not followed
   */
  wantConditions(conditions: Conditions): void {
    const followed = new Set(this.#columns(this.#schema).map(([name]) => name));
    const stranger = Object.keys(conditions).find((name) => !followed.has(name));
    if (stranger !== undefined) {
      throw new AppError(`Cannot change the conditions of "${stranger}": the replica does not follow it`, {
        code: "OVSDB_NOT_FOLLOWED",
        hint: "Name it among the tables of connect()",
      });
    }
    this.#conditions = { ...this.#conditions, ...conditions };
  }

  /**
   * Asks for the rows of the wanted conditions, unless the monitor has begun with them.
   *
   * @returns when the server has sent the rows that came and went; they were applied as updates before
   * @throws RpcError when the server refuses a clause: those that it granted before hold then; ConnectionLostError
   */
  async askConditions(connection: JsonRpcConnection): Promise<void> {
    const conditions = this.#conditions;
    if (this.#granted === conditions || this.#method === "monitor") return;
    if (this.#asked !== conditions) this.#asking = this.#ask(conditions, connection);
    await this.#asking;
  }

  async #ask(conditions: Conditions, connection: JsonRpcConnection): Promise<void> {
    const requests = this.#columns(this.#schema)
      .filter(([name]) => conditions[name] !== this.#asked[name])
      .map(([name]): [string, Json] => [name, [{ where: conditions[name] ?? EVERYTHING }]]);
    this.#asked = conditions;
    try {
      await connection.request("monitor_cond_change", [this.#monitorId, this.#monitorId, Object.fromEntries(requests)]);
      this.#granted = conditions;
    } catch (error) {
      if (error instanceof RpcError) this.#conditions = this.#asked = this.#granted;
      throw error;
    }
  }

  #take(method: MonitorMethod, reply: Json): RowChange[] {
    if (method !== "monitor_cond_since") return this.tables.replace(reply);
    if (!isJsonArray(reply)) throw new ProtocolError("Reply to monitor_cond_since is not an array");
    const [isFound, version, updates = null] = reply;
    if (typeof version === "string") this.#version = version;
    return isFound === true ? this.tables.apply(updates) : this.tables.replace(updates);
  }

  #params(method: MonitorMethod, schema: DatabaseSchema, conditions: Conditions): readonly Json[] {
    const requests: { [table: string]: Json } = {};
    for (const [table, columns] of this.#columns(schema)) {
      const where = method === "monitor" ? undefined : conditions[table];
      requests[table] = [{ columns, ...(where === undefined ? {} : { where }) }];
    }
    const params = [this.#wanted.database, this.#monitorId, requests];
    return method === "monitor_cond_since" ? [...params, this.#version] : params;
  }

  /** The tables and columns that are wanted and there. */
  #columns(schema: DatabaseSchema): [string, string[]][] {
    const { declared, tables } = this.#wanted;
    const byTable = tables === undefined || isList(tables) ? columnsByTable(declared ?? schema) : tables;
    const names = tables !== undefined && isList(tables) ? tables : Object.keys(byTable);
    return names.flatMap((name) => {
      const table = schema.tables.get(name);
      if (table === undefined) return [];
      return [[name, (byTable[name] ?? []).filter((column) => table.columns.has(column))]];
    });
  }
}

function columnsByTable({ tables }: DatabaseSchema): { [table: string]: readonly string[] } {
  return Object.fromEntries(Array.from(tables, ([name, { columns }]) => [name, [...columns.keys()]]));
}

function isList(tables: WantedTables): tables is readonly string[] {
  return Array.isArray(tables);
}
