/** The commands of a database daemon for `ovs-appctl`. @see ovsdb-server(1), "Runtime Management Commands" */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { ArgumentError, type Command, command } from "@tenet/ovsdb";
import { type DatabaseDaemon, DaemonError } from "./database-daemon.ts";

/** The commands `ovsdb-server/…`. */
export function databaseCommands(daemon: DatabaseDaemon): Command[] {
  let trims = false;
  const quietly =
    (act: (first: string) => void | Promise<void>) =>
    async ([first = ""]: readonly string[]): Promise<string> => {
      await act(first);
      return "";
    };
  const change = (act: (first: string) => Promise<void>) =>
    quietly((first) => {
      daemon.checkChangeable();
      return act(first);
    });
  return [
    command(
      "ovsdb-server/add-db",
      "DB",
      [1, 1],
      change((file) => daemon.addFile(file)),
    ),
    command(
      "ovsdb-server/remove-db",
      "DB",
      [1, 1],
      change((name) => daemon.removeDatabase(name)),
    ),
    command("ovsdb-server/list-dbs", "", [0, 0], () => daemon.databaseNames.join("\n")),
    command(
      "ovsdb-server/add-remote",
      "REMOTE",
      [1, 1],
      change((remote) => daemon.addRemote(remote)),
    ),
    command(
      "ovsdb-server/remove-remote",
      "REMOTE",
      [1, 1],
      change((remote) => daemon.removeRemote(remote)),
    ),
    command("ovsdb-server/list-remotes", "", [0, 0], () => daemon.remotes.join("\n")),
    command(
      "ovsdb-server/reload",
      "",
      [0, 0],
      quietly(() => daemon.reload()),
    ),
    command(
      "ovsdb-server/reconnect",
      "",
      [0, 0],
      quietly(() => daemon.server.reconnect("user request")),
    ),
    command(
      "ovsdb-server/disable-monitor-cond",
      "",
      [0, 0],
      quietly(() => daemon.server.disableConditions()),
    ),
    command("ovsdb-server/compact", "", [0, 1], async ([name]) => {
      await daemon.compact(name);
      if (trims) collectGarbage();
      return "";
    }),
    command(
      "ovsdb-server/memory-trim-on-compaction",
      "on|off",
      [1, 1],
      quietly((word) => {
        if (word !== "on" && word !== "off") throw new ArgumentError("invalid argument");
        trims = word === "on";
      }),
    ),
    command("ovsdb-server/get-db-storage-status", "DB", [1, 1], ([name = ""]) => {
      const database = daemon.find(name);
      if (database === undefined) throw new DaemonError("Failed to find the database.");
      return database.status.isConnected ? "status: ok" : "status: the cluster cannot be reached";
    }),
    // The original counts processor events here, where the kernel lets it.
    command("ovsdb-server/perf-counters-show", "", [0, 0], () => "performance counter is not supported on this platform"),
    command("ovsdb-server/perf-counters-clear", "", [0, 0], () => ""),
  ];
}

/** Gives memory back to the system, once. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
}
