/**
 * Sets of subtables, a few words each.
 *
 * A subtable has a slot, that is its bit in such a set. There may be more subtables than slots: then some share one.
 */

/** How many slots there are. */
export const SLOTS = 128;
/** Words of a set. */
export const SET_WORDS: number = SLOTS >>> 5;

/** Whether a slot is in the set at `at`. */
export function hasSlot(sets: Int32Array, at: number, slot: number): boolean {
  return (((sets[at + (slot >>> 5)] as number) >>> (slot & 31)) & 1) === 1;
}

/** Puts a slot into the set at `at`. */
export function addSlot(sets: Int32Array, at: number, slot: number): void {
  const word = at + (slot >>> 5);
  sets[word] = (sets[word] as number) | (1 << (slot & 31));
}

/** Takes a slot out of the set at `at`. */
export function removeSlot(sets: Int32Array, at: number, slot: number): void {
  const word = at + (slot >>> 5);
  sets[word] = (sets[word] as number) & ~(1 << (slot & 31));
}
