/**
 * Brings the megaflow cache up to date with what changed.
 *
 * Revalidation begins as a microtask, before the next packet that arrives through the event loop, and goes on in turns: megaflows whose
 * turn has not come are as they were. Of many ports that change together it is told when all of them have.
 */
import type { Bridge } from "../bridge/bridge.ts";
import { keyOf, type MacEntry } from "../bridge/mac-table.ts";
import type { NeighborName } from "../tunnel/neighbor-table.ts";
import type { Turns, Work } from "../turns.ts";
import { type EventCounts, makeEventCounts } from "../event-counts.ts";
import { Dirt } from "./dirt.ts";
import type { MegaflowCache } from "./megaflow-cache.ts";

/** Changes that the cache does not know of yet, and the work that tells it. */
export class Revalidation {
  /** What changed; {@link schedule} is to follow. */
  readonly dirt: Dirt = new Dirt();
  readonly #cache: Pick<MegaflowCache, "revalidating">;
  readonly #turns: Turns;
  readonly #counts: EventCounts;
  /** Whether one work in turns is there: of many, each would take turns from others. */
  #isUnderWay = false;
  /** What goes on of it. */
  #work: Work | undefined;

  constructor(cache: Pick<MegaflowCache, "revalidating">, turns: Turns, counts: EventCounts = makeEventCounts()) {
    this.#cache = cache;
    this.#counts = counts;
    this.#turns = turns;
  }

  /** Begins soon, unless it is under way: then what changed is seen to in the end. */
  schedule(): void {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    queueMicrotask(() => this.#turns.begin(this.#settlingOnce()));
  }

  /** Ports, VLANs or bridges changed. */
  everythingChanged(): void {
    this.dirt.everything();
    this.schedule();
  }

  /** Addresses of a bridge came, moved or went. */
  macsChanged(bridge: Bridge, entries: readonly Pick<MacEntry, "vlan" | "mac">[]): void {
    this.#counts.rev_mac_learning++;
    for (const { vlan, mac } of entries) this.dirt.mac(bridge, keyOf(vlan, mac));
    this.schedule();
  }

  /** A neighbour of a tunnel's end came, changed or went. */
  neighborChanged(name: NeighborName): void {
    this.dirt.neighbor(name);
    this.schedule();
  }

  /** Revalidates until nothing is out of date. */
  *settling(): Work {
    while (this.#work !== undefined || !this.dirt.isClean) {
      this.#work ??= this.#cache.revalidating(this.dirt.take());
      if (this.#work.next().done === true) this.#work = undefined;
      yield;
    }
  }

  *#settlingOnce(): Work {
    yield* this.settling();
    this.#isUnderWay = false;
  }
}
