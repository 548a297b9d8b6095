/**
 * The tables and rules that packets of megaflows meet, outside of V8's heap: each visit has a number, and a megaflow has a run of numbers.
 *
 * How: runs lie in segments, which are never copied. A run that is given back waits for another of its length. Segments are given back
 * when there is no run any more.
 *
 *     run: | length | number of a visit | ... |
 */
import { uncountedMemory } from "@tenet/kit";
import type { TableVisit } from "../table/flow-table.ts";

const SEGMENT_BITS = 14;
const SEGMENT_LENGTH = 1 << SEGMENT_BITS;
/** Runs take whole multiples of it. */
const GRAIN = 2;
const NO_RUN = -1;

/** Visits that megaflows stand for. */
export class VisitRuns {
  #segments: Int32Array[] = [];
  /** Where the free end begins. */
  #end = 0;
  #nRuns = 0;
  /** First of the runs of a size that are free; each knows the next. */
  readonly #freeBySize = new Map<number, number>();
  readonly #visits: (TableVisit | undefined)[] = [];
  readonly #freeNumbers: number[] = [];
  readonly #read: TableVisit[] = [];

  /** Keeps visits until {@link release}. @returns where */
  keep(visits: readonly TableVisit[]): number {
    const run = this.#take(sizeOf(visits.length));
    const segment = this.#segmentOf(run);
    const at = run & (SEGMENT_LENGTH - 1);
    segment[at] = visits.length;
    for (let i = 0; i < visits.length; i++) segment[at + 1 + i] = this.#numberOf(visits[i] as TableVisit);
    this.#nRuns++;
    return run;
  }

  /** Whether a run is of these visits. */
  isOf(run: number, visits: readonly TableVisit[]): boolean {
    const segment = this.#segmentOf(run);
    const at = run & (SEGMENT_LENGTH - 1);
    if (segment[at] !== visits.length) return false;
    for (let i = 0; i < visits.length; i++) if (this.#visits[segment[at + 1 + i] as number] !== visits[i]) return false;
    return true;
  }

  /** The visits of a run, in an array that is good until the next call. */
  read(run: number): readonly TableVisit[] {
    const segment = this.#segmentOf(run);
    const at = run & (SEGMENT_LENGTH - 1);
    const read = this.#read;
    const length = segment[at] as number;
    read.length = length;
    for (let i = 0; i < length; i++) read[i] = this.#visits[segment[at + 1 + i] as number] as TableVisit;
    return read;
  }

  /** Ends a run. */
  release(run: number): void {
    const segment = this.#segmentOf(run);
    const at = run & (SEGMENT_LENGTH - 1);
    const length = segment[at] as number;
    for (let i = 0; i < length; i++) this.#releaseNumber(segment[at + 1 + i] as number);
    const size = sizeOf(length);
    segment[at] = this.#freeBySize.get(size) ?? NO_RUN;
    this.#freeBySize.set(size, run);
    this.#nRuns--;
    if (this.#nRuns > 0) return;
    this.#segments = [];
    this.#end = 0;
    this.#freeBySize.clear();
    this.#read.length = 0;
  }

  /** A run of `size` words, whatever is in them. */
  #take(size: number): number {
    const free = this.#freeBySize.get(size) ?? NO_RUN;
    if (free !== NO_RUN) {
      this.#freeBySize.set(size, this.#segmentOf(free)[free & (SEGMENT_LENGTH - 1)] as number);
      return free;
    }
    if ((this.#end & (SEGMENT_LENGTH - 1)) + size > SEGMENT_LENGTH || this.#end === this.#segments.length << SEGMENT_BITS) {
      this.#end = this.#segments.length << SEGMENT_BITS;
      this.#segments.push(new Int32Array(uncountedMemory(4 * SEGMENT_LENGTH)));
    }
    const run = this.#end;
    this.#end += size;
    return run;
  }

  #segmentOf(run: number): Int32Array {
    return this.#segments[run >>> SEGMENT_BITS] as Int32Array;
  }

  /** Counts a visit as kept once more; the first time it gets a number. */
  #numberOf(visit: TableVisit): number {
    if (visit.nKept++ > 0) return visit.number;
    visit.number = this.#freeNumbers.pop() ?? this.#visits.length;
    this.#visits[visit.number] = visit;
    visit.table.nDependents++;
    return visit.number;
  }

  #releaseNumber(number: number): void {
    const visit = this.#visits[number] as TableVisit;
    if (--visit.nKept > 0) return;
    this.#visits[number] = undefined;
    this.#freeNumbers.push(number);
    visit.table.nDependents--;
  }
}

/** How many words a run of so many visits takes. */
function sizeOf(length: number): number {
  return Math.ceil((1 + length) / GRAIN) * GRAIN;
}
