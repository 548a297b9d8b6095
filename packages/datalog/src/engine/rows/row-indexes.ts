/** The indexes of a store, each built when first asked for. */
import type { SectionReader } from "../../state/section-reader.ts";
import type { SectionWriter } from "../../state/section-writer.ts";
import type { Interner } from "./interner.ts";
import { KeyIndex } from "./key-index.ts";
import { MOST_OF_KEY } from "./keyed-rows.ts";
import { type NetworkColumns, NetworkIndex } from "./network-index.ts";
import { type SortedColumns, SortedIndex } from "./sorted-index.ts";
import { LINKED } from "./views.ts";

/** What an index does when rows come and go. */
interface RowIndex {
  add(row: number): unknown;
  remove(row: number): void;
  clear(): void;
  build(end: number, isIn: (row: number) => boolean): void;
}

/** What a file of an engine's state says of a store's indexes besides their arrays: what each is on. */
export interface IndexesHeader {
  readonly byKey: readonly (readonly number[])[];
  readonly sorted: readonly SortedColumns[];
  readonly networks: readonly NetworkColumns[];
}

/** The rows of a store, as far as its indexes need them. */
export interface IndexedStore {
  data: Int32Array;
  readonly stride: number;
  readonly flags: Uint16Array;
  /** Row numbers are below this. */
  readonly end: number;
  /** Puts rows into the indexes that are not in them yet. */
  enterIndexes(): void;
}

/** Samples of a column up to this size tell whether its values look unique. */
const SAMPLE = 2048;
/** Smaller stores are not worth a choice between indexes. */
const FEW_ROWS = 64;

/** Made by a store. Rows come and go in all of its indexes alike. */
export class RowIndexes {
  readonly #store: IndexedStore;
  readonly #byKey = new Map<string, KeyIndex>();
  readonly #sorted = new Map<string, SortedIndex>();
  readonly #networks = new Map<string, NetworkIndex>();
  readonly #all: RowIndex[] = [];

  constructor(store: IndexedStore) {
    this.#store = store;
  }

  get isEmpty(): boolean {
    return this.#all.length === 0;
  }

  /** The index on these columns (in this order), built if need be. */
  on(columns: readonly number[]): KeyIndex {
    return this.#made(this.#byKey, columns.join(), () => new KeyIndex(this.#store, columns));
  }

  /** The index for ranges in this order, built if need be. */
  sorted(columns: SortedColumns, interner: Interner): SortedIndex {
    return this.#made(this.#sorted, nameOfOrder(columns), () => new SortedIndex(this.#store, columns, interner));
  }

  /** The index for networks in a column, within equal values of the key columns, built if need be. */
  networks(columns: NetworkColumns, interner: Interner): NetworkIndex {
    return this.#made(this.#networks, nameOfNetworks(columns), () => new NetworkIndex(this.#store, columns, interner));
  }

  /** The index on these columns if it exists. */
  existing(columns: readonly number[]): KeyIndex | undefined {
    return this.#byKey.get(columns.join());
  }

  /** An index that finds nearly as few rows as one on all these columns would: on fewer of them, if that is there. */
  nearest(columns: readonly number[]): KeyIndex {
    const exact = this.existing(columns);
    if (exact !== undefined) return exact;
    const { end } = this.#store;
    for (const index of this.#byKey.values()) {
      const isWithin = index.columns.every((column) => columns.includes(column));
      if (isWithin && end > FEW_ROWS && end <= index.nKeys * 1.5) return index;
    }
    const unique = columns.length > 1 && end > FEW_ROWS ? columns.find((column) => this.#looksUnique(column)) : undefined;
    return this.on(unique === undefined ? columns : [unique]);
  }

  /** True if an index on some of these columns is there. */
  hasWithin(columns: readonly number[]): boolean {
    return this.byKey().some((index) => index.columns.every((column) => columns.includes(column)));
  }

  /** All indexes by equal values that were built. */
  byKey(): readonly KeyIndex[] {
    return [...this.#byKey.values()];
  }

  /** Leaves an index to who asks: rows come and go in it apart from the others. */
  lend(index: KeyIndex): void {
    this.#all.splice(this.#all.indexOf(index), 1);
  }

  /** Takes an index back that has the same rows as the others. */
  takeBack(index: KeyIndex): void {
    this.#all.push(index);
  }

  /** The index whose keys nearly tell so many rows apart, and have few rows each; `undefined` if there is none. */
  telling(nRows: number): KeyIndex | undefined {
    return this.byKey().find((index) => nRows <= index.nKeys * 1.1 && !isCrowded(index));
  }

  /** An index on one of the first so many columns that looks as if its keys would tell rows apart, built if need be. */
  likelyTelling(nColumns: number): KeyIndex | undefined {
    for (let column = 0; column < nColumns; column++) {
      const index = this.#looksUnique(column) ? this.on([column]) : undefined;
      if (index !== undefined && !isCrowded(index)) return index;
    }
    return undefined;
  }

  add(row: number): void {
    for (const index of this.#all) index.add(row);
  }

  remove(row: number): void {
    for (const index of this.#all) index.remove(row);
  }

  clear(): void {
    for (const index of this.#all) index.clear();
  }

  /** Fills the indexes, which must be empty, with the rows below `end`. */
  fill(end: number): void {
    for (const index of this.#all) index.build(end, () => true);
  }

  /** Writes the indexes; returns what they are on. */
  save(to: SectionWriter, name: string): IndexesHeader {
    const [byKey, sorted, networks] = [this.byKey(), [...this.#sorted.values()], [...this.#networks.values()]];
    for (const [i, index] of [...byKey, ...sorted, ...networks].entries()) index.save(to, `${name}.${i}`);
    const columnsOf = <C>(indexes: readonly { readonly columns: C }[]): C[] => indexes.map(({ columns }) => columns);
    return { byKey: columnsOf(byKey), sorted: columnsOf(sorted), networks: columnsOf(networks) };
  }

  /** Takes over what {@link save} wrote. */
  load(from: SectionReader<unknown>, name: string, header: IndexesHeader, interner: Interner): void {
    for (const columns of header.byKey) this.#byKey.set(columns.join(), new KeyIndex(this.#store, columns));
    for (const columns of header.sorted) this.#sorted.set(nameOfOrder(columns), new SortedIndex(this.#store, columns, interner));
    for (const columns of header.networks) {
      this.#networks.set(nameOfNetworks(columns), new NetworkIndex(this.#store, columns, interner));
    }
    for (const [i, index] of [...this.#byKey.values(), ...this.#sorted.values(), ...this.#networks.values()].entries()) {
      index.load(from, `${name}.${i}`);
      this.#all.push(index);
    }
  }

  #made<I extends RowIndex>(indexes: Map<string, I>, key: string, make: () => I): I {
    const known = indexes.get(key);
    if (known !== undefined) return known;
    this.#store.enterIndexes();
    const index = make();
    const { flags, end } = this.#store;
    index.build(end, (row) => ((flags[row] as number) & LINKED) !== 0);
    indexes.set(key, index);
    this.#all.push(index);
    return index;
  }

  /** True if a sample of the rows has no value twice. */
  #looksUnique(column: number): boolean {
    const { end, data, stride } = this.#store;
    const step = Math.max(1, Math.floor(end / SAMPLE));
    const seen = new Set<number>();
    let n = 0;
    for (let row = 0; row < end; row += step, n++) seen.add(data[row * stride + column] as number);
    return seen.size === n;
  }
}

/** True if a key has so many rows that a few more would end looking for them by it. */
function isCrowded(index: KeyIndex): boolean {
  return index.mostRows() * 2 > MOST_OF_KEY;
}

function nameOfOrder({ keys, column, watched }: SortedColumns): string {
  return `${keys.join()}:${column}:${watched === undefined ? "" : `${watched.column}${watched.isMost ? "+" : "-"}`}`;
}

function nameOfNetworks({ keys, column }: NetworkColumns): string {
  return `${keys.join()}:${column}`;
}
