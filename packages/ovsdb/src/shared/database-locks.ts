/**
 * This server's part in the locks of a shared database: claims for its own clients, and steps that clear away the claims of
 * servers that are gone.
 */
import { randomUUID } from "node:crypto";
import { type Json, type Logger, messageOf } from "@tenet/kit";
import { OutcomeUnknownError } from "./shared-log.ts";
import { type LockStep, type LockTable, lockStepToJson, lockTableAfter } from "./lock-table.ts";

/** What locks need of the log. */
export interface LockLog {
  /** Appends a step. @throws NotKeptError, OutcomeUnknownError */
  append(step: Json): Promise<void>;
  /** Makes it known that a server lives, as long as it does. */
  announce(server: string): Promise<void>;
  /** The servers that live. */
  living(): Promise<ReadonlySet<string>>;
}

const LOOK_MS = 1000;

/** The locks of one database. */
export class DatabaseLocks {
  /** This server among those of the database. */
  readonly #server: string = randomUUID();
  readonly #lockLog: LockLog;
  readonly #log: Logger;
  readonly #listeners = new Set<() => void>();
  /** Claims that nobody wants any more, and that the table may still have: the lock by the claim. */
  readonly #unwanted = new Map<string, string>();
  readonly #timer: NodeJS.Timeout;
  #table: LockTable;
  #isLooking = false;

  constructor(lockLog: LockLog, table: LockTable, log: Logger) {
    this.#lockLog = lockLog;
    this.#table = table;
    this.#log = log;
    this.#timer = setInterval(() => void this.#look(), LOOK_MS).unref();
  }

  /** Who claims what, as of the last entry of the log. */
  get table(): LockTable {
    return this.#table;
  }

  /** Another table from now on, or the one after a step of the log. */
  set table(table: LockTable) {
    this.#table = table;
    for (const listener of this.#listeners) listener();
  }

  /** Puts a step of the log into the table. */
  apply(step: LockStep): void {
    this.table = lockTableAfter(this.#table, step);
  }

  /** Calls `listener` after each change of the table. @returns stops it */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Claims a lock; resolves when the claim is in the table.
   *
   * @param id - of the claim, new
   * @param steals - whether it comes before all others
   * @throws NotKeptError; OutcomeUnknownError, after which the claim is taken back
   */
  async claim(name: string, id: string, steals: boolean): Promise<void> {
    try {
      await this.#lockLog.announce(this.#server);
      const step: LockStep = { op: steals ? "steal" : "lock", name, claim: { id, server: this.#server } };
      await this.#lockLog.append(lockStepToJson(step));
    } catch (error) {
      if (error instanceof OutcomeUnknownError) this.#unwanted.set(id, name);
      throw error;
    }
  }

  /** Takes a claim back that is in the table, as soon as the log can be reached. */
  release(name: string, id: string): void {
    if (!this.hasClaim(name, id)) return;
    this.#unwanted.set(id, name);
    void this.#look();
  }

  hasClaim(name: string, id: string): boolean {
    return this.#table.get(name)?.some((claim) => claim.id === id) === true;
  }

  isOwner(name: string, id: string): boolean {
    return this.#table.get(name)?.[0]?.id === id;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      for (const [id, name] of this.#unwanted) {
        if (!this.hasClaim(name, id)) continue; // it may yet come
        await this.#lockLog.append(lockStepToJson({ op: "unlock", name, id }));
        this.#unwanted.delete(id);
      }
      await this.#clearAway();
    } catch (error) {
      this.#log.debug({ err: messageOf(error) }, "locks not looked after");
    } finally {
      this.#isLooking = false;
    }
  }

  /** Claims of servers that are gone are nobody's. */
  async #clearAway(): Promise<void> {
    const servers = new Set([...this.#table.values()].flat().map(({ server }) => server));
    servers.delete(this.#server);
    if (servers.size === 0) return;
    const living = await this.#lockLog.living();
    for (const server of servers) {
      if (living.has(server)) continue;
      this.#log.info({ server }, "server is gone, its locks are free");
      await this.#lockLog.append(lockStepToJson({ op: "gone", server }));
    }
  }
}
