/**
 * The MAC addresses that NORMAL forwarding has learned, by VLAN, and those that were entered by hand.
 *
 * An entry ages from its last packet; static ones do not. At the size limit the bundle with the most addresses gives
 * up the one it used least recently, so that a flood of addresses on one does not push out those of the others.
 *
 * To forget what was learned costs the same for an address as for a hundred thousand: what is learned on a bundle belongs together, and
 * is marked as forgotten. It is taken out in turns.
 */
import type { Clock } from "@tenet/kit";
import { type EventCounts, makeEventCounts } from "../event-counts.ts";
import type { Bundle } from "./bridge-port.ts";

/** What was learned on a bundle. */
interface Learned {
  /** Least recently used first. */
  readonly entries: Map<string, MacEntry>;
  isForgotten: boolean;
}

/** Where an address was last seen. */
export interface MacEntry {
  readonly vlan: number;
  readonly mac: number;
  bundle: Bundle;
  /** Monotonic ms of the last packet from it; `undefined`: static. */
  usedMs: number | undefined;
  /** Monotonic ms until which gratuitous ARP on bonds is a reflection of what this switch sent. */
  lockedUntilMs: number;
  /** Among which it is; `undefined`: static. */
  learned: Learned | undefined;
}

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
  /** Forgotten ones included until they are taken out; those that age in the order of their last packets. */
  readonly #entries = new Map<string, MacEntry>();
  readonly #static = new Map<string, MacEntry>();
  readonly #learnedByBundle = new Map<Bundle, Learned>();
  /** What is to be taken out. */
  readonly #forgotten: Learned[] = [];
  #nLearned = 0;

  /** @param counts - of the switch; other than `statistics`, they are never cleared */
  constructor(clock: Clock, counts: EventCounts = makeEventCounts()) {
    this.#clock = clock;
    this.#counts = counts;
  }

  /** Number of entries, expired ones included until {@link expiring}. */
  get size(): number {
    return this.#nLearned + this.#static.size;
  }

  get nStatic(): number {
    return this.#static.size;
  }

  /** Where an address is, or `undefined`. */
  lookup(vlan: number, mac: number): Bundle | undefined {
    const entry = this.#find(keyOf(vlan, mac));
    return entry === undefined || this.#hasExpired(entry) ? undefined : entry.bundle;
  }

  /** Whether gratuitous ARP from an address is taken for a reflection now. */
  isLocked(vlan: number, mac: number): boolean {
    return this.#clock.monotonicMs() < (this.#find(keyOf(vlan, mac))?.lockedUntilMs ?? 0);
  }

  /** Notes a packet from an address. @returns whether a lookup of it answers otherwise than before */
  learn({ vlan, mac, bundle, locks }: Sighting): boolean {
    const key = keyOf(vlan, mac);
    const nowMs = this.#clock.monotonicMs();
    const known = this.#find(key);
    if (known !== undefined && known.usedMs === undefined) {
      if (known.bundle !== bundle) this.#counts.mac_learning_static_none_move++;
      return false;
    }
    const isNews = known === undefined || known.bundle !== bundle || this.#hasExpired(known);
    const entry = known ?? { vlan, mac, bundle, usedMs: nowMs, lockedUntilMs: 0, learned: undefined };
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
    const entry = this.#find(keyOf(vlan, mac));
    return entry?.usedMs === undefined ? entry?.bundle : undefined;
  }

  /** Enters an address that neither ages nor moves. */
  addStatic(vlan: number, mac: number, bundle: Bundle): void {
    const key = keyOf(vlan, mac);
    const known = this.#find(key);
    if (known !== undefined) this.#remove(key, known);
    this.#insert(key, { vlan, mac, bundle, usedMs: undefined, lockedUntilMs: 0, learned: undefined });
  }

  /** Removes an address that was entered by hand. @returns whether it was there */
  removeStatic(vlan: number, mac: number): boolean {
    const key = keyOf(vlan, mac);
    const known = this.#find(key);
    if (known === undefined || known.usedMs !== undefined) return false;
    this.#remove(key, known);
    return true;
  }

  /** Forgets an address, unless it was entered by hand. @returns whether it was there */
  forget(vlan: number, mac: number): boolean {
    const key = keyOf(vlan, mac);
    const known = this.#find(key);
    if (known?.usedMs === undefined) return false;
    this.#remove(key, known);
    return true;
  }

  /** What was learned on a bundle; it can be read still when that is flushed. */
  learnedOn(bundle: Bundle): Iterable<MacEntry> {
    return this.#learnedByBundle.get(bundle)?.entries.values() ?? [];
  }

  /** Removes what has aged, one after the other, which it yields. */
  *expiring(): Generator<MacEntry> {
    for (const learned of this.#learnedByBundle.values()) {
      for (const [key, entry] of learned.entries) {
        if (learned.isForgotten || !this.#hasExpired(entry)) break;
        this.#remove(key, entry);
        this.statistics.nExpired++;
        this.#counts.mac_learning_expired++;
        yield entry;
      }
    }
  }

  /** Forgets all that is known of a bundle, or what was learned everywhere. */
  flush(bundle?: Bundle): void {
    const flushed = bundle === undefined ? [...this.#learnedByBundle.keys()] : [bundle];
    for (const each of flushed) {
      const learned = this.#learnedByBundle.get(each);
      if (learned === undefined) continue;
      learned.isForgotten = true;
      this.#nLearned -= learned.entries.size;
      this.#learnedByBundle.delete(each);
      this.#forgotten.push(learned);
    }
    for (const [key, entry] of this.#static) if (entry.bundle === bundle) this.#remove(key, entry);
  }

  /** Takes out what is forgotten, one after the other. */
  *tidying(): Generator<undefined> {
    for (let learned = this.#forgotten.pop(); learned !== undefined; learned = this.#forgotten.pop()) {
      for (const [key, entry] of learned.entries) {
        if (this.#entries.get(key) === entry) this.#entries.delete(key);
        yield;
      }
    }
  }

  clearStatistics(): void {
    this.statistics = noStatistics();
  }

  /** All entries there are now, those that age before the others, least recently used first: they are entered anew with each packet. */
  *entries(): Generator<MacEntry> {
    const known = [...this.#entries.values()];
    for (const entry of known) if (entry.learned?.isForgotten === false) yield entry;
    yield* this.#static.values();
  }

  #find(key: string): MacEntry | undefined {
    const entry = this.#entries.get(key);
    return entry?.learned?.isForgotten === true ? undefined : entry;
  }

  #hasExpired({ usedMs }: MacEntry): boolean {
    return usedMs !== undefined && this.#clock.monotonicMs() >= usedMs + this.ageingMs;
  }

  /** For one more. */
  #makeRoom(): void {
    if (this.size < this.maxEntries) return;
    let fullest: Map<string, MacEntry> | undefined;
    for (const { entries } of this.#learnedByBundle.values()) if (entries.size > (fullest?.size ?? 0)) fullest = entries;
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
    entry.learned = this.#groupOf(entry.bundle);
    entry.learned.entries.set(key, entry);
    this.#nLearned++;
  }

  #groupOf(bundle: Bundle): Learned {
    let learned = this.#learnedByBundle.get(bundle);
    if (learned === undefined) this.#learnedByBundle.set(bundle, (learned = { entries: new Map(), isForgotten: false }));
    return learned;
  }

  #remove(key: string, { bundle }: MacEntry): void {
    this.#entries.delete(key);
    this.#static.delete(key);
    const entries = this.#learnedByBundle.get(bundle)?.entries;
    if (entries?.delete(key) !== true) return;
    this.#nLearned--;
    if (entries.size === 0) this.#learnedByBundle.delete(bundle);
  }
}

function noStatistics(): MacStatistics {
  return { nLearned: 0, nExpired: 0, nEvicted: 0, nMoved: 0 };
}

/** A name for an address in a VLAN, unique over both. */
export function keyOf(vlan: number, mac: number): string {
  return `${vlan}/${mac}`;
}
