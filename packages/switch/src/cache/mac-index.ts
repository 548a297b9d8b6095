/**
 * Which megaflows asked where an address is, by address.
 *
 * An address that comes or moves concerns few megaflows, and addresses come by the thousand: without the index
 * each of them would cost a look at every megaflow.
 */
import type { Bridge } from "../bridge/bridge.ts";
import type { Translation } from "../translate/translation.ts";

type Lookups = Translation["macLookups"];

/** Items by the addresses that their translations looked up. */
export class MacIndex<T> {
  readonly #itemsByName = new Map<Bridge, Map<string, Set<T>>>();

  add(lookups: Lookups, item: T): void {
    for (const { bridge, name } of lookups) {
      let byName = this.#itemsByName.get(bridge);
      if (byName === undefined) this.#itemsByName.set(bridge, (byName = new Map()));
      const items = byName.get(name);
      if (items === undefined) byName.set(name, new Set([item]));
      else items.add(item);
    }
  }

  remove(lookups: Lookups, item: T): void {
    for (const { bridge, name } of lookups) {
      const byName = this.#itemsByName.get(bridge);
      const items = byName?.get(name);
      if (byName === undefined || items === undefined || !items.delete(item) || items.size > 0) continue;
      byName.delete(name);
      if (byName.size === 0) this.#itemsByName.delete(bridge);
    }
  }

  /** Items that looked up any of these addresses, for each address, and `undefined` behind them. Items may come and go meanwhile. */
  *of(lookups: Iterable<Lookups[number]>): Generator<T | undefined> {
    for (const { bridge, name } of lookups) {
      const items = [...(this.#itemsByName.get(bridge)?.get(name) ?? [])];
      yield* items;
      yield undefined;
    }
  }
}
