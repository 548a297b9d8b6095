/** The commands of `ovs-appctl` about the role of a server in an active/backup pair. */
import { type Command, command } from "../control/command.ts";
import { NoActiveServerError, type Replication } from "./replication.ts";

/**
 * Commands over the role of a server.
 *
 * @see ovsdb-server(1), section "Active-Backup Commands"
 */
export function replicationCommands(replication: Replication): Command[] {
  return [
    command("ovsdb-server/set-active-ovsdb-server", "", [1, 1], ([remote]) => {
      replication.activeServer = remote === "" ? undefined : remote;
      return "";
    }),
    command("ovsdb-server/get-active-ovsdb-server", "", [0, 0], () => replication.activeServer ?? ""),
    command("ovsdb-server/connect-active-ovsdb-server", "", [0, 0], async () => {
      try {
        await replication.connect();
      } catch (error) {
        // The original answers this, and does not fail.
        if (error instanceof NoActiveServerError) return `${error.message}.`;
        throw error;
      }
      return "";
    }),
    command("ovsdb-server/disconnect-active-ovsdb-server", "", [0, 0], async () => {
      await replication.disconnect();
      return "";
    }),
    command("ovsdb-server/set-active-ovsdb-server-probe-interval", "", [1, 1], ([text = ""]) => {
      if (!/^-?\d+$/.test(text)) return "Invalid probe interval, integer value expected"; // an answer of the original, too
      replication.setProbeInterval(Math.max(Number(text), 0));
      return "";
    }),
    command("ovsdb-server/set-sync-exclude-tables", "", [0, 1], async ([tables = ""]) => {
      await replication.setExcludedTables(tables);
      return "";
    }),
    command("ovsdb-server/get-sync-exclude-tables", "", [0, 0], () => replication.excludedTables),
    command("ovsdb-server/sync-status", "", [0, 0], () => replication.status),
  ];
}
