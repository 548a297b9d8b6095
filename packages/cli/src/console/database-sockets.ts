/**
 * Lets pages be OVSDB clients: passes the messages of WebSockets at `/ovsdb/nb`, `/ovsdb/sb` and `/ovsdb/db` to the databases.
 *
 * A WebSocket is not bound by the same-origin policy, so only pages of this server itself are answered; and they may read,
 * and write only where the one who started it said so.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { type Logger, messageOf } from "@tenet/kit";
import { acceptWebSocket, type OvsdbServer } from "@tenet/ovsdb";
import { ForeignRequestError, refuseForeign } from "@tenet/policy";

/** The databases that pages may use, and how. */
export interface PageDatabases {
  /** By the last part of the address. */
  readonly servers: ReadonlyMap<string, OvsdbServer>;
  readonly mayWrite: boolean;
}

/** Answers upgrades. @returns ends all sessions */
export function serveDatabaseSockets(
  http: Server,
  ownName: string,
  { servers, mayWrite }: PageDatabases,
  log: Logger,
): () => void {
  const ends = new Set<() => void>();
  http.on("upgrade", (request, socket, head) => {
    socket.on("error", (error) => log.debug({ err: messageOf(error) }, "page's socket failed"));
    try {
      refuseForeign(request.headers, ownName);
      refuseOtherPages(request);
      const server = servers.get(/^\/ovsdb\/(\w+)$/.exec(request.url ?? "")?.[1] ?? "");
      if (server === undefined) return refuse(socket, "404 Not Found");
      const client = { remote: `ws:${request.socket.remoteAddress}:${request.socket.remotePort}` };
      const end = server.serve(acceptWebSocket(request, socket, head), client, { isReadOnly: !mayWrite });
      ends.add(end);
      socket.on("close", () => ends.delete(end));
    } catch (error) {
      log.warn({ url: request.url, origin: request.headers.origin, err: messageOf(error) }, "page's socket refused");
      refuse(socket, error instanceof ForeignRequestError ? "403 Forbidden" : "400 Bad Request");
    }
  });
  return () => {
    for (const end of ends) end();
  };
}

/** Browsers tell which page asks; programs tell nothing. @throws ForeignRequestError */
function refuseOtherPages({ headers: { origin, host } }: IncomingMessage): void {
  if (origin === undefined || origin === `http://${host}`) return;
  throw new ForeignRequestError(`Databases are not open to pages of "${origin}"`);
}

function refuse(socket: Duplex, status: string): void {
  socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
}
