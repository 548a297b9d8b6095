/** Makes known which servers of a database live: each has a key under a lease that it keeps alive. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Logger, messageOf } from "@tenet/kit";
import { encode } from "./etcd-keys.ts";
import type { EtcdStore } from "./etcd-store.ts";

/** A server that was not heard of for so long counts as gone. */
const LEASE_SECONDS = 10;
const KEEP_MS = 3000;

/** One server's key. */
export class EtcdPresence {
  readonly #store: EtcdStore;
  readonly #signal: AbortSignal;
  readonly #log: Logger;
  #server: string | undefined;
  #lease: string | undefined;
  #keptMs = -Infinity;
  #keeping: Promise<void> = Promise.resolve();

  constructor(store: EtcdStore, signal: AbortSignal, log: Logger) {
    this.#store = store;
    this.#signal = signal;
    this.#log = log;
  }

  /** Makes sure of the key, and keeps it from now on. @throws EtcdError */
  async announce(server: string): Promise<void> {
    if (performance.now() - this.#keptMs > KEEP_MS) await this.#renew(server);
    if (this.#server !== undefined) return;
    this.#server = server;
    this.#keeping = this.#keep(server);
  }

  /** Ends it at once, not when the lease ends; after the signal. */
  async close(): Promise<void> {
    await this.#keeping;
    const lease = this.#lease;
    if (lease === undefined) return;
    await this.#store.gateway.attempt("lease/revoke", { ID: lease }, AbortSignal.timeout(500)).catch((error: unknown) => {
      this.#log.debug({ err: messageOf(error) }, "lease not given back, it ends by itself");
    });
  }

  /** Keeps the lease alive, or takes a new one when it has ended. */
  async #renew(server: string): Promise<void> {
    if (this.#lease === undefined || !(await this.#store.keepLease(this.#lease))) {
      this.#lease = undefined;
      const lease = await this.#store.grantLease(LEASE_SECONDS);
      await this.#store.putServer(server, encode("lives"), lease);
      this.#lease = lease;
    }
    this.#keptMs = performance.now();
  }

  async #keep(server: string): Promise<void> {
    while (!this.#signal.aborted) {
      try {
        await sleep(KEEP_MS, undefined, { signal: this.#signal });
        await this.#renew(server);
      } catch (error) {
        if (!this.#signal.aborted) this.#log.debug({ err: messageOf(error) }, "lease not kept alive");
      }
    }
  }
}
