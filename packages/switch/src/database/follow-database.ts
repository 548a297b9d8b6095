/**
 * Follows the Open_vSwitch database: a change there becomes a change here, and its outcome is written back.
 *
 * Changes that come together are carried out together. `cur_cfg` is written with the last of the
 * outcome, so `ovs-vsctl` without `--no-wait` returns when the bridges and ports are there. Devices that could not
 * be opened are tried again every 5 s, when packet counters are written too, and when a device appears.
 */
import { type Clock, type Json, type Logger, messageOf } from "@tenet/kit";
import { DEFAULT_VLAN_LIMIT, MAX_VLAN_LIMIT } from "@tenet/net";
import type { Replica, Row } from "@tenet/ovsdb";
import { NO_IN_BAND } from "../controller/in-band.ts";
import type { Controllers } from "../controller/controllers.ts";
import { DEFAULT_BUNDLE_IDLE_MS, type VirtualSwitch } from "../virtual-switch.ts";
import type { DummyPorts } from "../dummy/dummy-ports.ts";
import { asksForOther } from "./asked-changes.ts";
import { readTls } from "./read/read-controller.ts";
import { Reconciler } from "./reconcile.ts";
import { optionOf } from "./read/row-values.ts";
import { statusOperations } from "./status.ts";
import { readWanted, type TableReader } from "./read/wanted.ts";
import type { Work } from "../turns.ts";

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
  readonly #stops: readonly (() => void)[];
  #running: Promise<void> | undefined;
  #isDue = false;
  #isStatisticsDue = false;
  /** Monotonic ms of the last refresh. */
  #refreshedMs: number;
  /** Whether the switch is being changed here: that is no news. */
  #isApplying = false;
  #isClosed = false;

  constructor(db: SwitchDatabase, parts: SwitchParts, clock: Clock, log: Logger) {
    this.#db = db;
    this.#parts = parts;
    this.#clock = clock;
    this.#refreshedMs = clock.monotonicMs();
    this.#log = log;
    this.#reconciler = new Reconciler(parts.vswitch, parts.dummies, clock, log);
    this.#stops = [
      db.onChange((changes) => {
        if (changes.some(asksForOther)) this.schedule();
      }),
      parts.vswitch.onChange(() => {
        if (!this.#isApplying) this.schedule();
      }),
    ];
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
    for (const stop of this.#stops) stop();
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
    const seen = await turns.run(snapshot(this.#db));
    const roots = [...seen("Open_vSwitch").values()];
    await turns.run(applyingGlobals(vswitch, roots));
    vswitch.counts.bridge_reconfigure++;
    const wanted = await turns.run(readWanted(seen, this.#parts));
    await turns.run(vswitch.changingPorts(this.#applying(this.#reconciler.applying(wanted))));
    if (this.#reconciler.isUnsettled) this.#isDue = true;
    // Flows that are being restored are not for controllers to see.
    const bridges = this.#reconciler.bridges.map((each) =>
      vswitch.slowPath.isRestoring ? { ...each, controllers: [], inBand: NO_IN_BAND } : each,
    );
    await controllers.sync(bridges, readTls(seen));
    const sources = { vswitch, reconciler: this.#reconciler, controllers, roots, runDir };
    const table: TableReader = (name) => this.#db.table(name);
    vswitch.datapath.readDeviceChanges();
    await this.#write(statusOperations(this.#db.operations, table, sources, { hasStatistics }));
  }

  *#applying(work: Work): Work {
    for (;;) {
      this.#isApplying = true;
      let step: ReturnType<Work["next"]>;
      try {
        step = work.next();
      } finally {
        this.#isApplying = false;
      }
      if (step.done === true) return;
      yield step.value;
    }
  }

  /** Commits operations as they are made, so that there are few at a time. */
  async #write(operations: Iterator<Json | undefined>): Promise<void> {
    const { turns, counts } = this.#parts.vswitch;
    let isLast = false;
    for (let n = 0; !isLast; n++) {
      const batch = await turns.run(nextBatch(operations));
      isLast = batch.length < OPERATIONS_PER_TRANSACTION;
      if (n === 0 && batch.length === 0) counts.txn_unchanged++;
      if (batch.length === 0) return;
      await this.#db.transact(batch);
      counts.txn_success++;
    }
  }
}

/** The rows as they are when it begins: they may change while work on them goes on in turns. */
function* snapshot(db: SwitchDatabase): Work<TableReader> {
  const tables = FOLLOWED_TABLES.map((name) => ({ name, rows: [...db.table(name).values()], rowByUuid: new Map<string, Row>() }));
  for (const { rows, rowByUuid } of tables) {
    for (const row of rows) {
      rowByUuid.set(row._uuid, row);
      yield;
    }
  }
  const tableByName = new Map(tables.map(({ name, rowByUuid }) => [name, rowByUuid]));
  return (name) => tableByName.get(name) ?? new Map();
}

function* nextBatch(operations: Iterator<Json | undefined>): Work<Json[]> {
  const batch: Json[] = [];
  while (batch.length < OPERATIONS_PER_TRANSACTION) {
    const { done, value } = operations.next();
    if (done === true) break;
    if (value !== undefined) batch.push(value);
    yield;
  }
  return batch;
}

/** What the root row says of the whole switch. */
function* applyingGlobals(vswitch: VirtualSwitch, roots: Iterable<Row>): Work {
  const { cache } = vswitch;
  for (const root of roots) {
    vswitch.slowPath.isRestoring = optionOf(root, "other_config", "flow-restore-wait") === "true";
    cache.limit.ceiling = wholeNumber(root, "flow-limit") ?? DEFAULT_FLOW_LIMIT;
    // 0 stands for as many as there can be.
    const vlanLimit = Math.min(wholeNumber(root, "vlan-limit") ?? DEFAULT_VLAN_LIMIT, MAX_VLAN_LIMIT) || MAX_VLAN_LIMIT;
    yield* vswitch.slowPath.changingVlanLimit(vlanLimit);
    vswitch.datapath.bypassesDevices = optionOf(root, "other_config", "veth-bypass") !== "false";
    cache.maxIdleMs = wholeNumber(root, "max-idle") ?? DEFAULT_IDLE_MS;
    const bundleIdleS = wholeNumber(root, "bundle-idle-timeout") ?? 0;
    vswitch.bundleIdleMs = bundleIdleS === 0 ? DEFAULT_BUNDLE_IDLE_MS : 1000 * bundleIdleS;
  }
}

function wholeNumber(row: Row, key: string): number | undefined {
  const text = optionOf(row, "other_config", key);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
