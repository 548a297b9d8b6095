/**
 * The switch as a daemon: bridges from a database, OpenFlow and control sockets in a run folder.
 *
 * All its state belongs to one call; it installs no signal handler and never ends the process, so it runs in a
 * worker thread as well as alone.
 */
import { mkdirSync } from "node:fs";
import { kernelObstacle, type MemoryLink } from "@tenet/datapath";
import { type Clock, type Logger, Scope, systemClock, untilAborted } from "@tenet/kit";
import { type Command, connect, type Replica, ServerLock, type TlsFiles } from "@tenet/ovsdb";
import { dummyCommands } from "./control/dummy-commands.ts";
import { logFlows } from "./control/dpctl/log-flows.ts";
import { logFailures } from "./control/log-failures.ts";
import { WarpClock } from "./control/warp-clock.ts";
import { DummyPorts } from "./dummy/dummy-ports.ts";
import { placementCommands } from "./control/placement-commands.ts";
import { switchCommands } from "./control/commands.ts";
import { openControl } from "./control/open-control.ts";
import { DatabaseFollower, FOLLOWED_TABLES, type SwitchDatabase } from "./database/follow-database.ts";
import { Controllers } from "./controller/controllers.ts";
import { LinuxNetwork, NO_NETWORK } from "./tunnel/host-network.ts";
import { BridgeServices } from "./service/bridge-services.ts";
import type { MessageLog } from "./service/message-log.ts";
import { type DatapathKind, describePlacement, openDatapath, SIMULATED } from "./open-datapath.ts";
import { pinNameOf, takeOverInTime } from "./take-over.ts";
import { VirtualSwitch } from "./virtual-switch.ts";

/** What the switch needs to know. */
export interface SwitchConfig {
  /** `unix:PATH` or `tcp:HOST:PORT` of a server with the Open_vSwitch database. */
  readonly database: string;
  /** Folder for sockets and the pid file; made when absent. */
  readonly runDir: string;
  /** Gives the cable for an interface of type `dummy`; a loose one when absent. */
  readonly openMemoryPort?: (name: string) => MemoryLink;
  /** Whether interfaces of every type that has a device are dummies. */
  readonly isAllDummy?: boolean;
  /** Whether no port at all is a device: then the kernel has no part in it, also where that works. */
  readonly isSimulated?: boolean;
  /** Where packets are forwarded: by this process, or by the kernel as far as its program can; `user` when absent. */
  readonly datapath?: DatapathKind;
  /** Whether outer packets of tunnels take the host's routes; they do. */
  readonly hasSystemRoutes?: boolean;
  readonly clock?: Clock;
  /** For a database at an `ssl:` remote. */
  readonly tls?: TlsFiles;
  /** Serves the control commands, and what `countEvents` tells of the switch, until the scope closes; absent: the commands alone, at `<runDir>/ovs-vswitchd.<pid>.ctl`, with a pid file. */
  readonly serveCommands?: (
    commands: readonly Command[],
    countEvents: () => Readonly<Record<string, number>>,
    scope: Scope,
  ) => Promise<void>;
  /** Where OpenFlow messages are written; nowhere when absent. */
  readonly messageLog?: MessageLog;
  /** Called when the bridges are as the database says for the first time. */
  readonly onReady?: () => void;
}

/** How often statistics, timeouts and ageing are looked after. */
const TICK_MS = 500;
const NAME = "ovs-vswitchd";
/** The lock of the switch that works; the original takes the same, so ours and theirs stand by for each other. */
const LOCK = "ovs_vswitchd";

/**
 * Runs the switch until `signal` aborts, or the control command `exit` is given, which leaves flows in the kernel unless `--cleanup`
 * is given with it.
 *
 * Serves `<runDir>/<bridge>.mgmt` and `.snoop` (OpenFlow) and `<runDir>/ovs-vswitchd.<pid>.ctl` (control).
 * Resolves when ports are closed and the last transaction is acknowledged.
 *
 * @throws IoError when the run folder cannot be written
 */
export async function runSwitch(config: SwitchConfig, log: Logger, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const clock = new WarpClock(config.clock ?? systemClock);
  const exit = new AbortController();
  await using scope = new Scope(AbortSignal.any([signal, exit.signal]));
  mkdirSync(config.runDir, { recursive: true });
  const dummies = scope.use(new DummyPorts(clock, config.openMemoryPort));
  const pinName = pinNameOf(config.runDir);
  const datapathOptions = {
    ...(pinName === undefined ? {} : { pinName }),
    onRefusal: (refusal: string) => log.warn({ refusal }, "the kernel refused what it was to forward"),
    clock,
    openMemoryLink: (name: string) => dummies.open(name),
  };
  const probe = config.isSimulated === true || config.isAllDummy === true ? () => SIMULATED : kernelObstacle;
  const { datapath, whyUserSpace } = openDatapath(config.datapath ?? "user", datapathOptions, probe);
  scope.use(datapath);
  clock.onDeparture = () => datapath.keepFlows("time that was stopped or moved by hand");
  const network = config.hasSystemRoutes === false || process.platform !== "linux" ? NO_NETWORK : scope.use(new LinuxNetwork());
  const vswitch = new VirtualSwitch(datapath, clock, network);
  scope.defer(() => vswitch.turns.stop());
  logFlows(vswitch, clock, log);
  logFailures(vswitch, clock, log);
  const services = scope.use(new BridgeServices(vswitch, config.runDir, clock, log, config.messageLog));
  const controllers = scope.use(new Controllers(services, vswitch, clock, log));
  const followers: DatabaseFollower[] = [];
  const warped = (): void => {
    vswitch.tick();
    services.tick();
    for (const follower of followers) follower.tick();
  };
  const commands = [
    ...switchCommands(vswitch, controllers, clock, (leavesFlows) => {
      if (leavesFlows) datapath.leave();
      exit.abort();
    }),
    ...placementCommands(vswitch, whyUserSpace),
    ...dummyCommands(vswitch, dummies, clock, warped),
  ];
  if (config.serveCommands === undefined) await openControl(NAME, config.runDir, commands, scope, log);
  else await config.serveCommands(commands, () => vswitch.countEvents(), scope);
  datapath.start(scope.signal);
  scope.every(TICK_MS, () => {
    vswitch.turns.begin(vswitch.ticking());
    services.tick();
  });
  const tables = { database: "Open_vSwitch", tables: [...FOLLOWED_TABLES], name: "vswitchd", turns: vswitch.turns };
  const options = { ...tables, ...(config.tls === undefined ? {} : { tls: config.tls }) };
  const db = await connect(config.database, options, scope.signal).catch((error: unknown) => {
    if (scope.signal.aborted) return undefined;
    throw error;
  });
  if (db === undefined) return;
  scope.use(db);
  const guarded = await takeTurn(db, log, scope.signal);
  if (guarded === undefined) return;
  const parts = { vswitch, controllers, dummies, isAllDummy: config.isAllDummy === true, runDir: config.runDir };
  const follower = scope.use(new DatabaseFollower(guarded, parts, clock, log));
  followers.push(follower);
  if (process.platform === "linux") datapath.onDeviceChange(() => follower.schedule());
  scope.every(TICK_MS, () => follower.tick());
  await follower.follow();
  takeOverInTime(datapath, vswitch, clock, log, scope);
  config.onReady?.();
  log.info({}, describePlacement(whyUserSpace)); // whoever started us in the background has got the terminal back
  log.info({ nBridges: vswitch.bridges.size, runDir: config.runDir }, "switch ready");
  await untilAborted(scope.signal);
}

/**
 * Waits until no other switch works on the database. Transactions wait again when another one has taken over meanwhile, as
 * after the server was started anew; until then no change of the database is carried out.
 *
 * @returns nothing when `signal` aborts first
 */
async function takeTurn(db: Replica, log: Logger, signal: AbortSignal): Promise<SwitchDatabase | undefined> {
  const lock = new ServerLock(db, LOCK);
  const wait = (): Promise<void> =>
    lock.acquire(() => {
      const text = `another ovs-vswitchd process is running, disabling this process (pid ${process.pid}) until it goes away`;
      log.error({}, text);
    }, signal);
  const transact: SwitchDatabase["transact"] = async (operations) => {
    try {
      return (await db.transact([lock.assertion, ...operations])).slice(1);
    } catch (error) {
      if (!ServerLock.isLost(error)) throw error;
      await wait();
      return transact(operations);
    }
  };
  try {
    await wait();
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
  return {
    get operations() {
      return db.operations;
    },
    table: (name) => db.table(name),
    onChange: (listener) => db.onChange(listener),
    transact,
  };
}
