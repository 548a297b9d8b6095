/** Finds the packet's flow under the masks there are. */
import { asm, type Code } from "@tenet/bpf";
import { hashStart, LINE, MIX_END, MIX_WORD, type Mixing, TAG_UNIT } from "../flow-index.ts";
import { SLOT, slotKeyAt, SLOTS_PER_PIECE } from "../slot.ts";
import { findInPieces, type MaskTable, type PassMaps } from "./program-maps.ts";
import { SCRATCH_BYTES, STACK } from "./stack.ts";

/** Numbers of masks that are remembered, from 1 and a byte each: a power of two, and many times the connections that are alive at once. */
export const MASK_HINTS = 65_536;
const HINT_MULTIPLIER = 0x2545_f491;

/** As many words as there is room for behind which a look-up keeps two things of 8 bytes. */
export const MAX_MASK_WORDS: number = (SCRATCH_BYTES - 16) / 4;

/**
 * Goes to `hit` with the address of the flow's slot in `r9`, or on. Which mask answered last is remembered by a hash of the packet, so that many
 * masks cost as one: a packet has a flow under one mask at most.
 *
 * Registers: `r7` where the number is remembered, `r8` whether the mask at hand is the one remembered.
 */
export function findFlow(tables: readonly MaskTable[], maps: PassMaps): Code {
  if (tables.length === 1) return tables.map((table) => [lookup(table, maps, "slow"), asm.jump("hit")]);
  return [
    hashPacket(new Set(tables.flatMap(({ words }) => words.map(({ place }) => place)))),
    [asm.and("r1", MASK_HINTS - 1), asm.mapValue("r7", maps.maskHints), asm.add("r7", "r1")],
    [asm.mov("r8", 1), asm.load(1, "r1", "r7", 0)],
    tables.map((_, i) => asm.branch("r1", "==", i + 1, `mask-${i}`)),
    [asm.label("search"), asm.mov("r8", 0)],
    tables.map((table, i) => [
      [asm.label(`mask-${i}`), lookup(table, maps, `not-${i}`)],
      [asm.branch("r8", "==", 1, "hit"), asm.store(1, "r7", 0, i + 1), asm.jump("hit")],
      [asm.label(`not-${i}`), asm.branch("r8", "==", 1, "search")],
    ]),
  ];
}

/** Of the key's words, in `r1`. */
function hashPacket(places: ReadonlySet<number>): Code {
  const words = [...places].toSorted((a, b) => a - b);
  return [
    asm.mov("r1", 0),
    words.map((place) => [
      asm.load(4, "r2", "r10", STACK.key + 4 * place),
      asm.xor("r1", "r2"),
      asm.mul("r1", HINT_MULTIPLIER),
      asm.mov("r2", "r1"),
      asm.rsh("r2", 29),
      asm.xor("r1", "r2"),
    ]),
  ];
}

/** Looks the packet up under a mask: goes on with its slot's address in `r9` and its number on the stack, or to `absent`. */
function lookup(table: MaskTable, { index, slots }: PassMaps, absent: string): Code {
  const { number, words } = table;
  const tagAt = STACK.scratch + 8 * Math.ceil(words.length / 2);
  const [found, second] = [`found-${number}`, `second-${number}`];
  const half = (i: number, otherwise: string): Code => [
    placesOf(i, `${found}-${i}`, otherwise),
    [asm.label(`${found}-${i}`), asm.sub("r3", 1), asm.store(8, "r10", STACK.slot, "r3"), asm.mov("r1", "r3")],
    [findInPieces(slots, SLOTS_PER_PIECE, tagAt + 8, otherwise), requireKey(table, otherwise)],
  ];
  return [
    hashUnder(table, index.seed),
    [asm.mov32("r2", "r1"), asm.and32("r2", -TAG_UNIT), asm.store(8, "r10", tagAt, "r2"), asm.and32("r1", index.nLines - 1)],
    [asm.lsh("r1", Math.log2(LINE.bytes)), asm.mapValue("r9", index.map), asm.add("r9", "r1")],
    [half(0, second), asm.jump(found)],
    [asm.label(second), asm.load(8, "r2", "r10", tagAt), half(1, absent)],
    [asm.label(found), asm.mov("r9", "r0")],
  ];
}

/** The hash of the packet under a mask in `r1`, see flow-index.ts; its masked words on the stack. */
function hashUnder({ words, number }: MaskTable, seed: number): Code {
  return [
    asm.mov32("r1", hashStart(seed, number)),
    words.map(({ place, bits }, i) => [
      asm.load(4, "r2", "r10", STACK.key + 4 * place),
      bits === 0xffff_ffff ? [] : asm.and32("r2", bits),
      asm.store(4, "r10", STACK.scratch + 4 * i, "r2"),
      [asm.xor32("r1", "r2"), mix(MIX_WORD)],
    ]),
    mix(MIX_END),
  ];
}

/** What is in `r1`; uses `r2`. */
function mix({ multiplier, shift }: Mixing): Code {
  return [asm.mul32("r1", multiplier), asm.mov32("r2", "r1"), asm.rsh32("r2", shift), asm.xor32("r1", "r2")];
}

/** Goes to `found` with what the place in a half of the line at `r9` has whose tag is in `r2`, in `r3`; or to `absent`. */
function placesOf(half: number, found: string, absent: string): Code {
  const first = half * LINE.halfPlaces;
  return [
    Array.from({ length: LINE.halfPlaces }, (_, i) => [
      [asm.load(4, "r3", "r9", LINE.placeBytes * (first + i)), asm.branch("r3", "==", 0, absent)],
      [asm.xor("r3", "r2"), asm.branch("r3", "<", TAG_UNIT, found)],
    ]),
    asm.jump(absent),
  ];
}

/** Goes on when the slot at `r0` is of the mask and has the key that is on the stack. */
function requireKey({ words, number }: MaskTable, otherwise: string): Code {
  const at = slotKeyAt(words.length);
  const pieces = Array.from(
    { length: Math.ceil(words.length / 2) },
    (_, i) => ({ from: 8 * i, width: 2 * i + 1 < words.length ? 8 : 4 }) as const,
  );
  return [
    [asm.load(2, "r1", "r0", SLOT.mask), asm.branch("r1", "!=", number, otherwise)],
    pieces.map(({ from, width }) => [
      [asm.load(width, "r1", "r10", STACK.scratch + from), asm.load(width, "r2", "r0", at + from)],
      asm.branch("r1", "!=", "r2", otherwise),
    ]),
  ];
}
