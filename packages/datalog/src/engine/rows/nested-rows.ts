/**
 * The rows of a store as a tree of two levels: the columns but the last choose a leaf, the last one a slot of the leaf.
 *
 * What: a leaf is an array of rows by the last column's id where the ids lie close together, else a hash table. A directory finds the
 * leaf of a prefix; the one used last is tried first.
 * Why: closures and their kin have many rows per prefix and make them in runs. Then a row costs one look-up without a hash, in a leaf
 * that fits the processor's cache.
 * Limits: made for many rows per prefix; a leaf costs some two hundred bytes. {@link RowSet} decides when it is worth it.
 */
import type { SectionReader } from "../../state/section-reader.ts";
import type { SectionWriter } from "../../state/section-writer.ts";
import { loadTables, saveTables } from "../../state/tables.ts";
import type { RowData } from "./row-set.ts";

/** The base of a leaf that is a hash table; no id. */
const HASHED: number = -(2 ** 31);
/** What no column holds. */
const NO_ID = -2;

const FIRST_SLOTS = 8;
/** Slots per row up to which a leaf becomes an array; up to which it stays one while rows come, and one that is trimmed. */
const SPARSE = 4;
const GROWING_SPARSE = 6;
const TRIMMED_SPARSE = 3;
/** Slots of all leaves together up to which, while the store fills up, each may be an array for all ids that were seen. */
const FILLING_SLOTS = 2 ** 24;
const NO_TABLE = new Int32Array(0);
/** Room for the rows of a leaf that is laid out. */
let scratch = new Int32Array(1024);

/** The leaves. Number 0 is none: no prefix matches its key. */
export class NestedRows {
  readonly #rows: RowData;
  /** Columns of the prefix. */
  readonly width: number;
  /** Leaves by the hash of their prefix. */
  directory: Int32Array = new Int32Array(64);
  /** The prefixes of leaves, `width` ids each. */
  keys: Int32Array;
  /** By leaf: row + 1 by slot, in hash tables with a piece of the hash. */
  tables: Int32Array[] = [NO_TABLE];
  /** By leaf: the id of the first slot, or {@link HASHED}. */
  bases: Int32Array = new Int32Array(16);
  /** By leaf: its rows. */
  counts: Int32Array = new Int32Array(16);
  /** The leaf that was used last. */
  last = 0;
  nLeaves = 0;
  readonly #free: number[] = [];
  /** Ids of the last column that were seen while the store filled up: their bounds, and bits for even and odd ones. */
  #least: number = 2 ** 31;
  #greatest: number = HASHED;
  #kinds = 0;

  constructor(rows: RowData) {
    this.#rows = rows;
    this.width = rows.arity - 1;
    this.keys = new Int32Array(16 * this.width);
    this.keys.fill(NO_ID, 0, this.width);
    if (this.width === 0) this.last = this.addLeaf(0);
  }

  /** A new leaf for the prefix at `base` of the rows' data, which has none. */
  addLeaf(base: number): number {
    const leaf = this.#free.pop() ?? this.tables.length;
    if (leaf === this.bases.length) this.#growLeaves();
    const { width, keys } = this;
    const { data } = this.#rows;
    for (let i = 0; i < width; i++) keys[leaf * width + i] = data[base + i] as number;
    this.tables[leaf] = NO_TABLE;
    this.bases[leaf] = 0;
    this.counts[leaf] = 0;
    this.nLeaves++;
    if (width > 0) this.directory[this.#freeSlot(this.#hashAt(base))] = leaf;
    if (this.nLeaves * 2 > this.directory.length) this.#resize(this.directory.length * 2);
    return leaf;
  }

  /** The leaf of the prefix at `base` of the rows' data, or 0. */
  leafOf(base: number): number {
    const { width, keys, directory } = this;
    if (width === 0) return 1;
    const { data } = this.#rows;
    const mask = directory.length - 1;
    for (let i = this.#hashAt(base) & mask; ; i = (i + 1) & mask) {
      const leaf = directory[i] as number;
      if (leaf === 0) return 0;
      let k = 0;
      while (k < width && keys[leaf * width + k] === data[base + k]) k++;
      if (k === width) return leaf;
    }
  }

  /** Tells of an id that the last column has. */
  noteId(id: number): void {
    if (id < this.#least) this.#least = id;
    if (id > this.#greatest) this.#greatest = id;
    this.#kinds |= 1 << (id & 1);
  }

  /** Puts a row in that is not there: its values are in the rows' data already. */
  add(row: number): void {
    const { data, stride } = this.#rows;
    const base = row * stride;
    const leaf = this.leafOf(base);
    this.put(leaf === 0 ? this.addLeaf(base) : leaf, row, data[base + this.width] as number);
  }

  /** Puts a row that is not there into a leaf, which may need to grow for it. */
  put(leaf: number, row: number, id: number): void {
    const table = this.tables[leaf] as Int32Array;
    const base = this.bases[leaf] as number;
    const count = (this.counts[leaf] as number) + 1;
    this.counts[leaf] = count;
    if (base === HASHED) {
      if (count * 3 > table.length * 2) this.#layOut(leaf, row);
      else insert(table, hashOf(id), row, this.#rows.set.tagMask);
      return;
    }
    const i = (id - base) >>> 1;
    if (this.#rows.isFresh) this.noteId(id);
    if (((id - base) & 1) === 0 && i < table.length) table[i] = row + 1;
    else if (!this.#extend(leaf, row, id)) this.#layOut(leaf, row);
  }

  /** Takes out a row that is there. */
  remove(row: number): void {
    const { data, stride, set } = this.#rows;
    const leaf = this.leafOf(row * stride);
    const table = this.tables[leaf] as Int32Array;
    const base = this.bases[leaf] as number;
    const id = data[row * stride + this.width] as number;
    if (base === HASHED) {
      const rowMask = ~set.tagMask;
      const mask = table.length - 1;
      let hole = hashOf(id) & mask;
      while (((table[hole] as number) & rowMask) !== row + 1) hole = (hole + 1) & mask;
      for (let i = (hole + 1) & mask; table[i] !== 0; i = (i + 1) & mask) {
        const home = hashOf(this.#idOf((table[i] as number) & rowMask)) & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue;
        table[hole] = table[i] as number;
        hole = i;
      }
      table[hole] = 0;
    } else table[(id - base) >>> 1] = 0;
    const count = (this.counts[leaf] as number) - 1;
    this.counts[leaf] = count;
    if (count === 0) this.#removeLeaf(leaf, row * stride);
    else if (!this.#rows.isFresh && table.length > 64 && count * 8 < table.length) this.#layOut(leaf, -1);
  }

  /** Makes hash tables of leaves that stayed nearly empty while the store filled up. */
  thin(): void {
    for (const [leaf, { length }] of this.tables.entries()) {
      const count = this.counts[leaf] as number;
      if (length > FIRST_SLOTS && length > count * GROWING_SPARSE) this.#layOut(leaf, -1, TRIMMED_SPARSE);
    }
  }

  /** Gives back room that leaves took ahead. */
  trim(): void {
    for (const [leaf, table] of this.tables.entries()) {
      const count = this.counts[leaf] as number;
      if (this.bases[leaf] === HASHED) {
        if (count * 3 < table.length) this.#layOut(leaf, -1, TRIMMED_SPARSE);
        continue;
      }
      let end = table.length;
      while (end > 0 && table[end - 1] === 0) end--;
      let start = 0;
      while (start < end && table[start] === 0) start++;
      if (end - start > count * TRIMMED_SPARSE) {
        this.#layOut(leaf, -1, TRIMMED_SPARSE);
        continue;
      }
      if ((end - start) * 5 > table.length * 4) continue;
      this.tables[leaf] = table.slice(start, end);
      this.bases[leaf] = (this.bases[leaf] as number) + 2 * start;
    }
  }

  /** Writes the leaves. */
  save(to: SectionWriter, name: string): void {
    const n = this.tables.length;
    saveTables(to, name, this.tables, this.counts.slice(0, n));
    to.ints(`${name}.directory`, this.directory);
    to.ints(`${name}.keys`, this.keys.slice(0, n * this.width));
    to.ints(`${name}.bases`, this.bases.slice(0, n));
    to.ints(`${name}.spare`, Int32Array.from(this.#free));
  }

  /** Takes over what {@link save} wrote. */
  load(from: SectionReader<unknown>, name: string): void {
    const [tables, counts] = loadTables(from, name);
    while (this.bases.length < tables.length) this.#growLeaves();
    this.tables = tables;
    this.counts.set(counts);
    this.directory = from.ints(`${name}.directory`);
    this.keys.set(from.ints(`${name}.keys`));
    this.bases.set(from.ints(`${name}.bases`));
    const free = from.ints(`${name}.spare`);
    for (const leaf of free) this.#free.push(leaf);
    this.nLeaves = tables.length - 1 - free.length;
  }

  /** Cuts pieces of hashes down to what the mask leaves of them. */
  retag(rowMask: number, tagMask: number): void {
    for (const [leaf, table] of this.tables.entries()) {
      if (this.bases[leaf] !== HASHED) continue;
      for (let i = 0; i < table.length; i++) table[i] = (table[i] as number) & (rowMask | tagMask);
    }
  }

  /** Slots of an array for all ids that were seen; 0 if leaves should not have that. */
  get #nSlotsForAll(): number {
    if (!this.#rows.isFresh || this.#kinds === 3) return 0;
    const n = (this.#greatest - this.#least) / 2 + 1;
    return n * this.nLeaves <= FILLING_SLOTS ? n : 0;
  }

  /** Makes a leaf that is an array longer, if the ids are still close together then. */
  #extend(leaf: number, row: number, id: number): boolean {
    const table = this.tables[leaf] as Int32Array;
    const base = this.bases[leaf] as number;
    const count = this.counts[leaf] as number;
    if (count === 1) {
      const first = this.#nSlotsForAll > 0 ? this.#least : id;
      const longer = new Int32Array(Math.max(FIRST_SLOTS, this.#nSlotsForAll));
      longer[(id - first) / 2] = row + 1;
      this.tables[leaf] = longer;
      this.bases[leaf] = first;
      return true;
    }
    const isAfter = id > base;
    const span = (isAfter ? id - base : base - id) / 2 + (isAfter ? 1 : table.length);
    const nForAll = this.#nSlotsForAll;
    if (!Number.isInteger(span) || span > Math.max(2 * FIRST_SLOTS, count * GROWING_SPARSE, nForAll)) return false;
    const isDoubled = nForAll > 0 || count * 2 > table.length;
    const length = Math.max(span, isDoubled ? table.length * 2 : table.length + (table.length >> 2));
    const longer = new Int32Array(length);
    const start = isAfter ? base : base - 2 * (length - table.length);
    if (start <= HASHED) return false;
    longer.set(table, (base - start) / 2);
    longer[(id - start) / 2] = row + 1;
    this.tables[leaf] = longer;
    this.bases[leaf] = start;
    return true;
  }

  /** Chooses the form of a leaf anew and lays its rows out; `more` is a row that comes in, or -1. */
  #layOut(leaf: number, more: number, maxSparse = SPARSE): void {
    const before = this.tables[leaf] as Int32Array;
    const rowMask = this.bases[leaf] === HASHED ? ~this.#rows.set.tagMask : -1;
    const count = this.counts[leaf] as number;
    if (scratch.length < count) scratch = new Int32Array(2 * count);
    const rows = scratch;
    let n = 0;
    for (let i = 0; i < before.length; i++) {
      const entry = (before[i] as number) & rowMask;
      if (entry !== 0) rows[n++] = entry - 1;
    }
    if (more >= 0) rows[n] = more;
    const { data, stride, set } = this.#rows;
    let [least, greatest, kinds] = [2 ** 31, -(2 ** 31), 0];
    for (let i = 0; i < count; i++) {
      const id = data[(rows[i] as number) * stride + this.width] as number;
      if (id < least) least = id;
      if (id > greatest) greatest = id;
      kinds |= 1 << (id & 1);
    }
    let length = FIRST_SLOTS;
    while (count * 3 > length * 2) length *= 2;
    if (this.#rows.isFresh) length *= 2;
    // Ids that fell into an array were not told of.
    this.noteId(least);
    this.noteId(greatest);
    const nForAll = kinds === 3 ? 0 : this.#nSlotsForAll;
    if (nForAll > 0) least = this.#least;
    const span = nForAll > 0 ? nForAll : (greatest - least) / 2 + 1;
    const isDense = nForAll > 0 || (kinds !== 3 && span <= Math.max(length, maxSparse * count));
    const table = new Int32Array(isDense ? span : length);
    for (let i = 0; i < count; i++) {
      const row = rows[i] as number;
      const id = data[row * stride + this.width] as number;
      if (isDense) table[(id - least) / 2] = row + 1;
      else insert(table, hashOf(id), row, set.tagMask);
    }
    this.tables[leaf] = table;
    this.bases[leaf] = isDense ? least : HASHED;
  }

  #removeLeaf(leaf: number, base: number): void {
    this.tables[leaf] = NO_TABLE;
    this.bases[leaf] = 0;
    if (this.width === 0) return;
    const { directory } = this;
    const mask = directory.length - 1;
    let hole = this.#hashAt(base) & mask;
    while (directory[hole] !== leaf) hole = (hole + 1) & mask;
    for (let i = (hole + 1) & mask; directory[i] !== 0; i = (i + 1) & mask) {
      const home = this.#hashOfLeaf(directory[i] as number) & mask;
      if (((i - home) & mask) < ((i - hole) & mask)) continue;
      directory[hole] = directory[i] as number;
      hole = i;
    }
    directory[hole] = 0;
    this.last = 0;
    this.nLeaves--;
    this.#free.push(leaf);
  }

  #freeSlot(hash: number): number {
    const mask = this.directory.length - 1;
    let i = hash & mask;
    while (this.directory[i] !== 0) i = (i + 1) & mask;
    return i;
  }

  #resize(length: number): void {
    const before = this.directory;
    this.directory = new Int32Array(length);
    for (const leaf of before) if (leaf !== 0) this.directory[this.#freeSlot(this.#hashOfLeaf(leaf))] = leaf;
  }

  #growLeaves(): void {
    const length = this.bases.length * 2;
    const [bases, counts, keys] = [new Int32Array(length), new Int32Array(length), new Int32Array(length * this.width)];
    bases.set(this.bases);
    counts.set(this.counts);
    keys.set(this.keys);
    this.bases = bases;
    this.counts = counts;
    this.keys = keys;
  }

  #idOf(rowPlusOne: number): number {
    return this.#rows.data[(rowPlusOne - 1) * this.#rows.stride + this.width] as number;
  }

  #hashAt(base: number): number {
    return prefixHash(this.#rows.data, base, this.width);
  }

  #hashOfLeaf(leaf: number): number {
    return prefixHash(this.keys, leaf * this.width, this.width);
  }
}

function insert(table: Int32Array, hash: number, row: number, tagMask: number): void {
  const mask = table.length - 1;
  let i = hash & mask;
  while (table[i] !== 0) i = (i + 1) & mask;
  table[i] = (row + 1) | (hash & tagMask);
}

function prefixHash(data: Int32Array, base: number, width: number): number {
  let hash = 0;
  for (let i = 0; i < width; i++) hash = Math.imul(hash ^ (hash >>> 15) ^ (data[base + i] as number), 0x9e3779b1);
  return hash ^ (hash >>> 15);
}

/** Of the last column. Neighbouring ids stand side by side. */
function hashOf(id: number): number {
  const hash = Math.imul(id >> 5, 0x9e3779b1);
  return ((hash ^ (hash >>> 15)) << 4) ^ ((id >> 1) & 15) ^ (Math.imul(id, 0x9e3779b1) & (-1 << 24));
}

/** How a nested look-up reads in the source of {@link RowAccess}. */
export interface NestedSource {
  /** A function `seek(nest, k0, …)`: the leaf of a prefix, or 0. */
  readonly seek: string;
  /** Statements that put the leaf's number into `leaf`. */
  readonly leaf: string;
  /** Statements that return the row if the leaf has it, and else tell in `slot` where in `table` it can be put, or -1. */
  readonly search: string;
}

/** Writes the look-up for ids in the variables. */
export function nestedSource(ids: readonly string[]): NestedSource {
  const prefix = ids.slice(0, -1);
  const width = prefix.length;
  const last = ids.at(-1) ?? "0";
  const keyAt = (leaf: string, i: number): string => (width === 1 ? `keys[${leaf}]` : `keys[${leaf} * ${width} + ${i}]`);
  const differs = (leaf: string): string => prefix.map((id, i) => `${keyAt(leaf, i)} !== ${id}`).join(" || ");
  const hash = ["let hash = 0;", ...prefix.map((id) => `hash = Math.imul(hash ^ (hash >>> 15) ^ ${id}, 0x9e3779b1);`)].join(" ");
  return {
    seek: `function seek(${["nest", ...prefix].join(", ")}) {
    ${hash}
    const keys = nest.keys, directory = nest.directory, mask = directory.length - 1;
    for (let i = (hash ^ (hash >>> 15)) & mask, leaf = directory[i]; leaf !== 0; i = (i + 1) & mask, leaf = directory[i]) {
      if (${differs("leaf") || "false"}) continue;
      nest.last = leaf;
      return leaf;
    }
    return 0;
  }`,
    leaf:
      width === 0
        ? "const leaf = 1;"
        : `let leaf = nest.last; const keys = nest.keys; if (${differs("leaf")}) leaf = seek(${["nest", ...prefix].join(", ")});`,
    search: `const table = nest.tables[leaf], base = nest.bases[leaf];
    let slot = -1;
    if (base !== ${HASHED}) {
      const d = ${last} - base, i = d >>> 1;
      if (i < table.length && (d & 1) === 0) {
        const entry = table[i];
        if (entry !== 0) return entry - 1;
        slot = i;
      }
    } else if (table.length > 0) {
      let hash = Math.imul(${last} >> 5, 0x9e3779b1);
      hash = ((hash ^ (hash >>> 15)) << 4) ^ ((${last} >> 1) & 15) ^ (Math.imul(${last}, 0x9e3779b1) & ${-1 << 24});
      const mask = table.length - 1, tagMask = set.tagMask, data = rows.data, stride = rows.stride;
      for (let i = hash & mask, entry = table[i]; entry !== 0; i = (i + 1) & mask, entry = table[i]) {
        if (((entry ^ hash) & tagMask) === 0) {
          const row = (entry & ~tagMask) - 1;
          if (data[row * stride + ${width}] === ${last}) return row;
        }
      }
    }`,
  };
}
