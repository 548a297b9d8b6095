/**
 * How a packet that the kernel's program leaves to this process in the middle of a flow's actions says where to go on: in the place of
 * its `recirc_id`, which is that of the flow.
 *
 *  | 1 | slot of the flow 23 | which of its points 8 |
 */
import type { DatapathAction } from "../datapath.ts";

/** The highest bit, which no `recirc_id` has, and where the slot begins. */
export const RESUMPTION = { flag: 0x8000_0000, slotShift: 8 } as const;

/** A flow has so many at most. */
export const MAX_POINTS: number = 1 << RESUMPTION.slotShift;

/** Actions that are to be carried out, from one of them on. */
export interface ResumptionPoint {
  readonly actions: readonly DatapathAction[];
  readonly first: number;
}

/** Where to go on with a packet. */
export interface Resumption extends ResumptionPoint {
  /** Of the flow that it is of. */
  readonly recircId: number;
}

/** The slot and the number of the point that a word tells; `undefined` when it is a `recirc_id`. */
export function readResumption(word: number): { slot: number; point: number } | undefined {
  if ((word & RESUMPTION.flag) === 0) return undefined;
  return { slot: (word & ~RESUMPTION.flag) >>> RESUMPTION.slotShift, point: word & (MAX_POINTS - 1) };
}
