/**
 * What a server says of itself: whether it serves the database now, leads its cluster, and how far it has come.
 *
 * Servers since 2.9 tell it in their database `_Server`; an older one serves what it serves, and nothing is asked.
 *
 * @see ovsdb-server(5)
 */
import type { Json } from "@tenet/kit";
import { type Datum, isSet } from "../model/datum.ts";
import { OvsdbError } from "../model/ovsdb-error.ts";
import { parseSchema } from "../model/parse-schema.ts";
import type { Row } from "../model/row.ts";
import { isJsonArray } from "../model/sorted-json.ts";
import { type JsonRpcConnection, RpcError } from "../rpc/json-rpc-connection.ts";
import { finish } from "../rpc/work.ts";
import { Follow } from "./follow.ts";

const DATABASE = "_Server";
const MONITOR_ID = "server";

/** The newest state of a cluster that a client has seen, so that it never goes back in time. */
export class Horizon {
  #cluster: Datum | undefined;
  #index = 0;

  /** Whether a member is not behind what was seen; what it has becomes the horizon. */
  reaches(cluster: Datum | undefined, index: number): boolean {
    if (cluster !== this.#cluster) this.#index = 0;
    this.#cluster = cluster;
    if (index < this.#index) return false;
    this.#index = index;
    return true;
  }
}

/** Follows what one server says of one database, over one connection. */
export class Standing {
  readonly #database: string;
  readonly #onlyLeader: boolean;
  readonly #horizon: Horizon;
  #follow: Follow | undefined;
  /** What came in one read with the reply to the monitor, before that was dealt with. */
  #early: [method: string, params: Json][] | undefined;

  constructor(database: string, onlyLeader: boolean, horizon: Horizon) {
    this.#database = database;
    this.#onlyLeader = onlyLeader;
    this.#horizon = horizon;
  }

  /**
   * Begins to follow; the server may then change the database without ending the connection.
   *
   * @throws OvsdbError "unknown database" when the server has no such database
   */
  async start(connection: JsonRpcConnection): Promise<void> {
    if (this.#database === DATABASE) return;
    try {
      const schema = parseSchema(await connection.request("get_schema", [DATABASE]));
      const conditions = { Database: [["name", "==", this.#database]] };
      this.#follow = new Follow(schema, { database: DATABASE, tables: undefined, conditions, declared: undefined }, MONITOR_ID);
      await connection.request("set_db_change_aware", [true]);
      this.#early = [];
      await this.#follow.start(connection);
      for (const [method, params] of this.#early) finish(this.#follow.updating(method, params));
      this.#early = undefined;
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      this.#follow = undefined;
      return;
    }
    if (this.#row() === undefined) throw new OvsdbError("unknown database", `the server has no database ${this.#database}`);
  }

  /** Applies a notification. @returns whether it was about the server */
  update(method: string, params: Json): boolean {
    if (this.#follow === undefined || !isJsonArray(params) || params[0] !== MONITOR_ID) return false;
    if (this.#early === undefined) finish(this.#follow.updating(method, params));
    else this.#early.push([method, params]);
    return true;
  }

  /** Why the server is of no use now; `undefined` when it is, or has yet to say. */
  whyNot(): string | undefined {
    if (this.#follow === undefined || this.#early !== undefined) return undefined;
    const row = this.#row();
    if (row === undefined) return `does not serve ${this.#database}`;
    if (row["connected"] !== true) return `has no connection to the other servers of ${this.#database}`;
    if (row["model"] !== "clustered") return undefined;
    if (this.#onlyLeader && row["leader"] !== true) return "is not the leader";
    if (!this.#horizon.reaches(only(row["cid"]), Number(only(row["index"]) ?? 0))) return "is behind what was already seen";
    return undefined;
  }

  #row(): Row | undefined {
    const rows = this.#follow?.tables.rows("Database").values() ?? [];
    return [...rows].find(({ name }) => name === this.#database);
  }
}

function only(datum: Datum | undefined): Datum | undefined {
  return isSet(datum) ? datum[0] : datum;
}
