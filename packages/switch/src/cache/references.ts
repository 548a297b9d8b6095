/** Everything that megaflows refer to by number, held and released together. */
import { type DatapathAction, nestedActions } from "@tenet/datapath";
import { FIELDS } from "@tenet/net";
import type { PuntRegistry } from "./punt-registry.ts";
import type { Recirculations } from "./recirculations.ts";

const RECIRC_ID_WORD = FIELDS.recirc_id.word;

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
    for (const action of actions) {
      if (action.type === "userspace") this.#punts.retain(action.userdata);
      else if (action.type === "recirc") this.#recirculations.retain(action.id);
      else for (const inner of nestedActions(action)) this.retain(inner);
    }
  }

  /** Takes back one {@link retain}. */
  release(actions: readonly DatapathAction[]): void {
    for (const action of actions) {
      if (action.type === "userspace") this.#punts.release(action.userdata);
      else if (action.type === "recirc") this.#recirculations.release(action.id);
      else for (const inner of nestedActions(action)) this.release(inner);
    }
  }

  /** Counts what the key of an installed megaflow names as held. */
  retainKey(key: Uint32Array): void {
    this.#recirculations.retain(key[RECIRC_ID_WORD] as number);
  }

  /** Takes back one {@link retainKey}. */
  releaseKey(key: Uint32Array): void {
    this.#recirculations.release(key[RECIRC_ID_WORD] as number);
  }
}
