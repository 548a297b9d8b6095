/** Connects a replica over WebSockets, in browsers and wherever else there are some. */
import { toSchema } from "../model/parse-schema.ts";
import { BadRemoteError } from "../rpc/bad-remote-error.ts";
import type { FollowOptions } from "./connect-options.ts";
import type { Conditions, WantedTables } from "./follow.ts";
import { Replica } from "./replica.ts";
import type { AnyTables, TableMap, TypedSchema } from "./table-forms.ts";
import { dialWebSocket, ownWebSocket, type WebSocketClass } from "./web-socket.ts";

/** What to replicate over which WebSockets. */
export interface WebOptions<T extends TableMap> extends FollowOptions<T> {
  /** The class that makes them; the browser's own when absent. */
  readonly WebSocket?: WebSocketClass;
}

/**
 * Connects to a server and follows a database, as `connect` of `@tenet/ovsdb` does over other sockets.
 *
 * @param url - `ws:` or `wss:` URL that passes OVSDB messages on; several with commas between are tried in turn
 * @param schema - what the caller knows of the database; a name alone when nothing
 * @throws BadRemoteError; OvsdbError when the only server has no such database; the signal's reason
 * @example
 * const nb = await connect("ws://127.0.0.1:8089/ovsdb/nb", "OVN_Northbound", { tables: ["ACL"] }, signal);
 */
export async function connect<T extends TableMap = AnyTables>(
  url: string,
  schema: TypedSchema<T> | string,
  options: WebOptions<NoInfer<T>>,
  signal: AbortSignal,
): Promise<Replica<T>> {
  const remotes = url.split(",");
  const wrong = remotes.find((one) => !/^wss?:\/\/./.test(one));
  if (wrong !== undefined)
    throw new BadRemoteError(`Cannot connect to "${wrong}"`, { hint: "Use ws://HOST:PORT/PATH or wss://HOST:PORT/PATH" });
  const declared = typeof schema === "string" ? undefined : toSchema(schema);
  const wanted = {
    database: typeof schema === "string" ? schema : (declared?.name ?? ""),
    tables: options.tables as WantedTables | undefined,
    conditions: (options.conditions ?? {}) as Conditions,
    declared,
  };
  return Replica.open({ remotes, dial: dialWebSocket(options.WebSocket ?? ownWebSocket()) }, wanted, options, signal);
}
