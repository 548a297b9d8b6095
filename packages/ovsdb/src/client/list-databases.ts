/** Asks a server which databases it has: one connection, one question. */
import { IoError, messageOf, silentLogger } from "@tenet/kit";
import { isJsonArray } from "../model/sorted-json.ts";
import { JsonRpcConnection } from "../rpc/json-rpc-connection.ts";
import { openSocket } from "./open-socket.ts";

/**
 * The names of a server's databases, without `_Server`.
 *
 * @param remote - `unix:PATH` or `tcp:HOST:PORT`
 * @throws BadRemoteError, ConnectionLostError; IoError when nobody answers there: this does not try again
 */
export async function listDatabases(remote: string, signal: AbortSignal): Promise<string[]> {
  const socket = await openSocket(remote, undefined, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw error instanceof Error && "syscall" in error
      ? new IoError(`Cannot connect to "${remote}": ${messageOf(error)}`, {
          hint: "Check that a server listens there",
          cause: error,
        })
      : error;
  });
  const handler = { request: () => undefined, notification: () => undefined, closed: () => undefined };
  const connection = new JsonRpcConnection(socket, handler, silentLogger);
  const close = () => connection.close();
  signal.addEventListener("abort", close, { once: true });
  try {
    const names = await connection.request("list_dbs", []);
    return isJsonArray(names) ? names.filter((name): name is string => typeof name === "string" && name !== "_Server") : [];
  } finally {
    signal.removeEventListener("abort", close);
    close();
  }
}
