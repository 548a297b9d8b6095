/** The commands of a database server for `ovs-appctl`. */
import { ArgumentError, type Command, command, type DatabaseEngine } from "@tenet/ovsdb";

/** What `version` prints; scripts look for the number of the Open vSwitch it stands in for. */
const VERSION_TEXT = "ovsdb-server (Open vSwitch) 3.1.0";
const BUILT_IN = "_Server";

/**
 * Commands over the databases that are served.
 *
 * @see ovsdb-server(1), section "Runtime Management Commands"
 */
export function databaseCommands(databases: readonly DatabaseEngine[]): Command[] {
  const names = () => databases.map(({ schema }) => schema.name);
  return [
    command("version", "", [0, 0], () => VERSION_TEXT),
    command("ovsdb-server/list-dbs", "", [0, 0], () => [...names(), BUILT_IN].toSorted().join("\n")),
    command("ovsdb-server/compact", "[DB]", [0, 1], async ([name]) => {
      if (name?.startsWith("_") === true) throw new ArgumentError("cannot compact built-in databases");
      const chosen = databases.filter(({ schema }) => name === undefined || schema.name === name);
      if (chosen.length === 0) throw new ArgumentError("no database by that name");
      for (const database of chosen) await database.compact();
      return "";
    }),
  ];
}
