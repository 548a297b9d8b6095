/**
 * Lets a server go first that others outrun again and again, because it is farther from etcd or has more to send.
 *
 * It puts the key `turn`, under a lease. Commits of all others compare that there is none, and wait while there is; its own
 * commit compares that the key is its own, and deletes it.
 */
import { type Logger, messageOf } from "@tenet/kit";
import { EtcdError } from "./etcd-gateway.ts";
import type { EtcdStore } from "./etcd-store.ts";

const LEASE_SECONDS = 3;
const KEEP_MS = 1000;
/** A turn that is not used for so long is given back. */
const UNUSED_MS = 500;
/** Commits that were outrun in a row before the turn is asked for; of large ones, which take long to send, one. */
const MAX_LOST = 12;

/** The turn of one server. */
export class EtcdTurn {
  readonly #store: EtcdStore;
  readonly #log: Logger;
  #nLost = 0;
  #held: { readonly revision: number; readonly lease: string; readonly keeping: NodeJS.Timeout } | undefined;
  #unused: NodeJS.Timeout | undefined;

  constructor(store: EtcdStore, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** When the key was put, while it is ours. */
  get revision(): number | undefined {
    return this.#held?.revision;
  }

  /** Takes the turn if that is due and nobody has it; before each commit. @throws EtcdError */
  async prepare(isLarge: boolean): Promise<void> {
    clearTimeout(this.#unused);
    if (this.#held !== undefined || this.#nLost < (isLarge ? 1 : MAX_LOST)) return;
    const lease = await this.#store.grantLease(LEASE_SECONDS);
    const revision = await this.#store.takeTurn(lease);
    if (revision === undefined) return;
    const keeping = setInterval(() => void this.#keep(lease), KEEP_MS).unref();
    this.#held = { revision, lease, keeping };
  }

  /** A commit was outrun. */
  lost(): void {
    this.#nLost++;
    if (this.#held !== undefined) this.#unused = setTimeout(() => this.giveBack(), UNUSED_MS).unref();
  }

  /** A commit was kept, or will not be tried again. */
  giveBack(): void {
    clearTimeout(this.#unused);
    this.#nLost = 0;
    const held = this.#held;
    if (held === undefined) return;
    this.#held = undefined;
    clearInterval(held.keeping);
    this.#store.endLease(held.lease).catch((error: unknown) => {
      this.#log.debug({ err: messageOf(error) }, "turn not given back, it ends by itself");
    });
  }

  async #keep(lease: string): Promise<void> {
    try {
      await this.#store.keepLease(lease);
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      this.#log.debug({ err: error.message }, "turn not kept");
    }
  }
}
