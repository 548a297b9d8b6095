/** How a relay is named where a database file could stand: `relay:DATABASE:REMOTE[,REMOTE...]`. */
import { BadRemoteError } from "../rpc/bad-remote-error.ts";
import { parseConnectRemote } from "../rpc/remote.ts";

/** Which database, and where from. */
export interface RelaySource {
  readonly database: string;
  /** Tried in turn; at least one. */
  readonly remotes: readonly string[];
}

/** Whether a database argument names a relay rather than a file. */
export function isRelay(argument: string): boolean {
  return argument.startsWith("relay:");
}

/** Reads `relay:DATABASE:REMOTE[,REMOTE...]`. @throws BadRemoteError */
export function parseRelay(argument: string): RelaySource {
  const [, database, list] = /^relay:([^:]+):(.+)$/.exec(argument) ?? [];
  if (database === undefined || list === undefined) {
    throw new BadRemoteError(`Cannot relay "${argument}"`, {
      hint: "Use relay:DATABASE:REMOTE, several remotes with commas between",
    });
  }
  const remotes = list.split(",");
  for (const remote of remotes) parseConnectRemote(remote);
  return { database, remotes };
}
