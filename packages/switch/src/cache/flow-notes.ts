/**
 * What is noted of each installed megaflow, by its number, outside of V8's heap (see `FlowRecords` of the datapath): what it matches on,
 * when it was made, which visits it stands for, and what of its packets was told to those whom they concern.
 */
import type { Megaflow } from "@tenet/datapath";
import { uncountedMemory } from "@tenet/kit";

const SEGMENT_BITS = 10;
const SEGMENT_LENGTH = 1 << SEGMENT_BITS;
const [RECIRC_ID, CREATED_MS, RUN, TOLD_PACKETS, TOLD_BYTES, N_NOTES] = [0, 1, 2, 3, 4, 5] as const;

/** What packets came to. */
export interface Traffic {
  readonly nPackets: number;
  readonly nBytes: number;
  /** Monotonic ms of the last. */
  readonly usedMs: number;
  /** TCP flags seen, OR-ed. */
  readonly tcpFlags: number;
}

/** Notes of megaflows; those of a flow are there from {@link begin} on. */
export class FlowNotes {
  #segments: Float64Array[] = [];

  /** @param run - of {@link FlowNotes.runOf} */
  begin(flow: Megaflow, recircId: number, nowMs: number, run: number): void {
    const segment = (this.#segments[flow.number >>> SEGMENT_BITS] ??= new Float64Array(
      uncountedMemory(8 * SEGMENT_LENGTH * N_NOTES),
    ));
    const at = (flow.number & (SEGMENT_LENGTH - 1)) * N_NOTES;
    segment[at + RECIRC_ID] = recircId;
    segment[at + CREATED_MS] = nowMs;
    segment[at + RUN] = run;
    segment[at + TOLD_PACKETS] = 0;
    segment[at + TOLD_BYTES] = 0;
  }

  /** What it matches on; 0 for packets that have just come in. */
  recircIdOf(flow: Megaflow): number {
    return this.#get(flow, RECIRC_ID);
  }

  /** When it was last used, or else made. */
  usedMsOf(flow: Megaflow): number {
    return Math.max(flow.usedMs, this.#get(flow, CREATED_MS));
  }

  /** The visits that it stands for, among the {@link VisitRuns}. */
  runOf(flow: Megaflow): number {
    return this.#get(flow, RUN);
  }

  setRun(flow: Megaflow, run: number): void {
    this.#set(flow, RUN, run);
  }

  /** The packets since the last time; `undefined` when there were none. */
  takeNews(flow: Megaflow): Traffic | undefined {
    const { nPackets } = flow;
    const nToldPackets = this.#get(flow, TOLD_PACKETS);
    if (nPackets <= nToldPackets) return undefined;
    const { nBytes, usedMs, tcpFlags } = flow;
    const news = { nPackets: nPackets - nToldPackets, nBytes: nBytes - this.#get(flow, TOLD_BYTES), usedMs, tcpFlags };
    this.#set(flow, TOLD_PACKETS, nPackets);
    this.#set(flow, TOLD_BYTES, nBytes);
    return news;
  }

  /** There is no flow any more. */
  clear(): void {
    this.#segments = [];
  }

  #get({ number }: Megaflow, note: number): number {
    const segment = this.#segments[number >>> SEGMENT_BITS] as Float64Array;
    return segment[(number & (SEGMENT_LENGTH - 1)) * N_NOTES + note] as number;
  }

  #set({ number }: Megaflow, note: number, value: number): void {
    const segment = this.#segments[number >>> SEGMENT_BITS] as Float64Array;
    segment[(number & (SEGMENT_LENGTH - 1)) * N_NOTES + note] = value;
  }
}
