/** The control socket of the databases of a `tenet up`: what `ovs-appctl -t ovsdb-server` asks there. */
import type { Logger, Scope } from "@tenet/kit";
import { command, OvsdbServer } from "@tenet/ovsdb";
import { openControl } from "@tenet/switch";
import type { Home } from "../config.ts";
import { formatMemory } from "../daemon/daemon-commands.ts";
import { databaseCommands } from "../ovsdb-server/commands.ts";
import { DatabaseDaemon } from "../ovsdb-server/database-daemon.ts";
import { measureMemory } from "../ovsdb-server/memory.ts";
import { PROGRAM } from "../ovsdb-server/settings.ts";
import { VERSION_LINE } from "../ovsdb-server/settings.ts";
import { type Databases, identify } from "./databases.ts";

/**
 * Answers the commands `ovsdb-server/…` until the scope closes. Remotes and databases that they add are served beside the
 * three sockets; what they remove, these serve still.
 *
 * @throws IoError when the run folder cannot be written
 */
export async function openDatabaseControl(home: Home, databases: Databases, log: Logger, scope: Scope): Promise<void> {
  const server = new OvsdbServer([], log, { identify, socketFolder: home.runDir });
  const daemon = scope.use(new DatabaseDaemon(server, log));
  for (const { database } of [databases.nb, databases.sb, databases.vswitch]) await daemon.adopt(database);
  const commands = [
    command("version", "", [0, 0], () => VERSION_LINE),
    command("memory/show", "", [0, 0], async () => formatMemory(await measureMemory(daemon))),
    ...databaseCommands(daemon),
  ];
  await openControl(PROGRAM, home.runDir, commands, scope, log);
}
