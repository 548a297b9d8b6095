/**
 * Connections by either of their tuples.
 *
 * How: extendible hashing. Places lie in pages of a thousand; the lowest bits of a tuple's hash choose the page by a directory, the highest its
 * place there, or one behind it. A page that is half full is split, so that a connection more never costs more than some pages. Why: a packet waits
 * for who begins a connection. A place holds the hash and `2 * id + direction + 1`; 0 is empty.
 *
 * Limits: pages are not joined again.
 */
import type { Connection } from "./connection.ts";
import { hashTuple, isSameTuple } from "./tuple.ts";

const PAGE_PLACES = 1024;
const WRAP = PAGE_PLACES - 1;
/** From the highest bits of a hash to the place in a page. */
const PLACE_SHIFT = 22;

/** Places whose hashes have their lowest bits in common. */
class Page {
  readonly hashes = new Int32Array(PAGE_PLACES);
  readonly places = new Int32Array(PAGE_PLACES);
  /** How many bits. */
  readonly nBits: number;
  size = 0;

  constructor(nBits: number) {
    this.nBits = nBits;
  }

  add(hash: number, place: number): void {
    let at = hash >>> PLACE_SHIFT;
    while (this.places[at] !== 0) at = (at + 1) & WRAP;
    this.hashes[at] = hash;
    this.places[at] = place;
    this.size++;
  }

  /** Empties a place and moves the ones behind it forward. */
  remove(hash: number, place: number): void {
    const { hashes, places } = this;
    let hole = hash >>> PLACE_SHIFT;
    while (places[hole] !== place) hole = (hole + 1) & WRAP;
    for (let next = (hole + 1) & WRAP; places[next] !== 0; next = (next + 1) & WRAP) {
      const home = (hashes[next] ?? 0) >>> PLACE_SHIFT;
      if (((next - home) & WRAP) < ((next - hole) & WRAP)) continue; // its home lies behind the hole
      hashes[hole] = hashes[next] ?? 0;
      places[hole] = places[next] ?? 0;
      hole = next;
    }
    places[hole] = 0;
    this.size--;
  }
}

/** An index of connections. */
export class TupleIndex {
  readonly #seed: number;
  readonly #connections: readonly (Connection | undefined)[];
  /** By the lowest bits of a hash; pages that have fewer bits in common are here several times. Its length is a power of two. */
  #pages = [new Page(0)];

  /**
   * @param seed - of the hash, so that nobody outside can know what collides
   * @param connections - by id
   */
  constructor(seed: number, connections: readonly (Connection | undefined)[]) {
    this.#seed = seed;
    this.#connections = connections;
  }

  /** `2 * id + direction` of a tuple; -1 when there is no such connection. */
  find(tuple: Uint32Array): number {
    const hash = hashTuple(tuple, this.#seed);
    const { hashes, places } = this.#pageOf(hash);
    for (let at = hash >>> PLACE_SHIFT; ; at = (at + 1) & WRAP) {
      const place = (places[at] ?? 0) - 1;
      if (place < 0) return -1;
      if (hashes[at] !== hash) continue;
      const connection = this.#connections[place >>> 1];
      if (connection === undefined) continue;
      if (isSameTuple((place & 1) === 1 ? connection.reply : connection.original, tuple)) return place;
    }
  }

  /** Adds a connection that is not here. */
  add(connection: Connection): void {
    connection.isIndexed = true;
    this.#add(hashTuple(connection.original, this.#seed), 2 * connection.id + 1);
    this.#add(hashTuple(connection.reply, this.#seed), 2 * connection.id + 2);
  }

  /** Removes a connection that is here. */
  remove(connection: Connection): void {
    connection.isIndexed = false;
    this.#remove(hashTuple(connection.original, this.#seed), 2 * connection.id + 1);
    this.#remove(hashTuple(connection.reply, this.#seed), 2 * connection.id + 2);
  }

  clear(): void {
    this.#pages = [new Page(0)];
  }

  #pageOf(hash: number): Page {
    return this.#pages[hash & (this.#pages.length - 1)] as Page;
  }

  #add(hash: number, place: number): void {
    let page = this.#pageOf(hash);
    while (2 * page.size >= PAGE_PLACES) {
      this.#split(page, hash);
      page = this.#pageOf(hash);
    }
    page.add(hash, place);
  }

  #remove(hash: number, place: number): void {
    this.#pageOf(hash).remove(hash, place);
  }

  /** Makes two of a page that has this hash's lowest bits. */
  #split(page: Page, hash: number): void {
    const bit = 1 << page.nBits;
    const halves: readonly [Page, Page] = [new Page(page.nBits + 1), new Page(page.nBits + 1)];
    for (let at = 0; at < PAGE_PLACES; at++) {
      const place = page.places[at] ?? 0;
      const each = page.hashes[at] ?? 0;
      if (place !== 0) halves[(each & bit) === 0 ? 0 : 1].add(each, place);
    }
    if (bit === this.#pages.length) this.#pages = [...this.#pages, ...this.#pages];
    const first = hash & (bit - 1);
    for (let i = first; i < this.#pages.length; i += bit) this.#pages[i] = halves[(i & bit) === 0 ? 0 : 1];
  }
}
