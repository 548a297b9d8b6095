/**
 * Numbers for groups of rows, by the values of the columns that they share.
 *
 * What: one record per group in one typed array: the key, then words for whoever keeps the table. Open addressing leads from a key to
 * its record. Why: an aggregate over a hundred thousand small groups is mostly this table; an object and a map entry per group cost four
 * times as much. How: numbers of groups that went are given to new ones; {@link GroupTable.compactIfDue} closes the gaps when most
 * groups went. Limits: keys are not changed while the group is there.
 */
import type { SectionReader } from "../../../state/section-reader.ts";
import type { SectionWriter } from "../../../state/section-writer.ts";
import { range } from "../../rows/int-list.ts";
import { grownLength } from "../../rows/key-index.ts";

const FIRST_GROUPS = 8;
const FIRST_SLOTS = 16;
/** Tables that never had so many groups are left as they are. */
const COMPACT_FROM = 1 << 12;

/** Records by key. */
export class GroupTable {
  readonly nKeys: number;
  /** From one record to the next. */
  readonly stride: number;
  data: Int32Array;
  /** Numbers of groups are below this. */
  end = 0;
  /** Groups + 1, by the hash of their keys. */
  #slots: Int32Array = new Int32Array(FIRST_SLOTS);
  #free: number[] = [];

  /**
   * @param nKeys - words of a key
   * @param nWords - words of a record besides the key; 0 in a new group
   */
  constructor(nKeys: number, nWords: number) {
    this.nKeys = nKeys;
    this.stride = nKeys + nWords;
    this.data = new Int32Array(FIRST_GROUPS * this.stride);
  }

  /** Number of groups. */
  get size(): number {
    return this.end - this.#free.length;
  }

  /** The group whose key stands in `from` from `at` on, or -1. */
  find(from: Int32Array, at: number): number {
    return (this.#slots[this.#slotOf(from, at)] as number) - 1;
  }

  /** The same; a group that is not there is made. */
  findOrAdd(from: Int32Array, at: number): number {
    const slot = this.#slotOf(from, at);
    const known = (this.#slots[slot] as number) - 1;
    if (known >= 0) return known;
    const group = this.#free.pop() ?? this.end++;
    const base = group * this.stride;
    if (base === this.data.length) this.#resize(grownLength(group));
    for (let i = 0; i < this.nKeys; i++) this.data[base + i] = from[at + i] as number;
    this.data.fill(0, base + this.nKeys, base + this.stride);
    this.#slots[slot] = group + 1;
    if (this.size * 3 > this.#slots.length * 2) this.#place(this.#slots, this.#slots.length * 2);
    return group;
  }

  /** Forgets a group; its number may be given to another one. */
  remove(group: number): void {
    const { data, stride } = this;
    const slots = this.#slots;
    const mask = slots.length - 1;
    let hole = this.#slotOf(data, group * stride);
    for (let i = (hole + 1) & mask; slots[i] !== 0; i = (i + 1) & mask) {
      const home = this.#hashOf(data, ((slots[i] as number) - 1) * stride) & mask;
      if (((i - home) & mask) < ((i - hole) & mask)) continue;
      slots[hole] = slots[i] as number;
      hole = i;
    }
    slots[hole] = 0;
    this.#free.push(group);
  }

  /** Forgets all groups. */
  clear(): void {
    this.end = 0;
    this.#free = [];
    this.data = new Int32Array(FIRST_GROUPS * this.stride);
    this.#slots = new Int32Array(FIRST_SLOTS);
  }

  /** Closes the gaps when three quarters of the numbers are free; tells which groups got lower numbers, in ascending order. */
  compactIfDue(move: (from: number, to: number) => void): void {
    if (this.end < COMPACT_FROM || this.#free.length * 4 < this.end * 3) return;
    const { data, stride } = this;
    const isFree = new Uint8Array(this.end);
    for (const group of this.#free) isFree[group] = 1;
    let to = 0;
    for (let from = 0; from < isFree.length; from++) {
      if (isFree[from] === 1) continue;
      data.copyWithin(to * stride, from * stride, (from + 1) * stride);
      move(from, to++);
    }
    this.end = to;
    this.#free = [];
    this.#resize(Math.max(FIRST_GROUPS, to + (to >> 1)));
    let nSlots = FIRST_SLOTS;
    while (to * 3 > nSlots * 2) nSlots *= 2;
    this.#place(range(1, to + 1).values(), nSlots);
  }

  /** Writes the groups. */
  save(to: SectionWriter, name: string): void {
    to.ints(`${name}.data`, this.data.subarray(0, this.end * this.stride));
    to.ints(`${name}.slots`, this.#slots);
    to.ints(`${name}.free`, Int32Array.from(this.#free));
  }

  /** Takes over what {@link save} wrote. */
  load(from: SectionReader<unknown>, name: string): void {
    this.data = from.ints(`${name}.data`);
    this.#slots = from.ints(`${name}.slots`);
    this.#free = Array.from(from.ints(`${name}.free`));
    this.end = this.data.length / this.stride;
    if (this.end < FIRST_GROUPS) this.#resize(FIRST_GROUPS);
  }

  /** The slot of a key: where its group is, or where it may be put. */
  #slotOf(from: Int32Array, at: number): number {
    const { data, stride, nKeys } = this;
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = this.#hashOf(from, at) & mask; ; slot = (slot + 1) & mask) {
      const entry = slots[slot] as number;
      if (entry === 0) return slot;
      const base = (entry - 1) * stride;
      let i = 0;
      while (i < nKeys && data[base + i] === from[at + i]) i++;
      if (i === nKeys) return slot;
    }
  }

  #hashOf(from: Int32Array, at: number): number {
    let hash = 0;
    for (let i = 0; i < this.nKeys; i++) hash = Math.imul(hash ^ (hash >>> 15) ^ (from[at + i] as number), 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
    return hash ^ (hash >>> 13);
  }

  /** Puts entries (zeros left out) into so many new slots. */
  #place(entries: Int32Array, nSlots: number): void {
    const { data, stride } = this;
    const slots = new Int32Array(nSlots);
    const mask = nSlots - 1;
    for (const entry of entries) {
      if (entry === 0) continue;
      let slot = this.#hashOf(data, (entry - 1) * stride) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry;
    }
    this.#slots = slots;
  }

  #resize(nGroups: number): void {
    const data = new Int32Array(nGroups * this.stride);
    data.set(this.data.subarray(0, Math.min(this.data.length, data.length)));
    this.data = data;
  }
}
