/**
 * The connections that the kernel's program follows: their entries, an index of them, and what it is told about connections as such.
 *
 * Entries and control are memory of both; the index is a hash of the kernel, from either tuple to an entry and the side. An id that
 * was in use rests for a while: a program that saw its entry just before has ended by then.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { BpfMap, GracePeriod, GrowingArray, type MapSpec } from "@tenet/bpf";
import type { AppError } from "@tenet/kit";
import type { Mapping } from "@tenet/linux";
import { ENTRY, ENTRY_WORDS, type EntryMemory, STATUS } from "../../conntrack/connection-entry.ts";
import { TIMEOUT_MS } from "../../conntrack/phase.ts";
import type { SharedConnections } from "../../conntrack/shared-connections.ts";
import { N_ZONES, TUPLE, TUPLE_WORDS, zoneOf } from "../../conntrack/tuple.ts";
import { CAPACITY, ENTRIES_PER_PIECE } from "./connection-format.ts";
import { CONTROL, LEFT_REASONS, N_FREE_IDS, NO_LIMIT } from "./control-layout.ts";
import { tidyLeftConnections } from "./left-connections.ts";

const REST_MS = 1000;
/** An entry that the program begins is complete at once, but for what interrupts it. */
const MAX_LOOKS = 1_000_000;
const NS_PER_MS = 1e6;

/** What {@link ConnectionMaps} can be given. */
export interface ConnectionMapsOptions {
  /** Connections that the program can follow; each takes 160 bytes, and about 200 more when it is there. */
  readonly capacity?: number;
  /** Is called when the kernel refuses memory for more connections than there are. */
  readonly tell?: (refusal: AppError) => void;
  /** Where the maps have names, or are to have them; those that are there, and the connections in them, go on. */
  readonly folder?: string | undefined;
}

/** The maps of a kernel's program that tracks connections. */
export class ConnectionMaps implements SharedConnections {
  readonly capacity: number;
  readonly memory: EntryMemory;
  /** A hash from a tuple to `2 * id + direction`. */
  readonly index: BpfMap;
  /** Pieces of a growing array of entries, see connection-entry.ts. */
  readonly entries: BpfMap;
  /** An array of one, see control-layout.ts. */
  readonly control: BpfMap;
  readonly count: Int32Array;
  readonly zoneCounts: Int32Array;
  readonly #entries: GrowingArray;
  readonly #controlMapping: Mapping;
  readonly #controlWords: Uint32Array;
  readonly #key = new Uint8Array(4 * TUPLE_WORDS);
  readonly #keyView = new DataView(this.#key.buffer);
  readonly #value = new Uint8Array(4);
  readonly #valueView = new DataView(this.#value.buffer);
  /** Below it ids have been in use. */
  #nUsed = 0;
  #freeIds: number[] = [];
  /** Taken away, but perhaps still in a program's hands, oldest first; those before `#nRested` have been taken again. */
  #resting: { readonly id: number; readonly sinceMs: number }[] = [];
  #nRested = 0;
  /** How far the ids that the program took have been looked at. */
  #seen = 0;
  /** Taken by the program, which was not ready with them; or left by the process before, which nobody has looked at yet. */
  #unready: number[] = [];

  /**
   * @param nowMs - this process's monotonic clock
   * @throws SystemCallError
   */
  constructor(nowMs: () => number, { capacity = CAPACITY, folder, tell = () => undefined }: ConnectionMapsOptions = {}) {
    this.capacity = capacity;
    this.#entries = openEntries(capacity, folder, tell);
    this.entries = this.#entries.pieces;
    const controlSizes = { keyBytes: 4, valueBytes: CONTROL.sizeBytes, maxEntries: 1, isMapped: true };
    this.control = openMap({ ...controlSizes, kind: "array", name: "tenet_ct_ctl" }, folder);
    const indexSizes = { keyBytes: 4 * TUPLE_WORDS, valueBytes: 4, maxEntries: 2 * capacity, isGrowing: true };
    this.index = openMap({ ...indexSizes, kind: "hash", name: "tenet_ct_index" }, folder);
    this.#controlMapping = this.control.mapValues();
    const clockOffsetMs = Number(process.hrtime.bigint()) / NS_PER_MS - nowMs();
    const { buffer, byteOffset } = this.#entries.bytes;
    this.memory = { words: new Int32Array(buffer, byteOffset, capacity * ENTRY_WORDS), clockOffsetMs };
    const control = this.#controlMapping.bytes;
    this.#controlWords = new Uint32Array(control.buffer, control.byteOffset, CONTROL.sizeBytes / 4);
    for (const [phase, ms] of Object.entries(TIMEOUT_MS)) {
      const at = CONTROL.timeouts / 4 + 2 * Number(phase);
      this.#controlWords[at] = (ms * NS_PER_MS) >>> 0;
      this.#controlWords[at + 1] = Math.floor((ms * NS_PER_MS) / 2 ** 32);
    }
    this.count = new Int32Array(control.buffer, control.byteOffset + CONTROL.count, 1);
    this.zoneCounts = new Int32Array(control.buffer, control.byteOffset + CONTROL.zoneCounts, N_ZONES);
    if (folder !== undefined) this.#goOnWithLeft();
  }

  get seed(): number {
    return this.#controlWords[CONTROL.seed / 4] ?? 0;
  }

  set seed(seed: number) {
    this.#controlWords[CONTROL.seed / 4] = seed;
  }

  get mustAsk(): boolean {
    return this.#controlWords[CONTROL.mustAsk / 4] !== 0;
  }

  set mustAsk(mustAsk: boolean) {
    this.#controlWords[CONTROL.mustAsk / 4] = mustAsk ? 1 : 0;
  }

  get mustAskOfMisfits(): boolean {
    return this.#controlWords[CONTROL.mustAskOfMisfits / 4] !== 0;
  }

  set mustAskOfMisfits(mustAsk: boolean) {
    this.#controlWords[CONTROL.mustAskOfMisfits / 4] = mustAsk ? 1 : 0;
  }

  limit(max: number, ofZones: ReadonlyMap<number, number>, ofOtherZones: number): void {
    this.#controlWords[CONTROL.limit / 4] = Math.min(max, NO_LIMIT);
    const limits = new Uint32Array(N_ZONES).fill(Math.min(ofOtherZones, NO_LIMIT));
    for (const [zone, limit] of ofZones) limits[zone] = limit;
    this.#controlWords.set(limits, CONTROL.zoneLimits / 4);
  }

  limitZone(zone: number, max: number): void {
    this.#controlWords[CONTROL.zoneLimits / 4 + zone] = Math.min(max, NO_LIMIT);
  }

  /** Gives the program ids for the connections that it makes. */
  giveIds(nowMs: number): void {
    const words = this.#controlWords;
    let given = words[CONTROL.given / 4] ?? 0;
    const most = Math.min(N_FREE_IDS, this.#nEntries / 2); // some are for this process
    for (let n = (given - this.#seen) >>> 0; n < most; n++) {
      const id = this.takeId(nowMs);
      if (id < 0) break;
      words[CONTROL.freeIds / 4 + (given & (N_FREE_IDS - 1))] = id;
      given = (given + 1) >>> 0;
    }
    Atomics.store(words, CONTROL.given / 4, given);
  }

  takeId(nowMs: number): number {
    return this.#takeRested(nowMs) ?? this.#freeIds.pop() ?? this.#takeUnused();
  }

  find(tuple: Uint32Array): number {
    this.#writeKey(tuple);
    if (!this.index.lookup(this.#key, this.#value)) return -1;
    const place = this.#valueView.getUint32(0, true);
    for (let i = 0; i < MAX_LOOKS && this.#statusOf(place >>> 1) === STATUS.beginning; i++);
    return place;
  }

  publish(id: number, original: Uint32Array, reply: Uint32Array): boolean {
    if (!this.#insert(original, 2 * id)) return false;
    if (this.#insert(reply, 2 * id + 1)) return true;
    this.#delete(original);
    return false;
  }

  withdraw(id: number, isPublished: boolean, original: Uint32Array, reply: Uint32Array, nowMs: number): void {
    if (isPublished) {
      this.#delete(original);
      this.#delete(reply);
    }
    this.#resting.push({ id, sinceMs: nowMs });
  }

  takeNew(visit: (id: number) => void): void {
    const words = this.#controlWords;
    const taken = Atomics.load(words, CONTROL.taken / 4);
    if (taken === this.#seen && this.#unready.length === 0) return;
    const ids = this.#unready;
    this.#unready = [];
    for (; this.#seen !== taken; this.#seen = (this.#seen + 1) >>> 0) {
      ids.push(words[CONTROL.freeIds / 4 + (this.#seen & (N_FREE_IDS - 1))] ?? 0);
    }
    for (const id of ids) {
      const status = this.#statusOf(id);
      if (status === STATUS.live || status === STATUS.over) visit(id);
      else if (status === STATUS.abandoned) this.#reclaim(id);
      else this.#unready.push(id);
    }
  }

  /** Packets that the program has left to the tracker of this process, by reason. */
  get nLeftByReason(): ReadonlyMap<string, number> {
    const first = CONTROL.left / 4;
    const counts = Object.values(LEFT_REASONS).map((reason, i) => [reason, this.#controlWords[first + i] ?? 0] as const);
    return new Map(counts.filter(([, n]) => n > 0));
  }

  /** Gives all memory back. */
  close(): void {
    this.#entries.close();
    this.#controlMapping.unmap();
    for (const map of [this.index, this.control]) map.close();
  }

  get #nEntries(): number {
    return Math.min(this.capacity, this.#entries.nEntries);
  }

  /** The id that rests longest, if that is long enough. */
  #takeRested(nowMs: number): number | undefined {
    const oldest = this.#resting[this.#nRested];
    if (oldest === undefined || nowMs - oldest.sinceMs <= REST_MS) return undefined;
    if (2 * ++this.#nRested > this.#resting.length) {
      this.#resting = this.#resting.slice(this.#nRested);
      this.#nRested = 0;
    }
    return oldest.id;
  }

  /** An id that was never in use. */
  #takeUnused(): number {
    this.#entries.keepSpare(this.#nUsed);
    return this.#nUsed < this.#nEntries ? this.#nUsed++ : -1;
  }

  /** Takes over the connections that are there, which the program that the process before has left goes on with meanwhile. */
  #goOnWithLeft(): void {
    this.#seen = Atomics.load(this.#controlWords, CONTROL.taken / 4);
    const counted = { all: Atomics.load(this.count, 0), zones: this.zoneCounts.slice() };
    const grace = new GracePeriod();
    grace.waitHere(); // what was taken before is what it will be
    grace.close();
    const given = new Set<number>();
    const end = this.#controlWords[CONTROL.given / 4] ?? 0;
    for (let at = this.#seen; at !== end; at = (at + 1) >>> 0) {
      given.add(this.#controlWords[CONTROL.freeIds / 4 + (at & (N_FREE_IDS - 1))] ?? 0);
    }
    const { live, free, nUsed } = tidyLeftConnections(this.index, this.memory, (id) => given.has(id));
    this.#unready = live;
    this.#recount(live, counted);
    this.#freeIds = free;
    this.#nUsed = nUsed;
  }

  /** Makes the counts those of the connections that were there, when `counted` was read, and what the program has made since. */
  #recount(ids: readonly number[], counted: { readonly all: number; readonly zones: Int32Array }): void {
    Atomics.add(this.count, 0, ids.length - counted.all);
    const right = new Int32Array(N_ZONES);
    for (const id of ids) {
      const zone = zoneOf(this.#originalOf(id));
      right[zone] = (right[zone] ?? 0) + 1;
    }
    for (const [zone, n] of right.entries()) Atomics.add(this.zoneCounts, zone, n - (counted.zones[zone] ?? 0));
  }

  #originalOf(id: number): Uint32Array {
    const at = id * ENTRY_WORDS + ENTRY.original;
    return new Uint32Array(this.memory.words.subarray(at, at + TUPLE_WORDS));
  }

  #reclaim(id: number): void {
    this.memory.words[id * ENTRY_WORDS + ENTRY.status] = STATUS.free;
    this.#freeIds.push(id);
  }

  #statusOf(id: number): number {
    return Atomics.load(this.memory.words, id * ENTRY_WORDS + ENTRY.status);
  }

  #insert(tuple: Uint32Array, place: number): boolean {
    this.#writeKey(tuple);
    this.#valueView.setUint32(0, place, true);
    return this.index.update(this.#key, this.#value, "create");
  }

  #delete(tuple: Uint32Array): void {
    this.#writeKey(tuple);
    this.index.delete(this.#key);
  }

  /** As the program has it: the head in the machine's order of bytes, the rest in the packet's. */
  #writeKey(tuple: Uint32Array): void {
    this.#keyView.setUint32(0, tuple[TUPLE.head] ?? 0, true);
    for (let i = 1; i < TUPLE_WORDS; i++) this.#keyView.setUint32(4 * i, tuple[i] ?? 0);
  }
}

function openEntries(capacity: number, folder: string | undefined, tell: (refusal: AppError) => void): GrowingArray {
  const name = "tenet_ct";
  const maxEntries = Math.ceil(capacity / ENTRIES_PER_PIECE) * ENTRIES_PER_PIECE;
  const spec = { name, valueBytes: 4 * ENTRY_WORDS, pieceEntries: ENTRIES_PER_PIECE, maxEntries };
  const path = folder === undefined ? undefined : join(folder, name);
  if (path !== undefined && existsSync(path)) return GrowingArray.openPinned(path, spec, tell);
  const entries = GrowingArray.create(spec, tell);
  if (path !== undefined) entries.pieces.pin(path);
  return entries;
}

/** Makes a map, or opens the one that has its name in a folder. */
function openMap(spec: MapSpec, folder: string | undefined): BpfMap {
  const path = folder === undefined ? undefined : join(folder, spec.name);
  if (path !== undefined && existsSync(path)) return BpfMap.openPinned(path);
  const map = BpfMap.create(spec);
  if (path !== undefined) map.pin(path);
  return map;
}
