/**
 * What a worker of `--monitor` leaves to the one that is started when it crashes: the databases, remotes and role that
 * it was given by hand, which the command line does not have. Above all a backup that was made the active server must
 * not come back as a backup, and take over what the old active server has.
 */
import type { Replication } from "@tenet/ovsdb";
import type { DatabaseDaemon } from "./database-daemon.ts";
import type { ServerSettings } from "./settings.ts";

/** The state as text, for the monitor to keep. */
export function carriedState(daemon: DatabaseDaemon, replication: Replication): string {
  const { activeServer: from, excludedTables, isBackup } = replication;
  const sync = { ...(from === undefined ? {} : { from }), excludedTables, isActive: !isBackup };
  return JSON.stringify({ files: daemon.sources, remotes: daemon.remotes, sync });
}

/** The settings of a worker that goes on from such a text. A configuration file says databases and remotes itself. */
export function withCarriedState(settings: ServerSettings, text: string | undefined): ServerSettings {
  if (text === undefined) return settings;
  const { files, remotes, sync } = JSON.parse(text) as {
    readonly files: readonly string[];
    readonly remotes: readonly string[];
    readonly sync: { readonly from?: string; readonly excludedTables: string; readonly isActive: boolean };
  };
  const role = { sync: { from: undefined, ...sync } };
  return settings.configFile === undefined ? { ...settings, files, remotes, ...role } : { ...settings, ...role };
}
