/**
 * What a replica holds, over all its connections: it fetches schema and rows when a connection begins, applies what the
 * server then tells, takes over another schema, and tells listeners what changed.
 */
import { AppError, type Json, type Logger, messageOf } from "@tenet/kit";
import { parseSchema } from "../model/parse-schema.ts";
import type { RowChange } from "../model/row.ts";
import { isJsonObject, stringifySorted } from "../model/sorted-json.ts";
import { type JsonRpcConnection, RpcError } from "../rpc/json-rpc-connection.ts";
import { finish, type Work } from "../rpc/work.ts";
import { Follow, type Wanted } from "./follow.ts";
import type { LinkUser } from "./link.ts";
import { toOvsdbError } from "./results.ts";

const MONITOR_ID = "replica";

/** Rows, schema and listeners of a replica. */
export class Content implements LinkUser {
  readonly #wanted: Wanted;
  readonly #log: Logger;
  readonly #listeners = new Set<(changes: readonly RowChange[]) => void>();
  #follow: Follow | undefined;
  /** What came since a monitor was asked for and before its reply was dealt with. */
  #early: [method: string, params: Json][] | undefined;

  constructor(wanted: Wanted, log: Logger) {
    this.#wanted = wanted;
    this.#log = log;
  }

  /** The followed tables. @throws AppError before the first connection */
  get follow(): Follow {
    if (this.#follow === undefined) throw new AppError("The replica is not connected yet");
    return this.#follow;
  }

  /** Calls `listener` after each update was applied. @returns stops it */
  onChange(listener: (changes: readonly RowChange[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async join(connection: JsonRpcConnection): Promise<() => void> {
    const schema = parseSchema(await connection.request("get_schema", [this.#wanted.database]).catch(throwWire));
    const follow = this.#follow ?? new Follow(schema, this.#wanted, MONITOR_ID);
    const before = follow.schema;
    const isSame = stringifySorted(schema.json) === stringifySorted(before.json);
    this.#early = [];
    const changes = await follow.start(connection, isSame ? before : schema);
    if (!isSame || this.#follow === undefined) this.#warnOfMissing(follow);
    this.#follow = follow;
    return () => {
      this.#tell(changes);
      const early = this.#early ?? [];
      this.#early = undefined;
      for (const [method, params] of early) finish(this.notified(method, params, connection));
    };
  }

  *notified(method: string, params: Json, connection: JsonRpcConnection): Work {
    if (this.#early !== undefined) return void this.#early.push([method, params]);
    if (this.#follow === undefined) return;
    if (this.#follow.isCanceled(method, params)) return this.#joinAgain(connection);
    try {
      this.#tell(yield* this.#follow.updating(method, params));
    } catch (error) {
      this.#log.warn({ err: messageOf(error) }, "bad update, reconnecting");
      this.#follow.forget();
      connection.close();
    }
  }

  /** The database is another one now, on the same connection. */
  #joinAgain(connection: JsonRpcConnection): void {
    this.#log.info({}, "the server changed the database, fetching it again");
    this.join(connection).then(
      (inUse) => inUse(),
      (error: unknown) => {
        this.#log.warn({ err: messageOf(error) }, "cannot follow the changed database, reconnecting");
        connection.close();
      },
    );
  }

  #warnOfMissing({ missing, schema }: Follow): void {
    if (missing.length > 0) this.#log.warn({ missing, version: schema.version }, "the server's schema lacks what is asked for");
  }

  #tell(changes: readonly RowChange[]): void {
    if (changes.length === 0) return;
    const listeners = [...this.#listeners];
    for (const listener of listeners) {
      try {
        listener(changes);
      } catch (error) {
        this.#log.error({ err: messageOf(error) }, "change listener failed");
      }
    }
  }
}

/** An error object of the wire becomes an OvsdbError; others stay. */
export function throwWire(error: unknown): never {
  throw error instanceof RpcError && isJsonObject(error.error) ? toOvsdbError(error.error) : error;
}
