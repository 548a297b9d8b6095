/** What the table of connections needs to know of somebody else who follows and makes connections in the same memory. */
import type { EntryMemory } from "./connection-entry.ts";

/** Connections that this process shares with the kernel's program. Ids below `capacity` have their entries in its memory. */
export interface SharedConnections {
  readonly memory: EntryMemory;
  readonly capacity: number;
  /** An id for a connection that this process makes; -1 when there is none. */
  takeId(nowMs: number): number;
  /** `2 * id + direction` of a tuple; -1 when no entry is known by it. */
  find(tuple: Uint32Array): number;
  /** Lets the program find an entry, which is complete. @returns whether it does; another may have one of its tuples */
  publish(id: number, original: Uint32Array, reply: Uint32Array): boolean;
  /** Lets the program find an entry no longer; `isPublished`: whether it did. The id can be taken again after a while. */
  withdraw(id: number, isPublished: boolean, original: Uint32Array, reply: Uint32Array, nowMs: number): void;
  /** Visits the ids of connections that the program has made since the last call. */
  takeNew(visit: (id: number) => void): void;
  /** Of the hash of tuples that translations are chosen by, see nat.ts. */
  seed: number;
  /** Whether a packet without an entry may yet be known here, so that it has to be asked after. */
  mustAsk: boolean;
  /** Whether TCP segments that do not fit their connection are asked after here. */
  mustAskOfMisfits: boolean;
  /** Connections, all in one word. The program counts those that it makes, this process its own and those that end; each in one step. */
  readonly count: Int32Array;
  /** Likewise, of each zone. */
  readonly zoneCounts: Int32Array;
  /** How many connections the program may let there be in all, and in each zone; any number when that is infinite. */
  limit(max: number, ofZones: ReadonlyMap<number, number>, ofOtherZones: number): void;
  /** The same of one zone. */
  limitZone(zone: number, max: number): void;
  /** Gives the program ids for the connections that it makes. */
  giveIds(nowMs: number): void;
}
