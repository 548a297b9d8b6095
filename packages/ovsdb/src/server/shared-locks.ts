/**
 * The locks of a server whose databases other servers share: a client that holds one holds it against the clients of all.
 *
 * A lock of a server is one lock in each of its shared databases, claimed one after another in the order of their names: the
 * next only when the one before is owned, so that clients of servers with different databases never wait for each other in a
 * circle. A claim that is gone, because this server was thought to be gone, is made anew.
 */
import { randomUUID } from "node:crypto";
import { type Logger, messageOf } from "@tenet/kit";
import { OvsdbError } from "../model/ovsdb-error.ts";
import type { SharedDatabase } from "../shared/shared-database.ts";
import { type LockHolder, type LockService, Locks } from "./locks.ts";

/** A client's wish for a lock. */
interface Wish {
  readonly name: string;
  readonly holder: LockHolder;
  readonly databases: readonly SharedDatabase[];
  /** Names the claims in all databases. */
  claim: string;
  steals: boolean;
  /** In how many of the databases there is a claim. */
  nClaimed: number;
  /** Whether the client has been told that it holds the lock. */
  isHeld: boolean;
  isAdvancing: boolean;
}

const RETRY_MS = 1000;

/** Locks in the shared databases of a server; without any, locks of its own. */
export class SharedLocks implements LockService {
  readonly #shared: () => readonly SharedDatabase[];
  readonly #log: Logger;
  readonly #own = new Locks();
  readonly #wishes = new Map<LockHolder, Map<string, Wish>>();
  readonly #followed = new Map<SharedDatabase, () => void>();

  /** @param shared - the shared databases of the server at present */
  constructor(shared: () => readonly SharedDatabase[], log: Logger) {
    this.#shared = shared;
    this.#log = log;
  }

  lock(name: string, holder: LockHolder): boolean | Promise<boolean> {
    const databases = this.#present();
    return databases.length === 0 ? this.#own.lock(name, holder) : this.#begin(name, holder, databases, false);
  }

  steal(name: string, holder: LockHolder): void | Promise<void> {
    const databases = this.#present();
    if (databases.length === 0) return this.#own.steal(name, holder);
    return this.#begin(name, holder, databases, true).then(() => undefined);
  }

  unlock(name: string, holder: LockHolder): void {
    const wishes = this.#wishes.get(holder);
    const wish = wishes?.get(name);
    if (wish === undefined) return this.#own.unlock(name, holder);
    wishes?.delete(name);
    if (wishes?.size === 0) this.#wishes.delete(holder);
    releaseClaims(wish);
  }

  isHeld(name: string, holder: LockHolder): boolean {
    const wish = this.#wishes.get(holder)?.get(name);
    return wish === undefined ? this.#own.isHeld(name, holder) : wish.isHeld && isOwned(wish);
  }

  /** Follows the databases no more. */
  close(): void {
    for (const stop of this.#followed.values()) stop();
  }

  #present(): readonly SharedDatabase[] {
    const databases = this.#shared().toSorted((a, b) => (a.schema.name < b.schema.name ? -1 : 1));
    for (const database of databases) {
      if (this.#followed.has(database)) continue;
      // After the reply of the moment: a client is told of a change after the answer to its request.
      const stop = database.locks.onChange(() => setImmediate(() => this.#review(database)));
      this.#followed.set(database, stop);
    }
    return databases;
  }

  async #begin(name: string, holder: LockHolder, databases: readonly SharedDatabase[], steals: boolean): Promise<boolean> {
    const wish: Wish = { name, holder, databases, claim: randomUUID(), steals, nClaimed: 0, isHeld: false, isAdvancing: false };
    const wishes = this.#wishes.get(holder) ?? new Map<string, Wish>();
    this.#wishes.set(holder, wishes.set(name, wish));
    try {
      wish.isHeld = await this.#advance(wish);
      return wish.isHeld;
    } catch (error) {
      this.unlock(name, holder);
      throw new OvsdbError("I/O error", messageOf(error));
    }
  }

  /** Claims as far as what was claimed before is owned. @returns whether everything is */
  async #advance(wish: Wish): Promise<boolean> {
    wish.isAdvancing = true;
    try {
      while (isOwned(wish)) {
        const next = wish.databases[wish.nClaimed];
        if (next === undefined) return true;
        wish.nClaimed++;
        await next.locks.claim(wish.name, wish.claim, wish.steals);
        if (!this.#isWanted(wish)) {
          releaseClaims(wish);
          return false;
        }
      }
      return false;
    } finally {
      wish.isAdvancing = false;
    }
  }

  #isWanted(wish: Wish): boolean {
    return this.#wishes.get(wish.holder)?.get(wish.name) === wish;
  }

  #review(database: SharedDatabase): void {
    for (const wishes of this.#wishes.values()) {
      for (const wish of wishes.values()) if (wish.databases.includes(database) && !wish.isAdvancing) this.#reviewWish(wish);
    }
  }

  #reviewWish(wish: Wish): void {
    if (wish.isHeld && !isOwned(wish)) {
      wish.isHeld = false;
      wish.holder.stolen(wish.name);
    }
    if (claimedOf(wish).some(({ locks }) => !locks.hasClaim(wish.name, wish.claim))) beginAnew(wish);
    if (wish.isHeld || !isOwned(wish)) return;
    this.#advance(wish).then(
      (isOwner) => {
        if (!isOwner || !this.#isWanted(wish)) return;
        wish.isHeld = true;
        wish.holder.locked(wish.name);
      },
      (error: unknown) => {
        this.#log.warn({ lock: wish.name, err: messageOf(error) }, "lock not claimed, it is tried again");
        beginAnew(wish);
        setTimeout(() => this.#isWanted(wish) && !wish.isAdvancing && this.#reviewWish(wish), RETRY_MS).unref();
      },
    );
  }
}

/** Behind all others. */
function beginAnew(wish: Wish): void {
  releaseClaims(wish);
  Object.assign(wish, { claim: randomUUID(), steals: false, nClaimed: 0 });
}

function claimedOf({ databases, nClaimed }: Wish): readonly SharedDatabase[] {
  return databases.slice(0, nClaimed);
}

/** Whether all that was claimed is owned. */
function isOwned(wish: Wish): boolean {
  return claimedOf(wish).every(({ locks }) => locks.isOwner(wish.name, wish.claim));
}

function releaseClaims(wish: Wish): void {
  for (const { locks } of claimedOf(wish)) locks.release(wish.name, wish.claim);
}
