/**
 * Ethernet addresses of neighbours, seen in ARP and neighbour discovery or set by hand, per bridge that they are behind.
 *
 * An entry lives as long as it is used or seen: 15 minutes after that it goes.
 */
import type { Clock } from "@tenet/kit";
import { formatAddress, type TunnelAddress } from "./tunnel-config.ts";

const DEFAULT_AGEING_MS = 15 * 60 * 1000;
/** A neighbour that does not answer is asked this often. */
const REQUEST_PERIOD_MS = 1000;

/** A neighbour. */
export interface Neighbor {
  readonly bridge: string;
  readonly address: TunnelAddress;
  readonly mac: number;
  /** Monotonic ms. */
  expiresMs: number;
}

/** What a neighbour is known by. */
export type NeighborName = Pick<Neighbor, "bridge" | "address">;

/** All neighbours. */
export class NeighborTable {
  readonly #clock: Clock;
  readonly #neighborByName = new Map<string, Neighbor>();
  /** When those that are not known were last asked for; monotonic ms. */
  readonly #askedMsByName = new Map<string, number>();
  #ageingMs = DEFAULT_AGEING_MS;
  readonly #listeners: ((name: NeighborName) => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `listener` when an address comes, changes or goes. */
  onChange(listener: (name: NeighborName) => void): void {
    this.#listeners.push(listener);
  }

  /** In the order in which they came. */
  neighbors(): Iterable<Neighbor> {
    return this.#neighborByName.values();
  }

  get ageingMs(): number {
    return this.#ageingMs;
  }

  /** Changes how long entries live; those that would live longer live this long from now. */
  set ageingMs(ageingMs: number) {
    this.#ageingMs = ageingMs;
    const endMs = this.#clock.monotonicMs() + ageingMs;
    for (const neighbor of this.#neighborByName.values()) neighbor.expiresMs = Math.min(neighbor.expiresMs, endMs);
  }

  /** The Ethernet address of a neighbour. */
  lookup(name: NeighborName): number | undefined {
    return this.#live(name)?.mac;
  }

  /** Notes that a neighbour is used. @returns whether it is known */
  use(name: NeighborName): boolean {
    const neighbor = this.#live(name);
    if (neighbor !== undefined) neighbor.expiresMs = this.#clock.monotonicMs() + this.#ageingMs;
    return neighbor !== undefined;
  }

  /** Whether it is time to ask for a neighbour that is not known; it is asked then. */
  takeRequest(name: NeighborName): boolean {
    const key = keyOf(name);
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - (this.#askedMsByName.get(key) ?? -Infinity) < REQUEST_PERIOD_MS) return false;
    this.#askedMsByName.set(key, nowMs);
    return true;
  }

  /** Enters an address. */
  set(name: NeighborName, mac: number): void {
    const key = keyOf(name);
    const known = this.#live(name);
    this.#askedMsByName.delete(key);
    if (known?.mac === mac) {
      this.use(name);
      return;
    }
    const { bridge, address } = name;
    this.#neighborByName.delete(key);
    this.#neighborByName.set(key, { bridge, address, mac, expiresMs: this.#clock.monotonicMs() + this.#ageingMs });
    this.#tell(name);
  }

  /** Forgets all neighbours, or those behind a bridge. */
  flush(bridge?: string): void {
    for (const [key, neighbor] of this.#neighborByName) {
      if (bridge === undefined || neighbor.bridge === bridge) this.#remove(key, neighbor);
    }
  }

  /** Forgets what is too old. */
  expire(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [key, neighbor] of this.#neighborByName) if (neighbor.expiresMs <= nowMs) this.#remove(key, neighbor);
    for (const [key, askedMs] of this.#askedMsByName) if (nowMs - askedMs >= REQUEST_PERIOD_MS) this.#askedMsByName.delete(key);
  }

  #live(name: NeighborName): Neighbor | undefined {
    const neighbor = this.#neighborByName.get(keyOf(name));
    return neighbor === undefined || neighbor.expiresMs <= this.#clock.monotonicMs() ? undefined : neighbor;
  }

  #remove(key: string, neighbor: Neighbor): void {
    this.#neighborByName.delete(key);
    this.#tell(neighbor);
  }

  #tell(name: NeighborName): void {
    for (const listener of this.#listeners) listener(name);
  }
}

/** A text that is the same for the same neighbour. */
export function keyOf({ bridge, address }: NeighborName): string {
  return `${bridge} ${formatAddress(address)}`;
}
