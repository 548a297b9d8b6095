/** The three databases of a Tenet, in files of the state folder and served on its sockets. */
import { mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { IoError, type Logger, messageOf, type Scope } from "@tenet/kit";
import { peerCredentials, processName } from "@tenet/linux";
import {
  type ClientIdentity,
  Database,
  type DatabaseEngine,
  OPEN_VSWITCH,
  OVN_NORTHBOUND,
  OVN_SOUTHBOUND,
  openSharedDatabase,
  OvsdbServer,
  type SchemaJson,
  type TlsFiles,
} from "@tenet/ovsdb";
import type { Home } from "../config.ts";

/** An etcd cluster that databases live in. */
export interface SharedStorage {
  /** `etcd:HOST:PORT,HOST:PORT/PREFIX`. */
  readonly storage: string;
  /** For `https` endpoints. */
  readonly tls?: TlsFiles;
}

/** A served database. */
export interface Served {
  readonly database: DatabaseEngine;
  /** Serves it on its socket. */
  readonly server: OvsdbServer;
  /** `unix:PATH`, for clients. */
  readonly remote: string;
}

/** How the databases are opened. */
export interface OpenOptions {
  /** Where the northbound and southbound databases are instead of in files; Open_vSwitch is of one host. */
  readonly shared?: SharedStorage;
  /** What their servers answer to `get_server_id`. */
  readonly serverId?: string;
}

/** The databases of a Tenet. */
export interface Databases {
  readonly nb: Served;
  readonly sb: Served;
  /** Open_vSwitch, on `db.sock`. */
  readonly vswitch: Served;
}

/** Makes the state folder. @throws IoError */
export function makeFolders(home: Home): void {
  try {
    mkdirSync(home.runDir, { recursive: true });
  } catch (error) {
    throw new IoError(`Cannot make the state folder "${home.path}": ${messageOf(error)}`, {
      hint: "Choose a folder that may be written with TENET_HOME",
      cause: error,
    });
  }
}

/**
 * Opens and serves them until the scope closes.
 *
 * @throws DatabaseLockedError, IoError, BadStorageError, EtcdError
 */
export async function openDatabases(home: Home, log: Logger, scope: Scope, options: OpenOptions = {}): Promise<Databases> {
  const { shared, serverId } = options;
  const open = async (name: string, schema: SchemaJson, storage: SharedStorage | undefined): Promise<Served> => {
    const file = join(home.path, `${name}.db`);
    const part = log.child({ part: name });
    const database = scope.use(
      storage === undefined ? await Database.open({ schema, file }) : await openSharedDatabase({ schema, ...storage, log: part }),
    );
    const server = scope.use(new OvsdbServer([database], part, { identify, ...(serverId === undefined ? {} : { serverId }) }));
    return { database, server, remote: await server.listen(`punix:${join(home.runDir, `${name}.sock`)}`) };
  };
  const nb = await open("nb", OVN_NORTHBOUND, shared);
  const sb = await open("sb", OVN_SOUTHBOUND, shared);
  const vswitch = await open("db", OPEN_VSWITCH, undefined);
  await makeRoot(vswitch.database, "Open_vSwitch");
  await makeRoot(nb.database, "NB_Global");
  return { nb, sb, vswitch };
}

/** The one row that clients take for granted; another server may be making it too. */
async function makeRoot(database: DatabaseEngine, table: string): Promise<void> {
  if (database.table(table).size > 0) return;
  const isEmpty = { op: "wait", timeout: 0, table, where: [], columns: [], until: "==", rows: [] };
  await database.transact([isEmpty, { op: "insert", table, row: {} }], { remote: "tenet" });
}

/** Who is behind a unix socket, so that history can tell who wrote a row. */
export function identify(socket: Socket): ClientIdentity {
  const fd = descriptorOf(socket);
  if (process.platform !== "linux" || fd === undefined) return { remote: "" };
  const { pid, uid } = peerCredentials(fd);
  const name = processName(pid);
  return { remote: "", pid, uid, ...(name === undefined ? {} : { process: name }) };
}

/** Node has no public way to a socket's descriptor. */
function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as { _handle?: { fd?: unknown } | null };
  return typeof handle?.fd === "number" && handle.fd >= 0 ? handle.fd : undefined;
}
