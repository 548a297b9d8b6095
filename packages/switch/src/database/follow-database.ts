/**
 * Follows the Open_vSwitch database: a change there becomes a change here, and its outcome is written back.
 *
 * Changes that come together are carried out together. `cur_cfg` is written in the same transaction as the
 * outcome, so `ovs-vsctl` without `--no-wait` returns when the bridges and ports are there. Devices that could not
 * be opened are tried again every 5 s, when packet counters are written too, and when a device appears.
 */
import { type Clock, type Logger, messageOf } from "@tenet/kit";
import type { Replica } from "@tenet/ovsdb";
import type { Controllers } from "../controller/controllers.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { readTls } from "./read-controller.ts";
import { Reconciler } from "./reconcile.ts";
import { statusOperations } from "./status.ts";
import { readWanted } from "./wanted.ts";

/** What the database must offer; a {@link Replica} does. */
export type SwitchDatabase = Pick<Replica, "table" | "operations" | "transact" | "onChange">;

/** Tables and columns that the switch reads. */
export const FOLLOWED_TABLES: readonly string[] = ["Open_vSwitch", "Bridge", "Port", "Interface", "Mirror", "Controller", "SSL"];

/** Keeps a switch as its database says, and the database informed. */
export class DatabaseFollower {
  readonly #db: SwitchDatabase;
  readonly #vswitch: VirtualSwitch;
  readonly #isAllDummy: boolean;
  readonly #log: Logger;
  readonly #reconciler: Reconciler;
  readonly #controllers: Controllers;
  readonly #stopListening: () => void;
  #running: Promise<void> | undefined;
  #isDue = false;
  #isStatisticsDue = false;
  #isClosed = false;

  /** @param isAllDummy - whether interfaces of every type that has a device are dummies */
  constructor(
    db: SwitchDatabase,
    vswitch: VirtualSwitch,
    controllers: Controllers,
    isAllDummy: boolean,
    clock: Clock,
    log: Logger,
  ) {
    this.#db = db;
    this.#vswitch = vswitch;
    this.#isAllDummy = isAllDummy;
    this.#controllers = controllers;
    this.#log = log;
    this.#reconciler = new Reconciler(vswitch, clock, log);
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

  /** Writes packet counters and tries again what could not be opened; due every 5 s. */
  refresh(): void {
    this.#isStatisticsDue = true;
    this.schedule();
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
        this.#log.warn({ error: messageOf(error) }, "status not written");
      }
    }
  }

  async #runOnce(hasStatistics: boolean): Promise<void> {
    const table = (name: string): ReturnType<SwitchDatabase["table"]> => this.#db.table(name);
    this.#reconciler.apply(readWanted(table, this.#isAllDummy));
    await this.#controllers.sync(this.#reconciler.bridges, readTls(table));
    const sources = { vswitch: this.#vswitch, reconciler: this.#reconciler, controllers: this.#controllers };
    const operations = statusOperations(this.#db.operations, table, sources, { hasStatistics });
    if (operations.length > 0) await this.#db.transact(operations);
  }
}
