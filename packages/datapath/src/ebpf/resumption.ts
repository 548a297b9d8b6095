/**
 * How a packet that the kernel's program leaves to this process in the middle of a flow's actions says where to go on: in the place of
 * its `recirc_id`, which is that of the flow.
 *
 *  | 1 | number of the flow's points 24 | which of them 7 |
 *
 * A packet may wait to be read for long, in a queue of the kernel, and the flow may go meanwhile. Therefore it does not name the flow's slot, which
 * another one may have by then, but a number that no other flow is given until all others were. The points of a flow that went are
 * remembered until many others have gone; whoever comes later is dropped.
 */
import type { DatapathAction } from "../datapath.ts";

/** The highest bit, which no `recirc_id` has, and where the number begins. */
export const RESUMPTION = { flag: 0x8000_0000, numberShift: 7 } as const;

/** A flow has so many at most. */
export const MAX_POINTS: number = 1 << RESUMPTION.numberShift;

/** The number of a flow without points. */
export const NO_POINTS = 0;

const MAX_NUMBER = 0xff_ffff;
/** Flows that went whose points are remembered. */
const MAX_GONE = 4096;

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

interface FlowPoints {
  readonly points: readonly ResumptionPoint[];
  readonly recircId: number;
}

/** Whether a packet has a place in a list where its `recirc_id` would be. */
export function isResumption(word: number): boolean {
  return (word & RESUMPTION.flag) !== 0;
}

/** The points of flows by number. */
export class Resumptions {
  readonly #points = new Map<number, FlowPoints>();
  /** Numbers of flows that went, the longest gone first. */
  readonly #gone = new Set<number>();
  readonly #maxNumber: number;
  #last = NO_POINTS;

  /** @param maxNumber - above the number of flows, of those that went, too */
  constructor(maxNumber: number = MAX_NUMBER) {
    this.#maxNumber = maxNumber;
  }

  /** Gives the points of a flow a number; {@link NO_POINTS} when there are none. */
  add(points: readonly ResumptionPoint[], recircId: number): number {
    if (points.length === 0) return NO_POINTS;
    do this.#last = (this.#last % this.#maxNumber) + 1;
    while (this.#points.has(this.#last));
    this.#points.set(this.#last, { points, recircId });
    return this.#last;
  }

  /** The flow goes; packets of it may still be on their way. */
  release(number: number): void {
    if (number === NO_POINTS) return;
    this.#gone.add(number);
    for (const longest of this.#gone) {
      if (this.#gone.size <= MAX_GONE) break;
      this.#gone.delete(longest);
      this.#points.delete(longest);
    }
  }

  /** Where to go on with a packet that has this in the place of its `recirc_id`; `undefined` when that is forgotten. */
  find(word: number): Resumption | undefined {
    const flow = this.#points.get((word & ~RESUMPTION.flag) >>> RESUMPTION.numberShift);
    const point = flow?.points[word & (MAX_POINTS - 1)];
    return flow && point && { ...point, recircId: flow.recircId };
  }
}
