/** The slots of flows in memory that the kernel's program shares: given out, written, read, and given out again when no packet is in them. */
import type { Mapping } from "@tenet/linux";
import type { KernelAction } from "./actions/action-kind.ts";
import { type ActionName, actionNumber } from "./actions/actions.ts";
import { SLOT } from "./slot.ts";

/** A program runs for microseconds; one that saw a flow just before it was taken away has ended by then. */
const GRACE_MS = 1000;
const TWO_32 = 2 ** 32;

/** Slots by number. */
export class SlotMemory {
  readonly #view: DataView;
  readonly #capacity: number;
  #nUsed = 0;
  readonly #free: number[] = [];
  /** Taken away, but perhaps still in a program's hands, oldest first. */
  readonly #resting: { slot: number; sinceMs: number }[] = [];

  constructor({ bytes }: Mapping, capacity: number) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#capacity = capacity;
  }

  /** A slot with these actions and counters of zero; -1 when there is none. */
  take(actions: readonly KernelAction<ActionName>[], nowMs: number): number {
    const slot = this.#next(nowMs);
    if (slot < 0) return -1;
    const view = this.#view;
    const at = slot * SLOT.sizeBytes;
    for (let i = 0; i < SLOT.actions; i += 4) view.setUint32(at + i, 0, true);
    for (const [i, { what, argument, low, high }] of actions.entries()) {
      const from = at + SLOT.actions + i * SLOT.actionBytes;
      view.setUint32(from, actionNumber(what), true);
      view.setUint32(from + 4, argument, true);
      view.setUint32(from + 8, low, true);
      view.setUint32(from + 12, high, true);
    }
    view.setUint32(at + SLOT.nActions, actions.length, true);
    return slot;
  }

  /** Gives a slot back that no key leads to any more. */
  release(slot: number, nowMs: number): void {
    this.#resting.push({ slot, sinceMs: nowMs });
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

  #next(nowMs: number): number {
    const oldest = this.#resting[0];
    if (oldest !== undefined && nowMs - oldest.sinceMs > GRACE_MS) {
      const rested = this.#resting.findIndex(({ sinceMs }) => nowMs - sinceMs <= GRACE_MS);
      for (const { slot } of this.#resting.splice(0, rested < 0 ? this.#resting.length : rested)) this.#free.push(slot);
    }
    return this.#free.pop() ?? (this.#nUsed < this.#capacity ? this.#nUsed++ : -1);
  }

  #read(slot: number, field: number): number {
    const at = slot * SLOT.sizeBytes + field;
    return this.#view.getUint32(at + 4, true) * TWO_32 + this.#view.getUint32(at, true);
  }
}
