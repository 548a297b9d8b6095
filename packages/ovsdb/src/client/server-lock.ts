/**
 * A lock of a database server: of all clients that ask for it one holds it, the others stand by.
 *
 * A lock dies with the connection that holds it, unnoticed; so put {@link ServerLock.assertion} before every transaction,
 * which then fails once the lock is somebody else's.
 *
 * @see RFC 7047, section 4.1.8 and 5.2.10
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Json } from "@tenet/kit";
import { ConnectionLostError } from "../rpc/json-rpc-connection.ts";
import { OvsdbError } from "../model/ovsdb-error.ts";
import type { Replica } from "./replica.ts";

/** How often who stands by asks again, in ms. */
const POLL_MS = 500;

/** A lock, held or not. */
export class ServerLock {
  readonly #replica: Pick<Replica, "request">;
  readonly #name: string;

  /** @param name - of the lock; all who use it agree on it */
  constructor(replica: Pick<Replica, "request">, name: string) {
    this.#replica = replica;
    this.#name = name;
  }

  /** An operation that fails, and its transaction with it, unless the lock is held. */
  get assertion(): Json {
    return { op: "assert", lock: this.#name };
  }

  /** Whether a transaction failed because the lock is somebody else's. */
  static isLost(error: unknown): boolean {
    return error instanceof OvsdbError && error.error === "not owner";
  }

  /**
   * Resolves when the lock is held.
   *
   * @param whenBusy - called once when another client holds it
   * @throws the signal's reason when it aborts first
   */
  async acquire(whenBusy: () => void, signal: AbortSignal): Promise<void> {
    for (let isFirst = true; !(await this.#try()); isFirst = false) {
      if (isFirst) whenBusy();
      await sleep(POLL_MS, undefined, { signal });
    }
  }

  /** Asks for the lock, and gives the place in the queue back when others are before. */
  async #try(): Promise<boolean> {
    try {
      await this.#replica.request("unlock", [this.#name]).catch(ignoreNotLocked);
      const reply = await this.#replica.request("lock", [this.#name]);
      return typeof reply === "object" && reply !== null && "locked" in reply && reply.locked === true;
    } catch (error) {
      if (error instanceof ConnectionLostError) return false;
      throw error;
    }
  }
}

function ignoreNotLocked(error: unknown): void {
  if (!(error instanceof OvsdbError)) throw error;
}
