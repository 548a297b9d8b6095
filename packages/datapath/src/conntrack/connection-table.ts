/**
 * Connections by either of their tuples (tuple-index.ts). Expired connections are found dead at once and buried by a sweep that goes round in steps.
 *
 * With the kernel's program, connections of the lower ids lie in memory that both share, and the program has an index of its
 * own. What it has made is looked up there when this index does not know it.
 */
import { Connection, expiryOf } from "./connection.ts";
import { ENTRY, ENTRY_WORDS, type EntryMemory, STATUS } from "./connection-entry.ts";
import type { SharedConnections } from "./shared-connections.ts";
import { N_ZONES, zoneOf } from "./tuple.ts";
import { TupleIndex } from "./tuple-index.ts";

/** Connections that are buried at once at most: packets wait for them. */
const MAX_BURIED = 256;
/** Connections that one sweep looks at, at least. */
const SWEEP_MIN = 4096;
/** Connections that are kept when they are over, to serve again. */
const MAX_SPARE = 65_536;
/** Ids that are looked at between two chances for others. */
const IDS_PER_STEP = 64;
/** Sweeps in which the whole table is looked at. */
const SWEEP_PARTS = 50;
/** Entries that are made at a time. */
const PAGE_ENTRIES = 1024;

/** All connections. */
export class ConnectionTable {
  /** Set by {@link find}: whether the tuple was that of replies. */
  foundReply = false;
  #shared: SharedConnections | undefined;
  /** By id. Those of free ids are not live; they wait to serve again. */
  readonly #connections: (Connection | undefined)[];
  readonly #freeIds: number[] = [];
  readonly #pages: EntryMemory[] = [];
  /** Connections, expired ones that are not buried yet included; one word. */
  #nAll: Int32Array;
  /** Likewise, of each zone. */
  #nByZone: Int32Array;
  /** Ids below it may be those of connections, and were not beyond it. */
  #nIds: number;
  readonly #index: TupleIndex;
  /** Connections that the kernel's program does not know. */
  #nHidden = 0;
  #sweepAt = 0;
  /** Ids that the sweep under way has yet to look at. */
  #nToSweep = 0;

  /**
   * @param seed - of the hash, so that nobody outside can know what collides
   * @param shared - who else follows connections
   */
  constructor(seed: number, shared?: SharedConnections) {
    this.#shared = shared;
    this.#nAll = shared?.count ?? new Int32Array(1);
    this.#nByZone = shared?.zoneCounts ?? new Int32Array(N_ZONES);
    this.#nIds = shared?.capacity ?? 0;
    this.#connections = Array.from({ length: this.#nIds });
    this.#index = new TupleIndex(seed, this.#connections);
  }

  /** Number of connections, expired ones that are not buried yet included. */
  get size(): number {
    return Atomics.load(this.#nAll, 0);
  }

  /** Number of connections that the kernel's program does not find by itself. */
  get nHidden(): number {
    return this.#nHidden;
  }

  /** Number of connections in a zone. */
  sizeOfZone(zone: number): number {
    return Atomics.load(this.#nByZone, zone);
  }

  /** The live connection that a tuple belongs to; `foundReply` tells on which side. */
  find(tuple: Uint32Array, nowMs: number): Connection | undefined {
    const place = this.#findPlace(tuple);
    if (place < 0) return undefined;
    const connection = this.#connections[place >>> 1];
    if (connection === undefined) return undefined;
    if (!connection.isLive || connection.expiresMs <= nowMs) {
      this.remove(connection, nowMs);
      return undefined;
    }
    this.foundReply = (place & 1) === 1;
    return connection;
  }

  /** Adds a connection with these tuples, which no other has; who calls says what else it is, and then publishes it. */
  add(original: Uint32Array, reply: Uint32Array, nowMs: number): Connection {
    const id = this.#takeId(nowMs);
    const connection = this.#connectionAt(id);
    connection.enter();
    connection.original.set(original);
    connection.reply.set(reply);
    this.#count(zoneOf(original), 1);
    this.#index.add(connection);
    return connection;
  }

  /** Tells the kernel's program of a connection that {@link add} has given. */
  publish(connection: Connection): void {
    const { id, original, reply } = connection;
    if (this.#shared === undefined) return;
    connection.isPublished = id < this.#shared.capacity && this.#shared.publish(id, original, reply);
    if (!connection.isPublished) this.#nHidden++;
  }

  /** Removes a connection; one that is not here is ignored. */
  remove(connection: Connection, nowMs: number): void {
    if (!connection.leave()) return;
    const { id, original, reply } = connection;
    if (connection.isIndexed) this.#index.remove(connection);
    this.#count(zoneOf(original), -1);
    if (this.#shared !== undefined && !connection.isPublished) this.#nHidden--;
    if (this.#shared === undefined || id >= this.#shared.capacity) this.#freeIds.push(id);
    else this.#shared.withdraw(id, connection.isPublished, original, reply, nowMs);
    if (this.#connections[id] !== connection) return;
    if (connection.isHeld) connection.leaveEntry();
    if (connection.isHeld || this.#freeIds.length > MAX_SPARE) this.#connections[id] = undefined;
  }

  /** Live connections, of one zone or all, and `undefined` now and then; they may come and go while they are gone through. */
  *live(now: () => number, zone?: number): Generator<Connection | undefined> {
    this.#noteNew();
    for (let id = 0; id < this.#nIds; id++) {
      if ((id + 1) % IDS_PER_STEP === 0) {
        yield undefined;
        this.#noteNew();
      }
      if (!this.#isLive(id) || this.#expiryOf(id) <= now()) continue;
      const connection = this.#connections[id] ?? this.#viewOf(id);
      if (zone !== undefined && zoneOf(connection.original) !== zone) continue;
      yield connection;
      this.#noteNew();
    }
  }

  /**
   * Buries some of the expired connections; a number of sweeps goes once round the table.
   *
   * @returns whether the sweep is over; else the next call goes on with it
   */
  sweep(nowMs: number): boolean {
    this.#noteNew();
    const n = this.#nIds;
    if (this.#nToSweep === 0) this.#nToSweep = Math.max(SWEEP_MIN, Math.ceil(n / SWEEP_PARTS));
    this.#nToSweep = Math.min(n, this.#nToSweep);
    for (let nBuried = 0; this.#nToSweep > 0 && nBuried < MAX_BURIED; this.#nToSweep--) {
      this.#sweepAt = this.#sweepAt + 1 < n ? this.#sweepAt + 1 : 0;
      const id = this.#sweepAt;
      if (!this.#isOver(id, nowMs)) continue;
      this.remove(this.#connections[id] ?? this.#viewOf(id), nowMs);
      nBuried++;
    }
    return this.#nToSweep === 0;
  }

  /** Forgets all connections, and the memory that was shared, which may be given back then. */
  close(): void {
    this.#shared = undefined;
    this.#connections.length = 0;
    this.#freeIds.length = 0;
    this.#index.clear();
    this.#nAll = new Int32Array(1);
    this.#nByZone = new Int32Array(N_ZONES);
    this.#nIds = 0;
    this.#nHidden = 0;
  }

  /** Notes what the kernel's program has made. */
  #noteNew(): void {
    this.#shared?.takeNew((id) => this.#connections[id]?.becomeForeign());
  }

  #count(zone: number, change: 1 | -1): void {
    Atomics.add(this.#nAll, 0, change);
    Atomics.add(this.#nByZone, zone, change);
  }

  #takeId(nowMs: number): number {
    const shared = this.#shared?.takeId(nowMs) ?? -1;
    if (shared >= 0) return shared;
    return this.#freeIds.pop() ?? this.#nIds++;
  }

  /** The object of an id, for good. */
  #connectionAt(id: number): Connection {
    const connection = this.#connections[id] ?? this.#viewOf(id);
    this.#connections[id] = connection;
    return connection;
  }

  #viewOf(id: number): Connection {
    return new Connection(id, this.#memoryOf(id), this.#entryAt(id));
  }

  #isLive(id: number): boolean {
    return this.#statusOf(id) === STATUS.live;
  }

  #isOver(id: number, nowMs: number): boolean {
    const status = this.#statusOf(id);
    return status === STATUS.over || (status === STATUS.live && this.#expiryOf(id) <= nowMs);
  }

  #statusOf(id: number): number {
    return this.#memoryOf(id).words[this.#entryAt(id) + ENTRY.status] ?? 0;
  }

  #expiryOf(id: number): number {
    const memory = this.#memoryOf(id);
    return expiryOf(memory.words, this.#entryAt(id)) - memory.clockOffsetMs;
  }

  #memoryOf(id: number): EntryMemory {
    const nShared = this.#shared?.capacity ?? 0;
    if (this.#shared !== undefined && id < nShared) return this.#shared.memory;
    const page = Math.floor((id - nShared) / PAGE_ENTRIES);
    return (this.#pages[page] ??= { words: new Int32Array(PAGE_ENTRIES * ENTRY_WORDS), clockOffsetMs: 0 });
  }

  #entryAt(id: number): number {
    const nShared = this.#shared?.capacity ?? 0;
    return ENTRY_WORDS * (id < nShared ? id : (id - nShared) % PAGE_ENTRIES);
  }

  /** `2 * id + direction` of a tuple; -1 when there is no such connection. */
  #findPlace(tuple: Uint32Array): number {
    const place = this.#index.find(tuple);
    return place < 0 ? this.#findShared(tuple) : place;
  }

  /** As {@link ConnectionTable.#findPlace} of a connection that the kernel's program has made. */
  #findShared(tuple: Uint32Array): number {
    const place = this.#shared?.find(tuple) ?? -1;
    if (place < 0) return -1;
    this.#noteNew();
    const id = place >>> 1;
    if (this.#statusOf(id) === STATUS.free) return -1;
    const connection = this.#connectionAt(id);
    if (!connection.isIndexed) this.#index.add(connection);
    return place;
  }
}
