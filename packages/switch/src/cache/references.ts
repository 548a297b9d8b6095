/** Everything that megaflows refer to by number, held and released together. */
import type { DatapathAction } from "@tenet/datapath";
import type { PuntRegistry } from "./punt-registry.ts";
import type { Recirculations } from "./recirculations.ts";

/** Holds what actions and keys name. */
export class References {
  readonly #punts: PuntRegistry;
  readonly #recirculations: Recirculations;

  constructor(punts: PuntRegistry, recirculations: Recirculations) {
    this.#punts = punts;
    this.#recirculations = recirculations;
  }

  /** Counts what `actions` name as held. */
  retain(actions: readonly DatapathAction[]): void {
    this.#punts.retain(actions);
    this.#recirculations.retain(actions);
  }

  /** Takes back one {@link retain}. */
  release(actions: readonly DatapathAction[]): void {
    this.#punts.release(actions);
    this.#recirculations.release(actions);
  }

  /** Counts what the key of an installed megaflow names as held. */
  retainKey(key: Uint32Array): void {
    this.#recirculations.retainKey(key);
  }

  /** Takes back one {@link retainKey}. */
  releaseKey(key: Uint32Array): void {
    this.#recirculations.releaseKey(key);
  }
}
