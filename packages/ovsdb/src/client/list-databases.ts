/** Asks a server which databases it has: one connection, one question. */
import { AppError, IoError, messageOf, silentLogger } from "@tenet/kit";
import { isJsonArray } from "../model/sorted-json.ts";
import { JsonRpcConnection } from "../rpc/json-rpc-connection.ts";
import type { TlsFiles } from "../rpc/tls-files.ts";
import { openSocket } from "./open-socket.ts";

/**
 * The names of a server's databases, without `_Server`.
 *
 * @param remote - `unix:PATH`, `tcp:HOST:PORT` or `ssl:HOST:PORT`; several with commas between: the first that answers is asked
 * @param tls - for `ssl:` remotes
 * @throws BadRemoteError, ConnectionLostError; IoError when nobody answers there: this does not try again
 */
export async function listDatabases(remote: string, signal: AbortSignal, tls?: TlsFiles): Promise<string[]> {
  const [first = "", ...others] = remote.split(",");
  if (others.length === 0) return askForDatabases(first, signal, tls);
  try {
    return await askForDatabases(first, signal, tls);
  } catch (error) {
    if (!(error instanceof IoError)) throw error;
    return listDatabases(others.join(","), signal, tls);
  }
}

async function askForDatabases(remote: string, signal: AbortSignal, tls: TlsFiles | undefined): Promise<string[]> {
  const socket = await openSocket(remote, tls, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof AppError) throw error;
    throw new IoError(`Cannot connect to "${remote}": ${messageOf(error)}`, {
      hint: "Check that a server listens there",
      cause: error,
    });
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
