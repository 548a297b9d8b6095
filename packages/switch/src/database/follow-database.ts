/**
 * Follows the Open_vSwitch database: a change there becomes a change here, and its outcome is written back.
 *
 * Changes that come together are carried out together. `cur_cfg` is written with the last of the
 * outcome, so `ovs-vsctl` without `--no-wait` returns when the bridges and ports are there. Devices that could not
 * be opened are tried again every 5 s, when packet counters are written too, and when a device appears.
 */
import { type Clock, type Logger, messageOf } from "@tenet/kit";
import { DEFAULT_VLAN_LIMIT, MAX_VLAN_LIMIT } from "@tenet/net";
import type { Replica, Row } from "@tenet/ovsdb";
import { NO_IN_BAND } from "../controller/in-band.ts";
import type { Controllers } from "../controller/controllers.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import type { DummyPorts } from "../dummy/dummy-ports.ts";
import { readTls } from "./read/read-controller.ts";
import { Reconciler } from "./reconcile.ts";
import { optionOf } from "./read/row-values.ts";
import { statusOperations } from "./status.ts";
import { readWanted } from "./read/wanted.ts";

/** What the database must offer; a {@link Replica} does. */
export type SwitchDatabase = Pick<Replica, "table" | "operations" | "transact" | "onChange">;

/** Tables and columns that the switch reads. */
export const FOLLOWED_TABLES: readonly string[] = [
  "Open_vSwitch",
  "Bridge",
  "Port",
  "Interface",
  "Mirror",
  "Controller",
  "Manager",
  "SSL",
  "Flow_Table",
];

/** What is kept as the database says. */
export interface SwitchParts {
  readonly vswitch: VirtualSwitch;
  readonly controllers: Controllers;
  readonly dummies: DummyPorts;
  /** Whether interfaces of every type that has a device are dummies. */
  readonly isAllDummy: boolean;
  /** Where the daemons of this machine have their pid files, and sockets of controllers are. */
  readonly runDir: string;
}

const MIN_REFRESH_MS = 5000;
/** Of status columns; the last transaction tells that all is done. */
const OPERATIONS_PER_TRANSACTION = 64;
const DEFAULT_FLOW_LIMIT = 200_000;
const DEFAULT_IDLE_MS = 10_000;

/** Keeps a switch as its database says, and the database informed. */
export class DatabaseFollower {
  readonly #db: SwitchDatabase;
  readonly #parts: SwitchParts;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #reconciler: Reconciler;
  readonly #stopListening: () => void;
  #running: Promise<void> | undefined;
  #isDue = false;
  #isStatisticsDue = false;
  /** Monotonic ms of the last refresh. */
  #refreshedMs: number;
  #isClosed = false;

  constructor(db: SwitchDatabase, parts: SwitchParts, clock: Clock, log: Logger) {
    this.#db = db;
    this.#parts = parts;
    this.#clock = clock;
    this.#refreshedMs = clock.monotonicMs();
    this.#log = log;
    this.#reconciler = new Reconciler(parts.vswitch, parts.dummies, clock, log);
    this.#stopListening = db.onChange(() => this.schedule());
  }

  /** Carries out what the database says now. */
  async follow(): Promise<void> {
    this.schedule();
    await this.#running;
  }

  /** Carries out changes soon. */
  schedule(): void {
    this.#isDue = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#isDue && !this.#isClosed) this.schedule();
    });
  }

  /**
   * Follows controllers, and from time to time writes packet counters and tries again what could not be opened; due
   * every 500 ms.
   */
  tick(): void {
    const { controllers } = this.#parts;
    const isRefreshDue = this.#clock.monotonicMs() - this.#refreshedMs >= this.#refreshPeriodMs;
    if (isRefreshDue) {
      this.#refreshedMs = this.#clock.monotonicMs();
      this.#isStatisticsDue = true;
    }
    if (controllers.tick() || isRefreshDue) this.schedule();
  }

  /** `other_config:stats-update-interval`, which is 5 s at least. */
  get #refreshPeriodMs(): number {
    for (const root of this.#db.table("Open_vSwitch").values()) {
      const wantedMs = Number(optionOf(root, "other_config", "stats-update-interval"));
      if (wantedMs > MIN_REFRESH_MS) return wantedMs;
    }
    return MIN_REFRESH_MS;
  }

  /** Stops; resolves when the last transaction is answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopListening();
    await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    while (this.#isDue && !this.#isClosed) {
      this.#isDue = false;
      const hasStatistics = this.#isStatisticsDue;
      this.#isStatisticsDue = false;
      try {
        await this.#runOnce(hasStatistics);
      } catch (error) {
        if (error instanceof Error && error.name === "AbortError") return; // the switch ends
        this.#parts.vswitch.counts.txn_error++;
        this.#log.warn({ error: messageOf(error) }, "status not written");
      }
    }
  }

  async #runOnce(hasStatistics: boolean): Promise<void> {
    const { vswitch, controllers, runDir } = this.#parts;
    const { turns } = vswitch;
    const seen = this.#snapshot();
    const roots = [...seen("Open_vSwitch").values()];
    applyGlobals(vswitch, roots);
    vswitch.counts.bridge_reconfigure++;
    const wanted = await turns.run(readWanted(seen, this.#parts));
    await turns.run(this.#reconciler.applying(wanted));
    // Flows that are being restored are not for controllers to see.
    const bridges = this.#reconciler.bridges.map((each) =>
      vswitch.slowPath.isRestoring ? { ...each, controllers: [], inBand: NO_IN_BAND } : each,
    );
    await controllers.sync(bridges, readTls(seen));
    const sources = { vswitch, reconciler: this.#reconciler, controllers, roots, runDir };
    const table = (name: string): ReturnType<SwitchDatabase["table"]> => this.#db.table(name);
    const operations = await turns.run(statusOperations(this.#db.operations, table, sources, { hasStatistics }));
    if (operations.length === 0) vswitch.counts.txn_unchanged++;
    for (let at = 0; at < operations.length; at += OPERATIONS_PER_TRANSACTION) {
      await this.#db.transact(operations.slice(at, at + OPERATIONS_PER_TRANSACTION));
      vswitch.counts.txn_success++;
    }
  }

  /** The rows as they are now: they may change while work on them goes on in turns. */
  #snapshot(): (name: string) => ReturnType<SwitchDatabase["table"]> {
    const rowsByTable = new Map(FOLLOWED_TABLES.map((name) => [name, new Map(this.#db.table(name))]));
    return (name) => rowsByTable.get(name) ?? new Map();
  }
}

/** What the root row says of the whole switch. */
function applyGlobals(vswitch: VirtualSwitch, roots: Iterable<Row>): void {
  const { cache } = vswitch;
  for (const root of roots) {
    vswitch.slowPath.isRestoring = optionOf(root, "other_config", "flow-restore-wait") === "true";
    cache.limit.ceiling = wholeNumber(root, "flow-limit") ?? DEFAULT_FLOW_LIMIT;
    // 0 stands for as many as there can be.
    vswitch.slowPath.vlanLimit =
      Math.min(wholeNumber(root, "vlan-limit") ?? DEFAULT_VLAN_LIMIT, MAX_VLAN_LIMIT) || MAX_VLAN_LIMIT;
    vswitch.datapath.bypassesDevices = optionOf(root, "other_config", "veth-bypass") !== "false";
    cache.maxIdleMs = wholeNumber(root, "max-idle") ?? DEFAULT_IDLE_MS;
  }
}

function wholeNumber(row: Row, key: string): number | undefined {
  const text = optionOf(row, "other_config", key);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
