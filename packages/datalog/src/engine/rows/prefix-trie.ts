/**
 * A binary trie of bit strings with rows at them, as typed arrays.
 *
 * What: the strings that begin with a given one, and those that a given one begins with, in time of what is found and of the
 * depth. Paths without branches are one edge, so there are at most twice as many nodes as strings.
 * How: nodes hold their string (its length in bits and enough words for the longest), two children, the parent, and the first of their
 * rows; rows of one node are a list through two arrays, so that a row leaves without a search.
 */
import type { SectionReader } from "../../state/section-reader.ts";
import type { SectionWriter } from "../../state/section-writer.ts";
import type { IntList } from "./int-list.ts";
import { enlarged, spareFor } from "./key-index.ts";

const LENGTH = 0;
const CHILDREN = 1;
const PARENT = 3;
const ROWS = 4;
const WORDS = 5;

/** Rows by strings of up to `nWords` words. */
export class PrefixTrie {
  readonly #nWords: number;
  readonly #stride: number;
  /** Nodes are named by the place of their first word; 0 is none. */
  #nodes: Int32Array;
  #end: number;
  #root = 0;
  readonly #free: number[] = [];
  /** By row: the next row of the node + 1, or 0. */
  #next: Int32Array = new Int32Array(16);
  /** By row: the row before it + 1, the negated node of the first row, or 0 if the row is not here. */
  #previous: Int32Array = new Int32Array(16);

  constructor(nWords: number) {
    this.#nWords = nWords;
    this.#stride = WORDS + nWords;
    this.#nodes = new Int32Array(this.#stride);
    this.#end = this.#stride;
  }

  add(row: number, words: Int32Array, length: number): void {
    const node = this.#nodeOf(words, length);
    if (row >= this.#next.length) {
      this.#next = enlarged(this.#next, Math.max(row + 1, this.#next.length * 2));
      this.#previous = enlarged(this.#previous, this.#next.length);
    }
    const after = this.#nodes[node + ROWS] as number;
    this.#nodes[node + ROWS] = row + 1;
    this.#previous[row] = -node;
    this.#next[row] = after;
    if (after > 0) this.#previous[after - 1] = row + 1;
  }

  /** Takes a row out if it is here. */
  remove(row: number): void {
    const before = row < this.#previous.length ? (this.#previous[row] as number) : 0;
    if (before === 0) return;
    const after = this.#next[row] as number;
    if (after > 0) this.#previous[after - 1] = before;
    if (before > 0) this.#next[before - 1] = after;
    else this.#nodes[-before + ROWS] = after;
    this.#previous[row] = 0;
    if (before < 0 && after === 0) this.#prune(-before);
  }

  clear(): void {
    this.#nodes = new Int32Array(this.#stride);
    this.#end = this.#stride;
    this.#root = 0;
    this.#free.length = 0;
    this.#next = new Int32Array(16);
    this.#previous = new Int32Array(16);
  }

  /** Writes the trie, of rows below `nRows`. */
  save(to: SectionWriter, name: string, nRows: number): void {
    to.ints(`${name}.trie`, Int32Array.of(this.#root, this.#end));
    to.ints(`${name}.nodes`, this.#nodes.subarray(0, this.#end), spareFor(this.#end));
    to.ints(`${name}.free`, Int32Array.from(this.#free));
    to.ints(`${name}.next`, this.#next.subarray(0, nRows), spareFor(nRows));
    to.ints(`${name}.previous`, this.#previous.subarray(0, nRows), spareFor(nRows));
  }

  /** Takes over what {@link save} wrote. */
  load(from: SectionReader<unknown>, name: string): void {
    const [root = 0, end = 0] = from.ints(`${name}.trie`);
    this.#root = root;
    this.#end = end;
    this.#nodes = from.ints(`${name}.nodes`);
    for (const node of from.ints(`${name}.free`)) this.#free.push(node);
    this.#next = from.ints(`${name}.next`);
    this.#previous = from.ints(`${name}.previous`);
  }

  /** Adds the rows of all strings of less than `below` bits that the given one begins with. */
  collectAround(into: IntList, words: Int32Array, length: number, below: number): void {
    for (let node = this.#root; node !== 0; ) {
      const nodeLength = this.#nodes[node + LENGTH] as number;
      if (nodeLength >= below || nodeLength > length || this.#common(node, words, nodeLength) < nodeLength) return;
      this.#collectRows(into, node);
      if (nodeLength === length) return;
      node = this.#nodes[node + CHILDREN + bitOf(words, 0, nodeLength)] as number;
    }
  }

  /** Adds the rows of all strings that begin with the given one. */
  collectInside(into: IntList, words: Int32Array, length: number): void {
    let node = this.#root;
    while (node !== 0 && (this.#nodes[node + LENGTH] as number) < length) {
      const nodeLength = this.#nodes[node + LENGTH] as number;
      if (this.#common(node, words, nodeLength) < nodeLength) return;
      node = this.#nodes[node + CHILDREN + bitOf(words, 0, nodeLength)] as number;
    }
    if (node === 0 || this.#common(node, words, length) < length) return;
    const waiting = [node];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      this.#collectRows(into, next);
      const [left, right] = [this.#nodes[next + CHILDREN] as number, this.#nodes[next + CHILDREN + 1] as number];
      if (right !== 0) waiting.push(right);
      if (left !== 0) waiting.push(left);
    }
  }

  #collectRows(into: IntList, node: number): void {
    for (let row = this.#nodes[node + ROWS] as number; row !== 0; row = this.#next[row - 1] as number) into.push(row - 1);
  }

  /** The node of a string, made if there is none. */
  #nodeOf(words: Int32Array, length: number): number {
    let parent = 0;
    let node = this.#root;
    while (node !== 0) {
      const nodeLength = this.#nodes[node + LENGTH] as number;
      const common = this.#common(node, words, Math.min(nodeLength, length));
      if (common < nodeLength) return this.#insertAbove(node, parent, words, common, length);
      if (nodeLength === length) return node;
      parent = node;
      node = this.#nodes[node + CHILDREN + bitOf(words, 0, nodeLength)] as number;
    }
    const made = this.#make(words, length);
    this.#attach(made, parent);
    return made;
  }

  /** The node of a string that leaves the way to `node` after `common` bits. */
  #insertAbove(node: number, parent: number, words: Int32Array, common: number, length: number): number {
    const made = this.#make(words, common);
    this.#attach(made, parent);
    this.#attach(node, made);
    if (common === length) return made;
    const leaf = this.#make(words, length);
    this.#attach(leaf, made);
    return leaf;
  }

  /** Makes a node the child that its string says. */
  #attach(node: number, parent: number): void {
    const nodes = this.#nodes;
    nodes[node + PARENT] = parent;
    if (parent === 0) this.#root = node;
    else nodes[parent + CHILDREN + bitOf(nodes, node + WORDS, nodes[parent + LENGTH] as number)] = node;
  }

  /** Takes out nodes that neither hold rows nor branch. */
  #prune(from: number): void {
    for (let node = from; node !== 0; ) {
      const nodes = this.#nodes;
      const [left, right] = [nodes[node + CHILDREN] as number, nodes[node + CHILDREN + 1] as number];
      if (nodes[node + ROWS] !== 0 || (left !== 0 && right !== 0)) return;
      const parent = nodes[node + PARENT] as number;
      const child = left === 0 ? right : left;
      if (child !== 0) this.#attach(child, parent);
      else if (parent === 0) this.#root = 0;
      else nodes[parent + CHILDREN + (nodes[parent + CHILDREN] === node ? 0 : 1)] = 0;
      this.#free.push(node);
      node = child === 0 ? parent : 0;
    }
  }

  #make(words: Int32Array, length: number): number {
    const free = this.#free.pop();
    const node = free ?? this.#end;
    if (free === undefined) {
      this.#end += this.#stride;
      if (this.#end > this.#nodes.length)
        this.#nodes = enlarged(this.#nodes, Math.max(16 * this.#stride, this.#nodes.length * 2));
    }
    this.#nodes.fill(0, node, node + WORDS);
    this.#nodes[node + LENGTH] = length;
    for (let i = 0; i < this.#nWords; i++) this.#nodes[node + WORDS + i] = words[i] as number;
    return node;
  }

  /** How many of the first `most` bits of a node's string and the given one agree. */
  #common(node: number, words: Int32Array, most: number): number {
    for (let i = 0; i * 32 < most; i++) {
      const difference = (this.#nodes[node + WORDS + i] as number) ^ (words[i] as number);
      if (difference !== 0) return Math.min(most, i * 32 + Math.clz32(difference));
    }
    return most;
  }
}

/** The bit after the first `n` of the string at a place. */
function bitOf(words: Int32Array, place: number, n: number): number {
  return ((words[place + (n >>> 5)] as number) >>> (31 - (n & 31))) & 1;
}
