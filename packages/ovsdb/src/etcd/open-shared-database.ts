/** Opens a database that lives in an etcd cluster. */
import { randomUUID } from "node:crypto";
import { type Clock, type Json, type Logger, silentLogger } from "@tenet/kit";
import type { HistoryLimits } from "../engine/history.ts";
import { type SchemaSource, toSchema } from "../model/parse-schema.ts";
import { stringifySorted } from "../model/sorted-json.ts";
import type { TlsFiles } from "../rpc/tls-files.ts";
import { type LogLimits, SharedDatabase } from "../shared/shared-database.ts";
import { snapshotText } from "../shared/shared-record.ts";
import { EtcdLog } from "./etcd-log.ts";
import { parseStorage } from "./storage-address.ts";

/** How to open a database in etcd. */
export interface SharedDatabaseOptions {
  /** What the database begins with when it is not there yet. */
  readonly schema: SchemaSource | Json;
  /** `etcd:HOST:PORT,HOST:PORT/PREFIX`. */
  readonly storage: string;
  /** For `https` endpoints. */
  readonly tls?: TlsFiles;
  /** After this time without an answer of the cluster transactions fail. Default 5 s. */
  readonly timeoutMs?: number;
  readonly logLimits?: LogLimits;
  readonly historyLimits?: HistoryLimits;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/**
 * Opens a database in etcd, or begins it. It has the schema that it was begun with or converted to last, whichever is given.
 *
 * @throws BadStorageError, EtcdError, IoError
 * @example
 * const nb = await openSharedDatabase({ schema: OVN_NORTHBOUND, storage: "etcd:10.0.0.1:2379,10.0.0.2:2379/tenet" });
 */
export async function openSharedDatabase(options: SharedDatabaseOptions): Promise<SharedDatabase> {
  const schema = toSchema(options.schema);
  const log = (options.log ?? silentLogger).child({ database: schema.name });
  const firstSnapshot = [...snapshotText(schema, randomUUID(), new Map(), [])].join("");
  const { storage, tls, timeoutMs } = options;
  const address = parseStorage(storage);
  const opened = await EtcdLog.open({ address, tls, database: schema.name, firstSnapshot, log, timeoutMs });
  try {
    const database = new SharedDatabase({ ...options, log, sharedLog: opened.log, start: opened.start });
    if (stringifySorted(database.schema.json) !== stringifySorted(schema.json)) {
      log.warn(
        { storage, given: schema.version, kept: database.schema.version },
        "database in etcd has another schema, which stays",
      );
    }
    return database;
  } catch (error) {
    await opened.log.close();
    throw error;
  }
}
