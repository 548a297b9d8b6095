/** Connects a replica over node's sockets. */
import { toSchema } from "../model/parse-schema.ts";
import { BadRemoteError } from "../rpc/bad-remote-error.ts";
import { parseConnectRemote } from "../rpc/remote.ts";
import type { TlsFiles } from "../rpc/tls-files.ts";
import type { ConnectOptions, FollowOptions } from "./connect-options.ts";
import type { Conditions, WantedTables } from "./follow.ts";
import { openSocket } from "./open-socket.ts";
import { Replica, type Route } from "./replica.ts";
import type { AnyTables, TableMap, TypedSchema } from "./table-forms.ts";

/** For `ssl:` remotes. */
export interface WithTls {
  readonly tls?: TlsFiles;
}

/**
 * Connects to a server or a cluster and follows a database.
 *
 * The first connection is tried until it succeeds or `signal` aborts, so that programs may start in any order.
 *
 * @param remote - `unix:PATH`, `tcp:HOST:PORT` or `ssl:HOST:PORT`; several with commas between: they are tried in turn,
 *   and of a cluster the leader is followed
 * @param schema - what the caller knows of the database; the replica has its types when it carries them
 * @returns a replica that holds the initial content
 * @throws BadRemoteError; OvsdbError when the only server has no such database; the signal's reason
 * @example
 * const nb = await connect("tcp:10.0.0.1:6641,tcp:10.0.0.2:6641", OVN_NORTHBOUND, { tables: ["ACL"] }, signal);
 * nb.onChange((changes) => console.log(changes.length, nb.table("ACL").size));
 */
export async function connect<T extends TableMap = AnyTables>(
  remote: string,
  schema: TypedSchema<T>,
  options: FollowOptions<NoInfer<T>> & WithTls,
  signal: AbortSignal,
): Promise<Replica<T>>;
/** Connects and follows a database of which only the name is known: its rows have no types. */
export async function connect(remote: string, options: ConnectOptions & WithTls, signal: AbortSignal): Promise<Replica>;
export async function connect<T extends TableMap = AnyTables>(
  remote: string,
  ...rest:
    | [schema: TypedSchema<T>, options: FollowOptions<NoInfer<T>> & WithTls, signal: AbortSignal]
    | [options: ConnectOptions & WithTls, signal: AbortSignal]
): Promise<Replica<T>> {
  if (rest.length === 2) {
    const [options, signal] = rest;
    const { database, tables, conditions = {} } = options;
    return Replica.open(routeOf(remote, options), { database, tables, conditions, declared: undefined }, options, signal);
  }
  const [schema, options, signal] = rest;
  const declared = toSchema(schema);
  const tables = options.tables as WantedTables | undefined;
  const conditions = (options.conditions ?? {}) as Conditions;
  return Replica.open(routeOf(remote, options), { database: declared.name, tables, conditions, declared }, options, signal);
}

function routeOf(remote: string, { tls }: WithTls): Route {
  const remotes = remote.split(",").filter((one) => one !== "");
  for (const one of remotes) parseConnectRemote(one);
  if (remotes.length === 0)
    throw new BadRemoteError("Cannot connect: no remote is given", { hint: "Give unix:PATH or tcp:HOST:PORT" });
  return { remotes, dial: (one, signal) => openSocket(one, tls, signal) };
}
