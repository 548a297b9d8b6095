/** The three databases of a Tenet, in files of the state folder and served on its sockets. */
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Logger, Scope } from "@tenet/kit";
import { peerCredentials, processName } from "@tenet/linux";
import {
  type ClientIdentity,
  Database,
  OPEN_VSWITCH,
  OVN_NORTHBOUND,
  OVN_SOUTHBOUND,
  OvsdbServer,
  type SchemaJson,
} from "@tenet/ovsdb";
import type { Home } from "../config.ts";

/** A served database. */
export interface Served {
  readonly database: Database;
  /** `unix:PATH`, for clients. */
  readonly remote: string;
}

/** The databases of a Tenet. */
export interface Databases {
  readonly nb: Served;
  readonly sb: Served;
  /** Open_vSwitch, on `db.sock`. */
  readonly vswitch: Served;
}

/** Opens and serves them until the scope closes. @throws DatabaseLockedError, IoError */
export async function openDatabases(home: Home, log: Logger, scope: Scope): Promise<Databases> {
  const nb = await openDatabase(home, "nb", OVN_NORTHBOUND, log, scope);
  const sb = await openDatabase(home, "sb", OVN_SOUTHBOUND, log, scope);
  const vswitch = await openDatabase(home, "db", OPEN_VSWITCH, log, scope);
  await makeRoot(vswitch.database, "Open_vSwitch");
  await makeRoot(nb.database, "NB_Global");
  return { nb, sb, vswitch };
}

/** The one row that clients take for granted. */
async function makeRoot(database: Database, table: string): Promise<void> {
  if (database.table(table).size > 0) return;
  await database.transact([{ op: "insert", table, row: {} }], { remote: "tenet" });
}

async function openDatabase(home: Home, name: string, schema: SchemaJson, log: Logger, scope: Scope): Promise<Served> {
  const database = scope.use(await Database.open({ schema, file: join(home.path, `${name}.db`) }));
  const server = scope.use(new OvsdbServer([database], log.child({ part: name }), { identify }));
  const remote = await server.listen(`punix:${join(home.runDir, `${name}.sock`)}`);
  return { database, remote };
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
