/**
 * How a packet that the kernel's program leaves to this process in the middle of a flow's actions says where to go on: in the place of
 * its `recirc_id`, which is that of the flow.
 *
 *  | 1 | slot of the flow 23 | place in its list 8 |
 */
import type { DatapathAction } from "../datapath.ts";

/** The highest bit, which no `recirc_id` has, and where the slot begins. */
export const RESUMPTION = { flag: 0x8000_0000, slotShift: 8 } as const;

/** Actions that are to be carried out, from one of them on. */
export interface Resumption {
  readonly actions: readonly DatapathAction[];
  readonly first: number;
  /** Of the flow that they are of. */
  readonly recircId: number;
}

/** The slot and the place that a word tells; `undefined` when it is a `recirc_id`. */
export function readResumption(word: number): { slot: number; place: number } | undefined {
  if ((word & RESUMPTION.flag) === 0) return undefined;
  return { slot: (word & ~RESUMPTION.flag) >>> RESUMPTION.slotShift, place: word & ((1 << RESUMPTION.slotShift) - 1) };
}
