/** Everything that megaflows refer to by number, held and released together. */
import { type DatapathAction, nestedActions } from "@tenet/datapath";
import type { PuntRegistry } from "./punt-registry.ts";
import type { Recirculations } from "./recirculations.ts";

/** Holds what megaflows name in their actions and match on. */
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

  /** Counts the `recirc_id` that a megaflow matches on as held; 0 is none. */
  retainId(recircId: number): void {
    this.#recirculations.retain(recircId);
  }

  /** Takes back one {@link retainId}. */
  releaseId(recircId: number): void {
    this.#recirculations.release(recircId);
  }
}
