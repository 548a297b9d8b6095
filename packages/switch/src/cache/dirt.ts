/** What changed since the last revalidation, and which translations depend on it. */
import type { Bridge } from "../bridge/bridge.ts";
import type { FlowTable, TableVisit } from "../table/flow-table.ts";
import { keyOf, type NeighborName } from "../tunnel/neighbor-table.ts";
import type { Effect } from "../translate/translation.ts";
import type { Outcome } from "./outcome.ts";

/** Changes not yet seen by the megaflow cache. */
export class Dirt {
  #isEverything = false;
  readonly #tables = new Set<FlowTable>();
  readonly #macs = new Map<Bridge, Set<string>>();
  readonly #groups = new Map<Bridge, Set<number>>();
  readonly #neighbors = new Set<string>();

  get isClean(): boolean {
    return this.isAddressesAlone && this.#macs.size === 0;
  }

  /** Ports, VLANs, bridges: every translation may differ. */
  everything(): void {
    this.#isEverything = true;
  }

  /** Rules of a table changed. */
  table(table: FlowTable): void {
    this.#tables.add(table);
  }

  /** A group came, changed or went. */
  group(bridge: Bridge, id: number): void {
    entryOf(this.#groups, bridge).add(id);
  }

  /** An address moved, came or aged; `name` as of `keyOf`. */
  mac(bridge: Bridge, name: string): void {
    entryOf(this.#macs, bridge).add(name);
  }

  /** A neighbour came, changed or went. */
  neighbor(name: NeighborName): void {
    this.#neighbors.add(keyOf(name));
  }

  /** Whether rules changed, and so visits are to be looked at. */
  get hasTables(): boolean {
    return this.#tables.size > 0;
  }

  /** Whether a translation looked at something that changed. @param visits - needed if {@link hasTables} */
  touches({ macLookups, effects }: Outcome, visits: readonly TableVisit[]): boolean {
    if (this.#isEverything) return true;
    if (this.#tables.size > 0) {
      for (let i = 0; i < visits.length; i++) if (this.#tables.has((visits[i] as TableVisit).table)) return true;
      if (effects.some((effect) => this.#isChangedLimit(effect))) return true;
    }
    if (this.#groups.size > 0 && effects.some((effect) => this.#isChangedGroup(effect))) return true;
    if (this.#neighbors.size > 0 && effects.some((effect) => this.#isChangedNeighbor(effect))) return true;
    return this.#macs.size > 0 && macLookups.some(({ bridge, name }) => this.#macs.get(bridge)?.has(name) === true);
  }

  /** The addresses that changed. */
  *addresses(): Generator<Outcome["macLookups"][number]> {
    for (const [bridge, names] of this.#macs) for (const name of names) yield { bridge, name };
  }

  /** Whether addresses are all that changed. */
  get isAddressesAlone(): boolean {
    return !this.#isEverything && this.#tables.size === 0 && this.#groups.size === 0 && this.#neighbors.size === 0;
  }

  /** Forgets everything; returns what there was. */
  take(): Dirt {
    const taken = new Dirt();
    taken.#isEverything = this.#isEverything;
    for (const table of this.#tables) taken.#tables.add(table);
    for (const [bridge, macs] of this.#macs) taken.#macs.set(bridge, macs);
    for (const [bridge, groups] of this.#groups) taken.#groups.set(bridge, groups);
    for (const name of this.#neighbors) taken.#neighbors.add(name);
    this.#isEverything = false;
    this.#neighbors.clear();
    this.#tables.clear();
    this.#macs.clear();
    this.#groups.clear();
    return taken;
  }

  /** How many flows there are decides whether one is learned. */
  #isChangedLimit(effect: Effect): boolean {
    return effect.type === "learnFlow" && effect.limit > 0 && this.#tables.has(effect.bridge.pipeline.table(effect.flow.table));
  }

  #isChangedNeighbor(effect: Effect): boolean {
    if (effect.type !== "neighbor") return false;
    return this.#neighbors.has(keyOf({ bridge: effect.route.bridge.name, address: effect.route.nextHop }));
  }

  #isChangedGroup(effect: Effect): boolean {
    return effect.type === "group" && this.#groups.get(effect.bridge)?.has(effect.id) === true;
  }
}

function entryOf<K, V>(map: Map<K, Set<V>>, key: K): Set<V> {
  let set = map.get(key);
  if (set === undefined) {
    set = new Set();
    map.set(key, set);
  }
  return set;
}
