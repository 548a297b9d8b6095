/** When a slot is given out again. */
import { expect, test } from "vitest";
import { SLOT } from "../src/ebpf/slot.ts";
import { type SharedSlots, SlotMemory } from "../src/ebpf/slot-memory.ts";

const MASK = 3;
const KEY = Uint32Array.of(1);

/** Slots, and a kernel whose programs end when it is told. */
function slotsOf(capacity: number): { slots: SlotMemory; endPrograms: (() => void)[] } {
  const endPrograms: (() => void)[] = [];
  const untilProgramsEnd = (): Promise<void> => new Promise((resolve) => endPrograms.push(resolve));
  return { slots: new SlotMemory(memoryOf(capacity), untilProgramsEnd), endPrograms };
}

/** Memory that does not grow. */
function memoryOf(nEntries: number): SharedSlots {
  return { bytes: new Uint8Array(nEntries * SLOT.sizeBytes), nEntries, keepSpare: () => undefined };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

test("a slot is given out again when the programs have ended that ran when it was released, not before", async () => {
  const { slots, endPrograms } = slotsOf(1);
  expect(slots.take([], MASK, KEY)).toBe(0);
  slots.release(0);
  await settle();
  expect(slots.take([], MASK, KEY)).toBe(-1);
  endPrograms[0]?.();
  await settle();
  expect(slots.take([], MASK, KEY)).toBe(0);
});

test("one that is released while others rest rests until the next time", async () => {
  const { slots, endPrograms } = slotsOf(2);
  const [first, second] = [slots.take([], MASK, KEY), slots.take([], MASK, KEY)];
  slots.release(first);
  slots.release(second);
  endPrograms[0]?.();
  await settle();
  expect([slots.take([], MASK, KEY), slots.take([], MASK, KEY)]).toEqual([first, -1]);
  endPrograms[1]?.();
  await settle();
  expect(slots.take([], MASK, KEY)).toBe(second);
});

test("slots of a time that the kernel cannot tell the end of are not given out again", async () => {
  const slots = new SlotMemory(memoryOf(1), () => Promise.reject(new Error("no memory")));
  slots.release(slots.take([], MASK, KEY));
  await settle();
  expect(slots.take([], MASK, KEY)).toBe(-1);
});

test("a slot says of which mask and key it is", () => {
  const { slots } = slotsOf(2);
  slots.take([], MASK, KEY);
  const slot = slots.take([], 65_535, Uint32Array.of(5, 6, 7));
  const key = new Uint32Array(3);
  slots.readKey(slot, key);
  expect([slots.maskOf(slot), ...key]).toEqual([65_535, 5, 6, 7]);
});

test("keys and actions share the room", () => {
  expect(SlotMemory.hasRoom(14, 0)).toBe(true);
  expect(SlotMemory.hasRoom(14, 1)).toBe(false);
  expect(SlotMemory.hasRoom(13, 4)).toBe(true);
  expect(SlotMemory.hasRoom(13, 5)).toBe(false);
});
