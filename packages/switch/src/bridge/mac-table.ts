/**
 * The MAC addresses that NORMAL forwarding has learned, by VLAN, and those that were entered by hand.
 *
 * An entry ages from its last packet; static ones do not. At the size limit the bundle with the most addresses gives
 * up the one it used least recently, so that a flood of addresses on one does not push out those of the others.
 */
import type { Clock } from "@tenet/kit";
import { type EventCounts, makeEventCounts } from "../event-counts.ts";
import type { Bundle } from "./bridge-port.ts";

/** Where an address was last seen. */
export interface MacEntry {
  readonly vlan: number;
  readonly mac: number;
  bundle: Bundle;
  /** Monotonic ms of the last packet from it; `undefined`: static. */
  usedMs: number | undefined;
  /** Monotonic ms until which gratuitous ARP on bonds is a reflection of what this switch sent. */
  lockedUntilMs: number;
}

/** Entries that are removed at once at most, when others may come first. */
const ENTRIES_PER_STEP = 64;
/** After gratuitous ARP was seen at its source. */
const LOCK_MS = 5000;

/** A packet as learning sees it. */
export interface Sighting {
  readonly vlan: number;
  readonly mac: number;
  readonly bundle: Bundle;
  /** A gratuitous ARP at a bundle that is no bond, of a bridge that has one: its reflections are not to be learned from. */
  readonly locks: boolean;
}

/** Counters of a table. */
export interface MacStatistics {
  nLearned: number;
  nExpired: number;
  /** Pushed out by newer ones. */
  nEvicted: number;
  /** Seen at another bundle. */
  nMoved: number;
}

/** Addresses of one bridge. */
export class MacTable {
  /** Ms without a packet until an entry goes. */
  ageingMs = 300_000;
  maxEntries = 8192;
  statistics: MacStatistics = noStatistics();
  readonly #clock: Clock;
  readonly #counts: EventCounts;
  readonly #entries = new Map<string, MacEntry>();
  readonly #static = new Map<string, MacEntry>();
  /** Those that age, least recently used first. */
  readonly #learnedByBundle = new Map<Bundle, Map<string, MacEntry>>();

  /** @param counts - of the switch; other than `statistics`, they are never cleared */
  constructor(clock: Clock, counts: EventCounts = makeEventCounts()) {
    this.#clock = clock;
    this.#counts = counts;
  }

  /** Number of entries, expired ones included until {@link expire}. */
  get size(): number {
    return this.#entries.size;
  }

  get nStatic(): number {
    return this.#static.size;
  }

  /** Where an address is, or `undefined`. */
  lookup(vlan: number, mac: number): Bundle | undefined {
    const entry = this.#entries.get(keyOf(vlan, mac));
    return entry === undefined || this.#hasExpired(entry) ? undefined : entry.bundle;
  }

  /** Whether gratuitous ARP from an address is taken for a reflection now. */
  isLocked(vlan: number, mac: number): boolean {
    return this.#clock.monotonicMs() < (this.#entries.get(keyOf(vlan, mac))?.lockedUntilMs ?? 0);
  }

  /** Notes a packet from an address. @returns whether a lookup of it answers otherwise than before */
  learn({ vlan, mac, bundle, locks }: Sighting): boolean {
    const key = keyOf(vlan, mac);
    const nowMs = this.#clock.monotonicMs();
    const known = this.#entries.get(key);
    if (known !== undefined && known.usedMs === undefined) return false;
    const isNews = known === undefined || known.bundle !== bundle || this.#hasExpired(known);
    const entry = known ?? { vlan, mac, bundle, usedMs: nowMs, lockedUntilMs: 0 };
    if (known === undefined) {
      this.#makeRoom();
      this.statistics.nLearned++;
      this.#counts.mac_learning_learned++;
    } else if (known.bundle !== bundle) {
      this.statistics.nMoved++;
      this.#counts.mac_learning_moved++;
    }
    this.#remove(key, entry);
    entry.bundle = bundle;
    entry.usedMs = nowMs;
    if (locks) entry.lockedUntilMs = nowMs + LOCK_MS;
    this.#insert(key, entry);
    return isNews;
  }

  /** Where an address is that was entered by hand. */
  staticHome(vlan: number, mac: number): Bundle | undefined {
    const entry = this.#entries.get(keyOf(vlan, mac));
    return entry?.usedMs === undefined ? entry?.bundle : undefined;
  }

  /** Enters an address that neither ages nor moves. */
  addStatic(vlan: number, mac: number, bundle: Bundle): void {
    const key = keyOf(vlan, mac);
    const known = this.#entries.get(key);
    if (known !== undefined) this.#remove(key, known);
    this.#insert(key, { vlan, mac, bundle, usedMs: undefined, lockedUntilMs: 0 });
  }

  /** Removes an address that was entered by hand. @returns whether it was there */
  removeStatic(vlan: number, mac: number): boolean {
    const key = keyOf(vlan, mac);
    const known = this.#entries.get(key);
    if (known === undefined || known.usedMs !== undefined) return false;
    this.#remove(key, known);
    return true;
  }

  /** Removes what has aged. @returns the removed entries */
  expire(): MacEntry[] {
    const expired: MacEntry[] = [];
    for (const learned of this.#learnedByBundle.values()) {
      for (const entry of learned.values()) {
        if (!this.#hasExpired(entry)) break;
        expired.push(entry);
      }
    }
    this.#removeAll(expired);
    this.statistics.nExpired += expired.length;
    this.#counts.mac_learning_expired += expired.length;
    return expired;
  }

  /** Removes what was learned, some at a time, which it yields. */
  *flushing(): Generator<readonly MacEntry[]> {
    const learned = this.entries().filter(({ usedMs }) => usedMs !== undefined);
    for (let at = 0; at < learned.length; at += ENTRIES_PER_STEP) {
      const flushed = learned
        .slice(at, at + ENTRIES_PER_STEP)
        .filter((entry) => this.#entries.get(keyOf(entry.vlan, entry.mac)) === entry);
      this.#removeAll(flushed);
      yield flushed;
    }
  }

  /** Removes all that is known of a bundle, or what was learned everywhere. @returns the removed entries */
  flush(bundle?: Bundle): MacEntry[] {
    const learned = bundle === undefined ? [...this.#learnedByBundle.values()] : [this.#learnedByBundle.get(bundle)];
    const flushed = learned.flatMap((entries) => [...(entries?.values() ?? [])]);
    for (const entry of this.#static.values()) if (entry.bundle === bundle) flushed.push(entry);
    this.#removeAll(flushed);
    return flushed;
  }

  clearStatistics(): void {
    this.statistics = noStatistics();
  }

  /** All entries, those that age before the others, least recently used first: they are entered anew with each packet. */
  entries(): MacEntry[] {
    const learned = [...this.#entries.values()].filter(({ usedMs }) => usedMs !== undefined);
    return [...learned, ...this.#static.values()];
  }

  #hasExpired({ usedMs }: MacEntry): boolean {
    return usedMs !== undefined && this.#clock.monotonicMs() >= usedMs + this.ageingMs;
  }

  /** For one more. */
  #makeRoom(): void {
    if (this.#entries.size < this.maxEntries) return;
    let fullest: Map<string, MacEntry> | undefined;
    for (const learned of this.#learnedByBundle.values()) if (learned.size > (fullest?.size ?? 0)) fullest = learned;
    for (const [key, entry] of fullest ?? []) {
      this.#remove(key, entry);
      this.statistics.nEvicted++;
      this.#counts.mac_learning_evicted++;
      return;
    }
  }

  #insert(key: string, entry: MacEntry): void {
    this.#entries.set(key, entry);
    if (entry.usedMs === undefined) {
      this.#static.set(key, entry);
      return;
    }
    const learned = this.#learnedByBundle.get(entry.bundle);
    if (learned === undefined) this.#learnedByBundle.set(entry.bundle, new Map([[key, entry]]));
    else learned.set(key, entry);
  }

  #remove(key: string, { bundle }: MacEntry): void {
    this.#entries.delete(key);
    this.#static.delete(key);
    const learned = this.#learnedByBundle.get(bundle);
    if (learned?.delete(key) === true && learned.size === 0) this.#learnedByBundle.delete(bundle);
  }

  #removeAll(entries: readonly MacEntry[]): void {
    for (const entry of entries) this.#remove(keyOf(entry.vlan, entry.mac), entry);
  }
}

function noStatistics(): MacStatistics {
  return { nLearned: 0, nExpired: 0, nEvicted: 0, nMoved: 0 };
}

/** A name for an address in a VLAN, unique over both. */
export function keyOf(vlan: number, mac: number): string {
  return `${vlan}/${mac}`;
}
