/** The process that serves: opens what the settings say, tells that it is ready, and ends when it is told to. */
import { randomUUID } from "node:crypto";
import { type Logger, Scope, untilAborted } from "@tenet/kit";
import { type Command, OvsdbServer, type ReplicatedServer, Replication, replicationCommands, type TlsSource } from "@tenet/ovsdb";
import type { Home } from "../config.ts";
import { becomeUser } from "../daemon/become-user.ts";
import { defaultControlPath, openControlSocket } from "../daemon/control-socket.ts";
import { Coverage } from "../daemon/coverage.ts";
import { daemonCommands } from "../daemon/daemon-commands.ts";
import { takePidFile } from "../daemon/pid-file.ts";
import type { WorkerEnd } from "../daemon/program.ts";
import { becomeReady, leave, type Stage } from "../daemon/stages.ts";
import type { Vlog } from "../daemon/vlog/vlog.ts";
import { vlogLogger } from "../daemon/vlog/vlog-logger.ts";
import { identify, makeFolders, openDatabases } from "../up/databases.ts";
import { carriedState, withCarriedState } from "./carried-state.ts";
import { databaseCommands } from "./commands.ts";
import { DatabaseDaemon } from "./database-daemon.ts";
import { measureMemory } from "./memory.ts";
import { runCommand } from "./run-command.ts";
import { PROGRAM, type ServerSettings, type SyncSettings, VERSION_LINE } from "./settings.ts";
import { checkTlsColumns, tlsFilesOf, unknownProtocols } from "./tls-lookup.ts";
import { transactionLogCommands } from "./transaction-log.ts";

const COUNTERS = ["ovsdb_commit", "ovsdb_session", "unixctl_received", "unixctl_replied"];

/** Where a worker runs. */
export interface WorkerPlace {
  readonly settings: ServerSettings;
  readonly stage: Stage;
  readonly home: Home;
  readonly vlog: Vlog;
}

/**
 * Serves until `stop` aborts or the command of `--run` ends.
 *
 * @returns the exit code, and what is to be said about a command that failed
 * @throws AppError when something cannot be opened
 */
export async function runWorker(given: WorkerPlace, stop: AbortController): Promise<WorkerEnd> {
  const settings = withCarriedState(given.settings, given.stage.carried);
  const place = { ...given, settings };
  const { vlog } = place;
  await using scope = new Scope(stop.signal);
  if (settings.daemon.user !== undefined) becomeUser(settings.daemon.user);
  if (settings.usesStateFolder) makeFolders(place.home);
  const { pidFile, overwritesPidFile } = settings.daemon;
  if (pidFile !== undefined) scope.use(takePidFile(pidFile, overwritesPidFile));
  const log = vlogLogger(vlog, "ovsdb_server");
  const coverage = scope.use(new Coverage(COUNTERS));
  const served = await openDaemon(place, coverage, log, scope);
  await openControl(place, served, coverage, log, scope, () => stop.abort());
  becomeReady(place.stage, settings.daemon, vlog);
  vlog.write("ovsdb_server", "info", VERSION_LINE);
  if (settings.run === undefined) {
    await untilAborted(scope.signal);
    return { exitCode: 0 };
  }
  const { exitCode, problem } = await runCommand(settings.run, scope.signal);
  return { exitCode, ...(problem === undefined ? {} : { problem }) };
}

/** What is served, and in which role. */
interface Served {
  readonly daemon: DatabaseDaemon;
  readonly replication: Replication;
}

/** Opens the databases and the remotes. */
async function openDaemon(place: WorkerPlace, coverage: Coverage, log: Logger, scope: Scope): Promise<Served> {
  const { settings, home, vlog } = place;
  const tls = () => tlsFilesOf(settings.tls, (name) => server.database(name));
  const serverId = randomUUID();
  const server: OvsdbServer = new OvsdbServer([], log, {
    identify: (socket) => {
      coverage.count("ovsdb_session");
      return identify(socket);
    },
    tls,
    socketFolder: settings.runDir,
    ...(settings.listensOnAll ? { defaultHost: "0.0.0.0" } : {}),
    serverId,
  });
  const servers = [server];
  const onCommit = () => coverage.count("ovsdb_commit");
  const { configFile, storage } = settings;
  const daemon: DatabaseDaemon = scope.use(new DatabaseDaemon(server, log, { onCommit, configFile, tls }));
  if (settings.usesStateFolder) {
    const files = tls();
    const shared = storage === undefined ? undefined : { storage, ...(files === undefined ? {} : { tls: files }) };
    const { nb, sb, vswitch } = await openDatabases(home, log, scope, { ...(shared === undefined ? {} : { shared }), serverId });
    for (const each of [nb, sb, vswitch]) {
      servers.push(each.server);
      await daemon.adopt(each.database);
    }
  }
  for (const file of new Set(settings.files)) await daemon.addFile(file);
  checkTlsColumns(settings.tls, daemon.find);
  for (const name of unknownProtocols(settings.tls, daemon.find)) {
    vlog.write("stream_ssl", "err", `${name}: SSL protocol not recognized`);
  }
  const replication = await openReplication(settings.sync, inOneRole(server, servers), tls, log, scope);
  for (const remote of settings.remotes) await daemon.addRemote(remote);
  if (settings.configFile !== undefined) await daemon.reload();
  return { daemon, replication };
}

/** Begins in the role that was asked for. */
async function openReplication(
  { from, excludedTables, isActive }: SyncSettings,
  server: ReplicatedServer,
  tls: TlsSource,
  log: Logger,
  scope: Scope,
): Promise<Replication> {
  const replication = scope.use(new Replication(server, { log, tls }));
  replication.activeServer = from;
  if (excludedTables !== undefined) await replication.setExcludedTables(excludedTables);
  if (from !== undefined && !isActive) await replication.connect();
  return replication;
}

/** All servers of the process, the sockets of the state folder too, let clients write or do not. */
function inOneRole(server: OvsdbServer, servers: readonly OvsdbServer[]): ReplicatedServer {
  return {
    serverId: server.serverId,
    get databases() {
      return server.databases;
    },
    setReadOnly: (isReadOnly) => {
      for (const each of servers) each.setReadOnly(isReadOnly);
    },
    onDatabases: (listener) => server.onDatabases(listener),
  };
}

async function openControl(
  { settings, vlog }: WorkerPlace,
  { daemon, replication }: Served,
  coverage: Coverage,
  log: Logger,
  scope: Scope,
  exit: () => void,
): Promise<void> {
  const { unixctl } = settings.daemon;
  if (unixctl === "none") return;
  const path = unixctl === "default" ? defaultControlPath(settings.runDir, PROGRAM, process.pid) : unixctl;
  const memory = () => measureMemory(daemon);
  const commands = [
    ...daemonCommands({ version: VERSION_LINE, vlog, coverage, exit, memory }),
    ...databaseCommands(daemon),
    ...transactionLogCommands(daemon, vlog),
    ...replicationCommands(replication).map((each) =>
      each.name === "ovsdb-server/sync-status" ? { ...each, run: () => daemon.backupStatus ?? replication.status } : each,
    ),
  ];
  const keeping = commands.map(
    (each): Command => ({
      ...each,
      run: async (args) => {
        const reply = await each.run(args);
        leave(carriedState(daemon, replication));
        return reply;
      },
    }),
  );
  await openControlSocket(path, PROGRAM, keeping, coverage, log, scope);
}
