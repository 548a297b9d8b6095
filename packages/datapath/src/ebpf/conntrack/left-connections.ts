/**
 * Puts the connections in order that a process left in the kernel when it was killed, while its program goes on with them.
 *
 * The process may have died in the middle of anything it does in several steps. A connection counts as whole when its entry is in use and the
 * index leads there from both of its tuples: that is how the process and the program end what they begin. What is in use otherwise was
 * begun or ended in part, and is ended here. The ids that the program may take just now are left alone: whoever looks after new connections
 * sees what becomes of them.
 */
import type { BpfMap } from "@tenet/bpf";
import { ENTRY, ENTRY_WORDS, type EntryMemory, STATUS } from "../../conntrack/connection-entry.ts";

const BATCH = 4096;
/** Sides of a connection that the index leads to, a bit each. */
const BOTH_SIDES = 3;

/** Ids that are in use, and those that are not. */
export interface LeftIds {
  /** Of whole connections. */
  readonly live: number[];
  /** Below `nUsed`. */
  readonly free: number[];
  /** From it on no id is in use. */
  readonly nUsed: number;
}

/**
 * Ends what is not whole, and tells what is there.
 *
 * @param index - from tuples to `2 * id + direction`
 * @param isGiven - whether the program may take an id, or has taken it just now
 */
export function tidyLeftConnections(index: BpfMap, { words }: EntryMemory, isGiven: (id: number) => boolean): LeftIds {
  const sides = new Uint8Array(words.length / ENTRY_WORDS);
  forEachPlace(index, (place) => {
    sides[place >>> 1] = (sides[place >>> 1] ?? 0) | (1 << (place & 1));
  });
  const live: number[] = [];
  const free: number[] = [];
  const broken = new Set<number>();
  let nUsed = 0;
  for (let id = 0; id < sides.length; id++) {
    const at = id * ENTRY_WORDS + ENTRY.status;
    const status = Atomics.load(words, at);
    const isInUse = status !== STATUS.free && status !== STATUS.abandoned;
    if (isGiven(id)) nUsed = id + 1;
    else if (isInUse && sides[id] === BOTH_SIDES) {
      live.push(id);
      nUsed = id + 1;
    } else {
      if (sides[id] !== 0) broken.add(id);
      if (status !== STATUS.free) Atomics.store(words, at, STATUS.free);
      free.push(id);
    }
  }
  if (broken.size > 0) deletePlaces(index, broken);
  return { live, free: free.filter((id) => id < nUsed), nUsed };
}

function deletePlaces(index: BpfMap, ids: ReadonlySet<number>): void {
  const keys: Uint8Array[] = [];
  forEachPlace(index, (place, key) => {
    if (ids.has(place >>> 1)) keys.push(key.slice());
  });
  for (const key of keys) index.delete(key);
}

function forEachPlace(index: BpfMap, visit: (place: number, key: Uint8Array) => void): void {
  const { keyBytes } = index.spec;
  index.forEachBatch(BATCH, (keys, values, n) => {
    const places = new Uint32Array(values.buffer, values.byteOffset, n);
    for (const [i, place] of places.entries()) visit(place, keys.subarray(i * keyBytes, (i + 1) * keyBytes));
  });
}
