/**
 * The MAC addresses that NORMAL forwarding has learned, by VLAN.
 *
 * An entry ages from its last packet. At the size limit the least recently used entry makes room.
 */
import type { Clock } from "@tenet/kit";

/** Where an address was last seen. */
export interface MacEntry {
  readonly vlan: number;
  readonly mac: number;
  /** OpenFlow port. */
  port: number;
  /** Monotonic ms of the last packet from it. */
  usedMs: number;
}

/** Learned addresses of one bridge. */
export class MacTable {
  /** Ms without a packet until an entry goes. */
  ageingMs = 300_000;
  maxEntries = 8192;
  /** Entries made, aged, pushed out by newer ones, and seen at another port, since the table was made. */
  nLearned = 0;
  nExpired = 0;
  nEvicted = 0;
  nMoved = 0;
  readonly #clock: Clock;
  /** Least recently used first. */
  readonly #entries = new Map<string, MacEntry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Number of entries, expired ones included until {@link expire}. */
  get size(): number {
    return this.#entries.size;
  }

  /** The port of an address, or `undefined`. */
  lookup(vlan: number, mac: number): number | undefined {
    const entry = this.#entries.get(keyOf(vlan, mac));
    return entry !== undefined && this.#clock.monotonicMs() < entry.usedMs + this.ageingMs ? entry.port : undefined;
  }

  /** Notes a packet from an address. @returns whether a lookup of it answers otherwise than before */
  learn(vlan: number, mac: number, port: number): boolean {
    const key = keyOf(vlan, mac);
    const nowMs = this.#clock.monotonicMs();
    const entry = this.#entries.get(key);
    this.#entries.delete(key);
    if (entry === undefined) {
      const [oldest] = this.#entries.keys();
      if (this.#entries.size >= this.maxEntries && oldest !== undefined) {
        this.#entries.delete(oldest);
        this.nEvicted++;
      }
      this.nLearned++;
      this.#entries.set(key, { vlan, mac, port, usedMs: nowMs });
      return true;
    }
    const isNews = entry.port !== port || nowMs >= entry.usedMs + this.ageingMs;
    if (entry.port !== port) this.nMoved++;
    entry.port = port;
    entry.usedMs = nowMs;
    this.#entries.set(key, entry);
    return isNews;
  }

  /** Removes what has aged. @returns the removed entries */
  expire(): MacEntry[] {
    const nowMs = this.#clock.monotonicMs();
    const expired = this.#removeWhere((entry) => nowMs >= entry.usedMs + this.ageingMs);
    this.nExpired += expired.length;
    return expired;
  }

  /** Removes what was learned on a port, or everything. @returns the removed entries */
  flush(port?: number): MacEntry[] {
    return this.#removeWhere((entry) => port === undefined || entry.port === port);
  }

  /** All entries, least recently used first. */
  entries(): IterableIterator<MacEntry> {
    return this.#entries.values();
  }

  #removeWhere(isDoomed: (entry: MacEntry) => boolean): MacEntry[] {
    const doomed = [...this.#entries.values()].filter(isDoomed);
    for (const { vlan, mac } of doomed) this.#entries.delete(keyOf(vlan, mac));
    return doomed;
  }
}

/** A name for an address in a VLAN, unique over both. */
export function keyOf(vlan: number, mac: number): string {
  return `${vlan}/${mac}`;
}
