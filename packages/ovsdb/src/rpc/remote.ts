/** The addresses of connections: `punix:PATH`, `ptcp:PORT[:IP]` to listen, `unix:PATH`, `tcp:HOST:PORT` to connect. */
import type { NetConnectOpts } from "node:net";
import { AppError, checkSocketPath } from "@tenet/kit";

/** An address that cannot be used. */
export class BadRemoteError extends AppError {
  static override readonly code: string = "OVSDB_BAD_REMOTE";
}

/** Where to listen. */
export type ListenAddress = { readonly path: string } | { readonly port: number; readonly host: string };

/**
 * Parses `punix:PATH` or `ptcp:PORT[:IP]`; without an address TCP listens on loopback only.
 *
 * @throws BadRemoteError; IoError when the path is too long for a socket
 */
export function parseListenRemote(remote: string): ListenAddress {
  const [, scheme, rest = ""] = /^(punix|ptcp):(.*)$/.exec(remote) ?? [];
  if (scheme === "punix" && rest !== "") return { path: checkSocketPath(rest) };
  const [, port, host = "127.0.0.1"] = /^(\d+)(?::(.+))?$/.exec(rest) ?? [];
  if (scheme === "ptcp" && port !== undefined && Number(port) < 65536) return { port: Number(port), host: unbracket(host) };
  throw new BadRemoteError(`Cannot listen on "${remote}"`, { hint: "Use punix:PATH or ptcp:PORT[:IP]" });
}

/** Parses `unix:PATH` or `tcp:HOST:PORT`. */
export function parseConnectRemote(remote: string): NetConnectOpts {
  const [, scheme, rest = ""] = /^(unix|tcp):(.*)$/.exec(remote) ?? [];
  if (scheme === "unix" && rest !== "") return { path: checkSocketPath(rest) };
  const [, host, port] = /^(.+):(\d+)$/.exec(rest) ?? [];
  if (scheme === "tcp" && host !== undefined && Number(port) < 65536) return { host: unbracket(host), port: Number(port) };
  throw new BadRemoteError(`Cannot connect to "${remote}"`, { hint: "Use unix:PATH or tcp:HOST:PORT" });
}

function unbracket(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}
