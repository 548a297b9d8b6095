/**
 * The slots of flows in memory that the kernel's program shares: given out, written, read, and given out again when no packet is in them.
 *
 * A program that looked a flow up just before it was taken away holds its slot until it ends. So a slot that was released rests until the
 * kernel says that all programs have ended that ran then; those released meanwhile rest until the next time.
 */
import type { GrowingArray } from "@tenet/bpf";
import type { KernelAction } from "./actions/action-kind.ts";
import { type ActionName, actionNumber } from "./actions/actions.ts";
import { NO_POINTS } from "./resumption.ts";
import { SLOT, slotKeyAt } from "./slot.ts";

const TWO_32 = 2 ** 32;

/** What a slot that nobody has is marked with. */
export const NO_MASK = 0;

/** Memory of slots, of which there are more as they are used. */
export type SharedSlots = Pick<GrowingArray, "bytes" | "nEntries" | "keepSpare">;

/** Slots by number. */
export class SlotMemory {
  readonly #memory: SharedSlots;
  readonly #view: DataView;
  #nUsed = 0;
  readonly #free: number[] = [];
  readonly #untilProgramsEnd: () => Promise<void>;
  /** Taken away, but perhaps still in a program's hands. */
  #released: number[] = [];
  #isResting = false;

  /** @param untilProgramsEnd - resolves when all programs have ended that run now */
  constructor(memory: SharedSlots, untilProgramsEnd: () => Promise<void>) {
    const { bytes } = memory;
    this.#memory = memory;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#untilProgramsEnd = untilProgramsEnd;
  }

  /** Whether a slot has room for so many actions and words of a key. */
  static hasRoom(nActions: number, nWords: number): boolean {
    return SLOT.actions + nActions * SLOT.actionBytes <= slotKeyAt(nWords);
  }

  /** Whether there is a slot to take; when few are left, memory for more is asked for. */
  makeRoom(): boolean {
    if (this.#free.length > 0) return true;
    this.#memory.keepSpare(this.#nUsed);
    return this.#nUsed < this.#memory.nEntries;
  }

  /**
   * Takes a slot, with counters of zero.
   *
   * @param mask - number of the mask that packets have the key under
   * @param points - number of the points where this process may have to go on, see resumption.ts
   * @returns -1 when there is none
   */
  take(actions: readonly KernelAction<ActionName>[], mask: number, key: Uint32Array, points: number = NO_POINTS): number {
    if (!this.makeRoom()) return -1;
    const slot = this.#free.pop() ?? this.#nUsed++;
    const view = this.#view;
    const at = slot * SLOT.sizeBytes;
    for (let i = 0; i < SLOT.actions; i += 4) view.setUint32(at + i, 0, true);
    let from = at + SLOT.actions;
    for (const { what, argument, low, high } of actions) {
      view.setUint32(from, (actionNumber(what) | (points << SLOT.pointsShift)) >>> 0, true);
      view.setUint32(from + 4, argument, true);
      view.setUint32(from + 8, low, true);
      view.setUint32(from + 12, high, true);
      from += SLOT.actionBytes;
    }
    view.setUint16(at + SLOT.nActions, actions.length, true);
    view.setUint16(at + SLOT.mask, mask, true);
    const keyAt = at + slotKeyAt(key.length);
    for (let i = 0; i < key.length; i++) view.setUint32(keyAt + 4 * i, key[i] ?? 0, true);
    return slot;
  }

  /** The number of a slot's mask; {@link NO_MASK} when nobody has the slot. */
  maskOf(slot: number): number {
    return this.#view.getUint16(slot * SLOT.sizeBytes + SLOT.mask, true);
  }

  /** The number of a slot's points. */
  pointsOf(slot: number): number {
    const at = slot * SLOT.sizeBytes;
    if (this.#view.getUint16(at + SLOT.nActions, true) === 0) return NO_POINTS;
    return this.#view.getUint32(at + SLOT.actions, true) >>> SLOT.pointsShift;
  }

  /** A copy of a slot's actions, four words each, without the number of their points. */
  actionWords(slot: number): Uint32Array {
    const at = slot * SLOT.sizeBytes;
    const n = Math.min(this.#view.getUint16(at + SLOT.nActions, true), SLOT.maxActions) * (SLOT.actionBytes / 4);
    const words = Uint32Array.from({ length: n }, (_, i) => this.#view.getUint32(at + SLOT.actions + 4 * i, true));
    for (let i = 0; i < n; i += SLOT.actionBytes / 4) words[i] = (words[i] ?? 0) & ~(-1 << SLOT.pointsShift);
    return words;
  }

  /** Reads what `take` was given as the key of a slot. @param key - out: of that length */
  readKey(slot: number, key: Uint32Array): void {
    const at = slot * SLOT.sizeBytes + slotKeyAt(key.length);
    for (let i = 0; i < key.length; i++) key[i] = this.#view.getUint32(at + 4 * i, true);
  }

  /** Gives a slot back that no key leads to any more. */
  release(slot: number): void {
    this.#view.setUint16(slot * SLOT.sizeBytes + SLOT.mask, NO_MASK, true);
    this.#released.push(slot);
    if (this.#isResting) return;
    this.#isResting = true;
    const rested = (): void => {
      this.#isResting = false;
    };
    // When the kernel cannot tell, the slots of that time are not given out again.
    this.#rest().then(rested, rested);
  }

  /** Packets of a slot. */
  packets(slot: number): number {
    return this.#read(slot, SLOT.packets);
  }

  /** Their bytes. */
  bytes(slot: number): number {
    return this.#read(slot, SLOT.bytes);
  }

  /** When the last one came, on the monotonic clock; 0 = never. */
  usedMs(slot: number): number {
    return this.#read(slot, SLOT.used) / 1e6;
  }

  /** TCP flags of all, OR-ed. */
  tcpFlags(slot: number): number {
    return this.#view.getUint32(slot * SLOT.sizeBytes + SLOT.tcpFlags, true);
  }

  /** Lets a slot count what another one has counted, while the program counts, too. */
  addCounts(slot: number, other: SlotMemory, otherSlot: number): void {
    const counters = this.#countersOf(slot);
    const others = other.#countersOf(otherSlot);
    for (const field of [SLOT.packets, SLOT.bytes]) Atomics.add(counters, field / 8, others[field / 8] ?? 0n);
    Atomics.compareExchange(counters, SLOT.used / 8, 0n, others[SLOT.used / 8] ?? 0n);
    const at = this.#view.byteOffset + slot * SLOT.sizeBytes + SLOT.tcpFlags;
    Atomics.or(new Uint32Array(this.#view.buffer, at, 1), 0, other.tcpFlags(otherSlot));
  }

  #countersOf(slot: number): BigUint64Array {
    return new BigUint64Array(this.#view.buffer, this.#view.byteOffset + slot * SLOT.sizeBytes, SLOT.tcpFlags / 8);
  }

  async #rest(): Promise<void> {
    while (this.#released.length > 0) {
      const slots = this.#released;
      this.#released = [];
      await this.#untilProgramsEnd();
      for (const slot of slots) this.#free.push(slot);
    }
  }

  #read(slot: number, field: number): number {
    const at = slot * SLOT.sizeBytes + field;
    return this.#view.getUint32(at + 4, true) * TWO_32 + this.#view.getUint32(at, true);
  }
}
