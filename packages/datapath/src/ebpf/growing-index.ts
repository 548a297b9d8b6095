/**
 * The index of a pass: when it is crowded, a larger one is made beside it, a part in each turn, and takes its place with the next program.
 * Until then whatever changes changes in both.
 */
import type { AppError } from "@tenet/kit";
import { FlowIndex, type IndexReference } from "./flow-index.ts";
import { orRefusal } from "./or-refusal.ts";

/** Of the index, that are copied in a turn: some 1000 flows. */
const LINES_PER_TURN = 256;

/** A key under a mask; it may change when more is asked. */
export interface MaskedKey {
  readonly number: number;
  readonly key: Uint32Array;
}

/** An index that grows. */
export class GrowingIndex {
  #current: FlowIndex;
  #larger: FlowIndex | undefined;
  #isFull = false;
  #isClosed = false;
  readonly #keyOf: (slot: number) => MaskedKey | undefined;
  readonly #tell: (refusal: AppError) => void;

  /**
   * @param keyOf - what `insert` was given with a slot
   * @param tell - is called when the kernel refuses memory for a larger one
   * @throws SystemCallError when it refuses the first
   */
  constructor(keyOf: (slot: number) => MaskedKey | undefined, tell: (refusal: AppError) => void) {
    this.#current = new FlowIndex(Math.trunc(Math.random() * 2 ** 32));
    this.#keyOf = keyOf;
    this.#tell = tell;
  }

  /** For the next program. */
  get reference(): IndexReference {
    return this.#larger ?? this.#current;
  }

  /** Whether the next program should have a larger one. */
  get isCrowded(): boolean {
    return (this.#isFull || this.#current.isCrowded) && this.#current.canGrow && this.#larger === undefined;
  }

  /** Whether a key that finds no room may find some later. */
  get canGrow(): boolean {
    return this.#current.canGrow;
  }

  /** Leads a key to a slot, for programs that run and the next. @returns whether there is room for it */
  insert({ number, key }: MaskedKey, slot: number): boolean {
    this.#larger?.insert(number, key, slot);
    const isIn = this.#current.insert(number, key, slot);
    this.#isFull ||= !isIn;
    return isIn;
  }

  /** Takes away what `insert` was given, if it is there. */
  remove({ number, key }: MaskedKey, slot: number): void {
    this.#larger?.remove(number, key, slot);
    this.#current.remove(number, key, slot);
  }

  /** Makes a larger one. When the kernel has no memory for it, this one is kept. */
  async prepareLarger(): Promise<void> {
    const larger = orRefusal(() => this.#current.larger());
    if (!(larger instanceof FlowIndex)) return this.#tell(larger);
    this.#larger = larger;
    for (let line = 0; line < this.#current.nLines && !this.#isClosed; line += LINES_PER_TURN) {
      for (const slot of this.#current.slotsIn(line, LINES_PER_TURN)) {
        const entry = this.#keyOf(slot);
        if (entry !== undefined) larger.insert(entry.number, entry.key, slot);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** The program that was put in place uses the larger one, if there is one. */
  useLarger(): void {
    if (this.#larger === undefined) return;
    this.#current.close();
    this.#current = this.#larger;
    this.#larger = undefined;
    this.#isFull = false;
  }

  /** No program uses the larger one. */
  dropLarger(): void {
    this.#larger?.close();
    this.#larger = undefined;
  }

  /** Gives all memory back. */
  close(): void {
    this.#isClosed = true;
    this.dropLarger();
    this.#current.close();
  }
}
