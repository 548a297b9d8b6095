/**
 * Numbers for frozen translations: what a datapath's `recirc` action carries and its `recirc_id` leads back to.
 *
 * Equal states share a number, so that megaflows of resumed packets are shared too. A number lives as long as a
 * megaflow holds it, in its actions or in its key; no number is given twice.
 */
import type { Bridge } from "../bridge/bridge.ts";
import { contentOfState, type FrozenState } from "../translate/frozen-state.ts";
import type { Work } from "../turns.ts";

/** How many are looked at between two chances for others. */
const NUMBERS_PER_STEP = 256;

interface Held {
  readonly state: FrozenState;
  readonly content: string;
  nHolders: number;
}

/** Frozen states by number, counted. */
export class Recirculations {
  readonly #heldById = new Map<number, Held>();
  readonly #idByContent = new Map<string, number>();
  readonly #bridgeNumbers = new WeakMap<Bridge, number>();
  #nBridges = 0;
  #nextId = 1;

  /** The number of a state; it lives until the last holder releases it, or {@link collecting} finds that there is none. */
  idOf(state: FrozenState): number {
    const content = contentOfState(state, this.#numberOf(state.bridge));
    const known = this.#idByContent.get(content);
    if (known !== undefined) return known;
    const id = this.#nextId++;
    this.#idByContent.set(content, id);
    this.#heldById.set(id, { state, content, nHolders: 0 });
    return id;
  }

  /** The state of a number; `undefined` when nothing holds it any more. */
  state(id: number): FrozenState | undefined {
    return this.#heldById.get(id)?.state;
  }

  /** Counts a number as held once more. */
  retain(id: number): void {
    const held = this.#heldById.get(id);
    if (held !== undefined) held.nHolders++;
  }

  /** Takes back one {@link retain}. */
  release(id: number): void {
    const held = this.#heldById.get(id);
    if (held !== undefined && --held.nHolders <= 0) this.#drop(id);
  }

  /** Drops numbers that translations asked for but nothing holds. */
  *collecting(): Work {
    let n = 0;
    for (const [id, { nHolders }] of this.#heldById) {
      if (nHolders === 0) this.#drop(id);
      if (++n % NUMBERS_PER_STEP === 0) yield;
    }
  }

  #drop(id: number): void {
    const content = this.#heldById.get(id)?.content;
    this.#heldById.delete(id);
    if (content !== undefined) this.#idByContent.delete(content);
  }

  #numberOf(bridge: Bridge): number {
    let number = this.#bridgeNumbers.get(bridge);
    if (number === undefined) {
      number = this.#nBridges++;
      this.#bridgeNumbers.set(bridge, number);
    }
    return number;
  }
}
