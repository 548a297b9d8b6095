/** When a slot is given out again. */
import { expect, test } from "vitest";
import { SLOT } from "../src/ebpf/slot.ts";
import { SlotMemory } from "../src/ebpf/slot-memory.ts";

const KEY = Uint32Array.of(1);

/** Slots, and a kernel whose programs end when it is told. */
function slotsOf(capacity: number): { slots: SlotMemory; endPrograms: (() => void)[] } {
  const endPrograms: (() => void)[] = [];
  const untilProgramsEnd = (): Promise<void> => new Promise((resolve) => endPrograms.push(resolve));
  const memory = { bytes: new Uint8Array(capacity * SLOT.sizeBytes), unmap: () => undefined };
  return { slots: new SlotMemory(memory, capacity, untilProgramsEnd), endPrograms };
}

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await Promise.resolve();
}

test("a slot is given out again when the programs have ended that ran when it was released, not before", async () => {
  const { slots, endPrograms } = slotsOf(1);
  expect(slots.take([], KEY)).toBe(0);
  slots.release(0);
  await settle();
  expect(slots.take([], KEY)).toBe(-1);
  endPrograms[0]?.();
  await settle();
  expect(slots.take([], KEY)).toBe(0);
});

test("one that is released while others rest rests until the next time", async () => {
  const { slots, endPrograms } = slotsOf(2);
  const [first, second] = [slots.take([], KEY), slots.take([], KEY)];
  slots.release(first);
  slots.release(second);
  endPrograms[0]?.();
  await settle();
  expect([slots.take([], KEY), slots.take([], KEY)]).toEqual([first, -1]);
  endPrograms[1]?.();
  await settle();
  expect(slots.take([], KEY)).toBe(second);
});

test("slots of a time that the kernel cannot tell the end of are not given out again", async () => {
  const memory = { bytes: new Uint8Array(SLOT.sizeBytes), unmap: () => undefined };
  const slots = new SlotMemory(memory, 1, () => Promise.reject(new Error("no memory")));
  slots.release(slots.take([], KEY));
  await settle();
  expect(slots.take([], KEY)).toBe(-1);
});

test("keys and actions share the room", () => {
  expect(SlotMemory.hasRoom(14, 0)).toBe(true);
  expect(SlotMemory.hasRoom(14, 1)).toBe(false);
  expect(SlotMemory.hasRoom(13, 4)).toBe(true);
  expect(SlotMemory.hasRoom(13, 5)).toBe(false);
});
