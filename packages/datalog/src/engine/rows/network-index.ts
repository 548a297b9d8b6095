/**
 * An index of a store for containment: its rows by the networks in one column.
 *
 * What: for an address or prefix the rows around it, inside it, or both, IPv4 and IPv6, typed values and texts alike. How: a trie per
 * version over the ids of the key columns and then the address, so that one walk finds both. Rows whose value is no network are
 * not in it, and no test of networks holds for them.
 * Limits: rows come and go only between walks.
 */
import type { SectionReader } from "../../state/section-reader.ts";
import type { SectionWriter } from "../../state/section-writer.ts";
import { emptyNetwork, type Network, type NetworkRelation, readNetwork } from "../../functions/network.ts";
import type { IntList } from "./int-list.ts";
import type { Interner } from "./interner.ts";
import type { IndexedRows } from "./key-index.ts";
import { PrefixTrie } from "./prefix-trie.ts";

/** What an index for networks is on. */
export interface NetworkColumns {
  /** Columns that have one known value each in every search. */
  readonly keys: readonly number[];
  readonly column: number;
}

/** Rows by networks. */
export class NetworkIndex {
  readonly columns: NetworkColumns;
  /** The ids of the key columns for the next search. */
  readonly key: Int32Array;
  readonly #rows: IndexedRows;
  readonly #interner: Interner;
  readonly #v4: PrefixTrie;
  readonly #v6: PrefixTrie;
  readonly #network: Network = emptyNetwork();
  /** Key and address as one string of bits. */
  readonly #words: Int32Array;

  constructor(rows: IndexedRows, columns: NetworkColumns, interner: Interner) {
    const { keys } = columns;
    this.#rows = rows;
    this.columns = columns;
    this.#interner = interner;
    this.key = new Int32Array(keys.length);
    this.#words = new Int32Array(keys.length + 4);
    this.#v4 = new PrefixTrie(keys.length + 1);
    this.#v6 = new PrefixTrie(keys.length + 4);
  }

  /** Finds the rows with these keys whose network lies so to that of a value. */
  collect(into: IntList, how: NetworkRelation, id: number): void {
    into.clear();
    const trie = this.#read(id);
    if (trie === undefined) return;
    const length = this.#length();
    if (how !== "inside") trie.collectAround(into, this.#words, length, how === "around" ? length + 1 : length);
    if (how !== "around") trie.collectInside(into, this.#words, length);
  }

  /** Fills an empty index with the rows below `end` that `isIn` has. */
  build(end: number, isIn: (row: number) => boolean): void {
    for (let row = 0; row < end; row++) if (isIn(row)) this.add(row);
  }

  add(row: number): void {
    const { data, stride } = this.#rows;
    const { keys, column } = this.columns;
    for (let i = 0; i < keys.length; i++) this.key[i] = data[row * stride + (keys[i] as number)] as number;
    this.#read(data[row * stride + column] as number)?.add(row, this.#words, this.#length());
  }

  remove(row: number): void {
    this.#v4.remove(row);
    this.#v6.remove(row);
  }

  /** Takes out all rows. */
  clear(): void {
    this.#v4.clear();
    this.#v6.clear();
  }

  /** Writes the index. */
  save(to: SectionWriter, name: string): void {
    this.#v4.save(to, `${name}.v4`, this.#rows.end);
    this.#v6.save(to, `${name}.v6`, this.#rows.end);
  }

  /** Takes over what {@link save} wrote. */
  load(from: SectionReader<unknown>, name: string): void {
    this.#v4.load(from, `${name}.v4`);
    this.#v6.load(from, `${name}.v6`);
  }

  /** Reads a value behind the key; the trie that it belongs to. */
  #read(id: number): PrefixTrie | undefined {
    const network = this.#network;
    if (!readNetwork(this.#interner.valueOf(id), network)) return undefined;
    this.#words.set(this.key);
    this.#words.set(network.words, this.key.length);
    return network.nWords === 1 ? this.#v4 : this.#v6;
  }

  #length(): number {
    return this.key.length * 32 + this.#network.length;
  }
}
