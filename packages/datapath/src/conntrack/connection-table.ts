/**
 * Connections by either of their tuples.
 *
 * Open addressing over typed arrays: a place holds the tuple's hash and `2 * id + direction + 1`. Both tuples of a
 * connection are in it. Expired connections are found dead at once and buried by a sweep that goes round in steps.
 */
import { Connection } from "./connection.ts";
import { hashTuple, isSameTuple, zoneOf } from "./tuple.ts";

const MIN_CAPACITY = 1024;
/** Connections that one sweep looks at, at least. */
const SWEEP_MIN = 4096;
/** Connections that are kept when they are over, to serve again. */
const MAX_SPARE = 65_536;
/** Sweeps in which the whole table is looked at. */
const SWEEP_PARTS = 50;

/** All connections. */
export class ConnectionTable {
  /** Set by {@link find}: whether the tuple was that of replies. */
  foundReply = false;
  readonly #seed: number;
  /** By id. Those of free ids are not live; they wait to serve again. */
  readonly #connections: (Connection | undefined)[] = [];
  readonly #freeIds: number[] = [];
  readonly #nByZone = new Map<number, number>();
  #hashes = new Int32Array(MIN_CAPACITY);
  #places = new Int32Array(MIN_CAPACITY);
  #capacity = MIN_CAPACITY;
  #size = 0;
  #sweepAt = 0;

  /** @param seed - of the hash, so that nobody outside can know what collides */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Number of connections, expired ones that are not buried yet included. */
  get size(): number {
    return this.#size;
  }

  /** Number of connections in a zone. */
  sizeOfZone(zone: number): number {
    return this.#nByZone.get(zone) ?? 0;
  }

  /** The live connection that a tuple belongs to; `foundReply` tells on which side. */
  find(tuple: Uint32Array, nowMs: number): Connection | undefined {
    const hash = hashTuple(tuple, this.#seed);
    const wrap = this.#capacity - 1;
    const hashes = this.#hashes;
    const places = this.#places;
    for (let at = hash & wrap; ; at = (at + 1) & wrap) {
      const place = places[at] ?? 0;
      if (place === 0) return undefined;
      if (hashes[at] !== hash) continue;
      const connection = this.#connections[(place - 1) >>> 1];
      if (connection === undefined) continue;
      const isReply = ((place - 1) & 1) === 1;
      if (!isSameTuple(isReply ? connection.reply : connection.original, tuple)) continue;
      if (connection.expiresMs <= nowMs) {
        this.remove(connection);
        return undefined;
      }
      this.foundReply = isReply;
      return connection;
    }
  }

  /** Adds a connection with these tuples, which no other has; who calls says what else it is. */
  add(original: Uint32Array, reply: Uint32Array): Connection {
    if (4 * (this.#size + 1) > this.#capacity) this.#grow();
    const id = this.#freeIds.pop() ?? this.#connections.length;
    const connection = this.#connections[id] ?? new Connection(id);
    this.#connections[id] = connection;
    connection.isLive = true;
    connection.original.set(original);
    connection.reply.set(reply);
    this.#size++;
    const zone = zoneOf(original);
    this.#nByZone.set(zone, this.sizeOfZone(zone) + 1);
    this.#place(hashTuple(original, this.#seed), 2 * id + 1);
    this.#place(hashTuple(reply, this.#seed), 2 * id + 2);
    return connection;
  }

  /** Removes a connection; one that is not here is ignored. */
  remove(connection: Connection): void {
    if (!connection.isLive) return;
    const { id } = connection;
    this.#removePlace(hashTuple(connection.original, this.#seed), 2 * id + 1);
    this.#removePlace(hashTuple(connection.reply, this.#seed), 2 * id + 2);
    connection.isLive = false;
    if (connection.isHeld || this.#freeIds.length >= MAX_SPARE) this.#connections[id] = undefined;
    this.#freeIds.push(id);
    this.#size--;
    const zone = zoneOf(connection.original);
    const n = this.sizeOfZone(zone) - 1;
    if (n === 0) this.#nByZone.delete(zone);
    else this.#nByZone.set(zone, n);
  }

  /** Live connections, of one zone or all; removing while iterating is allowed. */
  *live(nowMs: number, zone?: number): IterableIterator<Connection> {
    for (const connection of this.#connections) {
      if (connection === undefined || !connection.isLive || connection.expiresMs <= nowMs) continue;
      if (zone === undefined || zoneOf(connection.original) === zone) yield connection;
    }
  }

  /** Buries some of the expired connections; a number of calls goes once round the table. */
  sweep(nowMs: number): void {
    const n = this.#connections.length;
    const nSteps = Math.min(n, Math.max(SWEEP_MIN, Math.ceil(n / SWEEP_PARTS)));
    for (let step = 0; step < nSteps; step++) {
      this.#sweepAt = this.#sweepAt + 1 < n ? this.#sweepAt + 1 : 0;
      const connection = this.#connections[this.#sweepAt];
      if (connection !== undefined && connection.expiresMs <= nowMs) this.remove(connection);
    }
  }

  #place(hash: number, place: number): void {
    const wrap = this.#capacity - 1;
    let at = hash & wrap;
    while (this.#places[at] !== 0) at = (at + 1) & wrap;
    this.#hashes[at] = hash;
    this.#places[at] = place;
  }

  /** Empties a place and moves the ones behind it forward. */
  #removePlace(hash: number, place: number): void {
    const wrap = this.#capacity - 1;
    const hashes = this.#hashes;
    const places = this.#places;
    let hole = hash & wrap;
    while (places[hole] !== place) hole = (hole + 1) & wrap;
    for (let next = (hole + 1) & wrap; places[next] !== 0; next = (next + 1) & wrap) {
      const home = (hashes[next] ?? 0) & wrap;
      if (((next - home) & wrap) < ((next - hole) & wrap)) continue; // its home lies behind the hole
      hashes[hole] = hashes[next] ?? 0;
      places[hole] = places[next] ?? 0;
      hole = next;
    }
    places[hole] = 0;
  }

  #grow(): void {
    const hashes = this.#hashes;
    const places = this.#places;
    this.#capacity *= 2;
    this.#hashes = new Int32Array(this.#capacity);
    this.#places = new Int32Array(this.#capacity);
    for (let at = 0; at < places.length; at++) {
      const place = places[at] ?? 0;
      if (place !== 0) this.#place(hashes[at] ?? 0, place);
    }
  }
}
