/**
 * Keeps pages of other sites away from a server that answers on loopback without authentication.
 *
 * Such a page may make a browser send requests here, directly (the Origin header tells) or under a name that it
 * lets point to this machine (the Host header tells). Both are refused.
 */
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { AppError } from "@tenet/kit";

/** A request that a foreign page may have caused. */
export class ForeignRequestError extends AppError {
  static override readonly code: string = "FOREIGN_REQUEST";
}

/**
 * Passes requests of this machine's own pages and of programs; names can be made to point here, addresses cannot.
 *
 * @param ownName - the name or address that the server listens on
 * @throws ForeignRequestError
 */
export function refuseForeign(headers: IncomingHttpHeaders, ownName: string): void {
  const host = (headers.host ?? "").replace(/:\d+$/, "");
  const isOwn = host === "localhost" || host === ownName || isIP(host.replace(/^\[|\]$/g, "")) !== 0;
  if (!isOwn) throw new ForeignRequestError(`Requests for host "${host}" are not answered here`);
  const { origin } = headers;
  if (origin !== undefined && !(URL.canParse(origin) && isLoopback(new URL(origin).hostname))) {
    throw new ForeignRequestError(`Requests from pages of "${origin}" are not answered here`);
  }
}

function isLoopback(name: string): boolean {
  return name === "localhost" || name === "[::1]" || name.startsWith("127.");
}
