/**
 * The switch as a daemon: bridges from a database, OpenFlow and control sockets in a run folder.
 *
 * All its state belongs to one call; it installs no signal handler and never ends the process, so it runs in a
 * worker thread as well as alone.
 */
import { mkdirSync } from "node:fs";
import { type MemoryLink, UserDatapath } from "@tenet/datapath";
import { type Clock, type Logger, Scope, systemClock, untilAborted } from "@tenet/kit";
import { connect } from "@tenet/ovsdb";
import { switchCommands } from "./control/commands.ts";
import { openControl } from "./control/open-control.ts";
import { DatabaseFollower, FOLLOWED_TABLES } from "./database/follow-database.ts";
import { BridgeServices } from "./service/bridge-services.ts";
import { VirtualSwitch } from "./virtual-switch.ts";

/** What the switch needs to know. */
export interface SwitchConfig {
  /** `unix:PATH` or `tcp:HOST:PORT` of a server with the Open_vSwitch database. */
  readonly database: string;
  /** Folder for sockets and the pid file; made when absent. */
  readonly runDir: string;
  /** Gives the cable for an interface of type `dummy`; a loose one when absent. */
  readonly openMemoryPort?: (name: string) => MemoryLink;
  readonly clock?: Clock;
}

/** How often statistics, timeouts and ageing are looked after. */
const TICK_MS = 500;
/** How often port counters go to the database, and missing devices are tried again. */
const REFRESH_MS = 5000;
const NAME = "ovs-vswitchd";

/**
 * Runs the switch until `signal` aborts, or the control command `exit` is given.
 *
 * Serves `<runDir>/<bridge>.mgmt` and `.snoop` (OpenFlow) and `<runDir>/ovs-vswitchd.<pid>.ctl` (control).
 * Resolves when ports are closed and the last transaction is acknowledged.
 *
 * @throws IoError when the run folder cannot be written
 */
export async function runSwitch(config: SwitchConfig, log: Logger, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const clock = config.clock ?? systemClock;
  const exit = new AbortController();
  await using scope = new Scope(AbortSignal.any([signal, exit.signal]));
  mkdirSync(config.runDir, { recursive: true });
  const datapath = scope.use(
    new UserDatapath({ clock, ...(config.openMemoryPort === undefined ? {} : { openMemoryLink: config.openMemoryPort }) }),
  );
  const vswitch = new VirtualSwitch(datapath, clock);
  const services = scope.use(new BridgeServices(vswitch, config.runDir, clock, log));
  await openControl(
    NAME,
    config.runDir,
    switchCommands(vswitch, clock, () => exit.abort()),
    scope,
    log,
  );
  datapath.start(scope.signal);
  scope.every(TICK_MS, () => vswitch.tick());
  const tables = { database: "Open_vSwitch", tables: [...FOLLOWED_TABLES], name: "vswitchd" };
  const db = await connect(config.database, tables, scope.signal).catch((error: unknown) => {
    if (scope.signal.aborted) return undefined;
    throw error;
  });
  if (db === undefined) return;
  scope.use(db);
  const follower = scope.use(new DatabaseFollower(db, vswitch, () => services.sync(), log));
  datapath.onPortChange(() => follower.schedule());
  if (process.platform === "linux") datapath.onDeviceChange(() => follower.schedule());
  scope.every(REFRESH_MS, () => follower.refresh());
  await follower.follow();
  log.info({ nBridges: vswitch.bridges.size, runDir: config.runDir }, "switch ready");
  await untilAborted(scope.signal);
}
