/**
 * The addresses of connections: `punix:PATH`, `ptcp:PORT[:IP]`, `pssl:PORT[:IP]` to listen, `unix:PATH`,
 * `tcp:HOST:PORT`, `ssl:HOST:PORT` to connect.
 */
import { checkSocketPath } from "@tenet/kit";
import { BadRemoteError } from "./bad-remote-error.ts";

/** A socket's path, or a host and port. */
export type SocketAddress = { readonly path: string } | { readonly port: number; readonly host: string; readonly isTls: boolean };

/** Where TCP listens that no address is given for. */
const LOOPBACK = "127.0.0.1";

/**
 * Parses `punix:PATH`, `ptcp:PORT[:IP]` or `pssl:PORT[:IP]`.
 *
 * @param defaultHost - where TCP listens without an address
 *
 * @throws BadRemoteError; IoError when the path is too long for a socket
 */
export function parseListenRemote(remote: string, defaultHost: string = LOOPBACK): SocketAddress {
  const [, scheme, rest = ""] = /^(punix|ptcp|pssl):(.*)$/.exec(remote) ?? [];
  if (scheme === "punix" && rest !== "") return { path: checkSocketPath(rest) };
  const [, port, host = defaultHost] = /^(\d+)(?::(.+))?$/.exec(rest) ?? [];
  if (scheme !== "punix" && port !== undefined && Number(port) < 65536) {
    return { port: Number(port), host: unbracket(host), isTls: scheme === "pssl" };
  }
  throw new BadRemoteError(`Cannot listen on "${remote}"`, { hint: "Use punix:PATH, ptcp:PORT[:IP] or pssl:PORT[:IP]" });
}

/** Parses `unix:PATH`, `tcp:HOST:PORT` or `ssl:HOST:PORT`. @throws BadRemoteError; IoError */
export function parseConnectRemote(remote: string): SocketAddress {
  const [, scheme, rest = ""] = /^(unix|tcp|ssl):(.*)$/.exec(remote) ?? [];
  if (scheme === "unix" && rest !== "") return { path: checkSocketPath(rest) };
  const [, host, port] = /^(.+):(\d+)$/.exec(rest) ?? [];
  if (scheme !== "unix" && host !== undefined && Number(port) < 65536) {
    return { host: unbracket(host), port: Number(port), isTls: scheme === "ssl" };
  }
  throw new BadRemoteError(`Cannot connect to "${remote}"`, { hint: "Use unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT" });
}

function unbracket(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}
