/** How many connections there may be, of all and of each zone. */

const DEFAULT_MAX_CONNECTIONS = 3_000_000;

/** Limits of one tracker. */
export class ConnectionLimits {
  /** The most connections of a zone. */
  readonly ofZones: Map<number, number>;
  readonly #changed: (zone?: number) => void;
  #max = DEFAULT_MAX_CONNECTIONS;
  #ofOtherZones = 0;

  /** @param changed - called after each change, with the zone if it is one that has another limit */
  constructor(changed: (zone?: number) => void) {
    this.#changed = changed;
    this.ofZones = new WatchedMap(changed);
  }

  /** Connections that are held at most; beyond them a commit is not remembered. */
  get max(): number {
    return this.#max;
  }

  set max(n: number) {
    this.#max = n;
    this.#changed();
  }

  /** The most connections of a zone that has no limit of its own; 0 = any number. */
  get ofOtherZones(): number {
    return this.#ofOtherZones;
  }

  set ofOtherZones(limit: number) {
    this.#ofOtherZones = limit;
    this.#changed();
  }

  /** The most connections of a zone; infinite when it has no limit. */
  ofZone(zone: number): number {
    return this.ofZones.get(zone) ?? this.ofUnnamedZones;
  }

  /** {@link ofOtherZones}, infinite when there is none. */
  get ofUnnamedZones(): number {
    return this.#ofOtherZones || Number.POSITIVE_INFINITY;
  }
}

class WatchedMap extends Map<number, number> {
  readonly #changed: (zone?: number) => void;

  constructor(changed: (zone?: number) => void) {
    super();
    this.#changed = changed;
  }

  override set(zone: number, limit: number): this {
    super.set(zone, limit);
    this.#changed(zone);
    return this;
  }

  override delete(zone: number): boolean {
    const wasThere = super.delete(zone);
    this.#changed(zone);
    return wasThere;
  }

  override clear(): void {
    super.clear();
    this.#changed();
  }
}
