/** Finds the packet's flow under the masks there are. */
import { asm, type Code, type MapReference } from "@tenet/bpf";
import { slotKeyAt } from "../slot.ts";
import { findEntry, type MaskTable, type PassMaps } from "./program-maps.ts";
import { STACK } from "./stack.ts";

/** Numbers of masks that are remembered, from 1 and a byte each: a power of two, and many times the connections that are alive at once. */
export const MASK_HINTS = 65_536;
const HASH_MULTIPLIER = 0x2545_f491;

/**
 * Goes to `hit` with the address of the flow's slot in `r9`, or on. Which mask answered last is remembered by a hash of the packet, so that many
 * masks cost as one: a packet has a flow under one mask at most.
 *
 * Registers: `r7` where the number is remembered, `r8` whether the mask at hand is the one remembered.
 */
export function findFlow(tables: readonly MaskTable[], { maskHints, slots }: PassMaps): Code {
  if (tables.length === 1) {
    return tables.map((table) => [lookup(table), asm.branch("r0", "==", 0, "slow"), findSlot(table, slots), asm.jump("hit")]);
  }
  return [
    hash(new Set(tables.flatMap(({ words }) => words.map(({ place }) => place)))),
    [asm.and("r1", MASK_HINTS - 1), asm.mapValue("r7", maskHints), asm.add("r7", "r1")],
    [asm.mov("r8", 1), asm.load(1, "r1", "r7", 0)],
    tables.map((_, i) => asm.branch("r1", "==", i + 1, `mask-${i}`)),
    [asm.label("search"), asm.mov("r8", 0)],
    tables.map((table, i) => [
      [asm.label(`mask-${i}`), lookup(table), asm.branch("r0", "==", 0, `not-${i}`)],
      [asm.branch("r8", "==", 1, `found-${i}`), asm.store(1, "r7", 0, i + 1)],
      [asm.label(`found-${i}`), findSlot(table, slots), asm.jump("hit")],
      [asm.label(`not-${i}`), asm.branch("r8", "==", 1, "search")],
    ]),
  ];
}

/** Of the key's words, in `r1`. */
function hash(places: ReadonlySet<number>): Code {
  const words = [...places].toSorted((a, b) => a - b);
  return [
    asm.mov("r1", 0),
    words.map((place) => [
      asm.load(4, "r2", "r10", STACK.key + 4 * place),
      asm.xor("r1", "r2"),
      asm.mul("r1", HASH_MULTIPLIER),
      asm.mov("r2", "r1"),
      asm.rsh("r2", 29),
      asm.xor("r1", "r2"),
    ]),
  ];
}

/** Looks the packet up under a mask. */
function lookup({ map, words }: MaskTable): Code {
  const masked = words.map(({ place, bits }, i) => [
    asm.load(4, "r1", "r10", STACK.key + 4 * place),
    bits === 0xffff_ffff ? [] : asm.and32("r1", bits),
    asm.store(4, "r10", STACK.scratch + 4 * i, "r1"),
  ]);
  return [masked, findEntry(map, STACK.scratch)];
}

/** From the entry at `r0` to its slot, whose number is on the stack then. The entry may be another flow's by now, and then its slot is, too: the packet goes up. */
function findSlot({ words }: MaskTable, slots: MapReference): Code {
  const at = slotKeyAt(words.length);
  const pieces = Array.from(
    { length: Math.ceil(words.length / 2) },
    (_, i) => ({ from: 8 * i, width: 2 * i + 1 < words.length ? 8 : 4 }) as const,
  );
  return [
    [asm.load(4, "r1", "r0", 0), asm.store(8, "r10", STACK.slot, "r1"), findEntry(slots, STACK.slot)],
    [asm.branch("r0", "==", 0, "slow"), asm.mov("r9", "r0")],
    pieces.map(({ from, width }) => [
      [asm.load(width, "r1", "r10", STACK.scratch + from), asm.load(width, "r2", "r9", at + from)],
      asm.branch("r1", "!=", "r2", "slow"),
    ]),
  ];
}
