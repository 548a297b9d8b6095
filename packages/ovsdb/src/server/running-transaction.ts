/** A client's transaction on its way: what the engine may ask of it, and how it is canceled. */
import type { DatabaseEngine } from "../engine/database.ts";
import type { RoleHolder } from "../engine/role-access.ts";
import type { TransactOptions } from "../engine/staged.ts";

/** What a session lets its transactions do. */
export interface TransactionRights {
  readonly holdsLock: (name: string) => boolean;
  readonly whyReadOnly: string | undefined;
  readonly role: RoleHolder | undefined;
}

/** Most transactions never wait, so the signal that ends a wait is made when it is asked for: making it costs much of a small one. */
export class RunningTransaction implements TransactOptions {
  readonly database: DatabaseEngine;
  readonly holdsLock: (name: string) => boolean;
  readonly whyReadOnly: string | undefined;
  readonly role: RoleHolder | undefined;
  #controller: AbortController | undefined;
  #isAborted = false;

  constructor(database: DatabaseEngine, { holdsLock, whyReadOnly, role }: TransactionRights) {
    this.database = database;
    this.holdsLock = holdsLock;
    this.whyReadOnly = whyReadOnly;
    this.role = role;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isAborted) this.#controller.abort();
    return this.#controller.signal;
  }

  /** Cancels the transaction if it waits. */
  abort(): void {
    this.#isAborted = true;
    this.#controller?.abort();
  }
}
