/**
 * The range that a connection's translation is chosen from, as the actions behind a `track` have it:
 *
 *  | what | flags 8, family 8, number of addresses 16 | first port 16, ports beyond it 16 | first address, last word |
 *  | what | first address, the other words, backwards |
 */
import { ENTRY_FLAG } from "../../conntrack/connection-entry.ts";
import { addressesOf, portsOf } from "../../conntrack/nat.ts";
import type { CtNat } from "../../datapath.ts";
import { WORDS_PER_ACTION } from "./track-argument.ts";

/** Bits above those of `ENTRY_FLAG` that tell the side. */
export const RANGE_FLAG = { isPersistent: 4, isRandom: 8, keepsOwnPort: 16 } as const;
export const RANGE_FAMILY_SHIFT = 8;
export const RANGE_COUNT_SHIFT = 16;
const MAX_ADDRESSES = 0xffff;

/** Which word is what. */
export const RANGE_WORD = { flags: 0, ports: 1, address: 2 } as const;
/** Actions that hold a range. */
export const RANGE_ACTIONS = 2;

/** The words of a range; `undefined` when the program does not choose from it: it is too large, or all keep their addresses. */
export function rangeWords(nat: CtNat): number[] | undefined {
  const { first, n: nAddresses } = addressesOf(nat);
  if (nat.side === undefined || first === undefined || nAddresses > MAX_ADDRESSES) return undefined;
  const ports = portsOf(nat);
  const flags =
    (nat.side === "src" ? ENTRY_FLAG.sourceNat : ENTRY_FLAG.destinationNat) |
    (nat.isPersistent ? RANGE_FLAG.isPersistent : 0) |
    (nat.portChoice === "random" ? RANGE_FLAG.isRandom : 0) |
    (ports.keepsOwn ? RANGE_FLAG.keepsOwnPort : 0) |
    ((first.length === 4 ? 6 : 4) << RANGE_FAMILY_SHIFT);
  const address = [...first].reverse();
  return [
    (flags | (nAddresses << RANGE_COUNT_SHIFT)) >>> 0,
    (ports.first | ((ports.n - 1) << 16)) >>> 0,
    ...Array.from({ length: RANGE_ACTIONS * WORDS_PER_ACTION - RANGE_WORD.address }, (_, i) => address[i] ?? 0),
  ];
}
