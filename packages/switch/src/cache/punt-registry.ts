/**
 * Numbers for the `controller` actions that megaflows hold.
 *
 * A datapath's `userspace` action carries one number; here it leads back to what the OpenFlow action said.
 * Equal punts share a number; a number goes when no megaflow holds it any more.
 */
import { contentOfState } from "../translate/frozen-state.ts";
import type { Punt } from "../translate/translation.ts";

interface Held {
  readonly punt: Punt;
  readonly content: string;
  nHolders: number;
}

/** Punts by number, counted. */
export class PuntRegistry {
  readonly #heldById = new Map<number, Held>();
  readonly #idByContent = new Map<string, number>();
  #nextId = 1;

  /** The number of a punt; it lives until the last {@link release}. */
  idOf(punt: Punt): number {
    const content = contentOf(punt);
    const known = this.#idByContent.get(content);
    if (known !== undefined) return known;
    const id = this.#nextId++;
    this.#idByContent.set(content, id);
    this.#heldById.set(id, { punt, content, nHolders: 0 });
    return id;
  }

  punt(id: number): Punt | undefined {
    return this.#heldById.get(id)?.punt;
  }

  /** Counts a number as held once more. */
  retain(id: number): void {
    const held = this.#heldById.get(id);
    if (held !== undefined) held.nHolders++;
  }

  /** Takes back one {@link retain}. */
  release(id: number): void {
    const held = this.#heldById.get(id);
    if (held === undefined || --held.nHolders > 0) return;
    this.#heldById.delete(id);
    this.#idByContent.delete(held.content);
  }
}

function contentOf(punt: Punt): string {
  const { bridge, paused, maxLength, reason, controllerId, userdata, table, cookie, metadata, meter, isTracked } = punt;
  const left = paused === undefined ? "" : contentOfState(paused, bridge.name);
  const what = [maxLength, reason, controllerId, userdata?.join("."), table, cookie, meter, isTracked];
  return [bridge.name, left, ...what, metadata.join(".")].join("|");
}
