/**
 * A trie of the address prefixes (or port values) that rules match on.
 *
 * What: one walk per lookup tells which prefix lengths any rule has for this address, and how many leading
 * bits had to be looked at to know it. Why: a subtable whose prefix length is not among them cannot match and
 * is skipped, and the megaflow un-wildcards only those few bits instead of the subtable's whole prefix.
 * How: path-compressed: a node where prefixes end or part, with all bits down to it; nodes side by side in one array.
 *
 * @see Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, section 5.4
 */

const MIN_NODES = 16;
const ROOT = 0;
/** Of a node's numbers: bits down to it, prefixes that end there, the child for bit 0 and, behind it, that for bit 1 (0 = none), and the bits. */
const [DEPTH, ENDING, CHILD, BITS] = [0, 1, 2, 4] as const;

/** Counts prefixes; finds those that contain an address. */
export class PrefixTrie {
  /** Width of an address in bits. */
  readonly nBits: number;
  /** Numbers of a node. */
  readonly #width: number;
  /** A node is named by the place of its first number. */
  #nodes: Int32Array;
  #end: number;
  /** The first of those that are free; the next stands where a child would. */
  #freeNode = 0;

  /** @param nBits - width of an address: 32 or 128 */
  constructor(nBits: number) {
    this.nBits = nBits;
    this.#width = BITS + (nBits >>> 5);
    this.#nodes = new Int32Array(MIN_NODES * this.#width);
    this.#end = this.#width;
  }

  /** Adds the first `length` bits of the words at `at`. */
  add(words: Uint32Array, at: number, length: number): void {
    /** Where the node's place stands. */
    let link = -1;
    let node = ROOT;
    for (;;) {
      const depth = this.#nodes[node + DEPTH] as number;
      const same = this.#nSameBits(node, words, at, depth < length ? depth : length);
      if (same < depth) {
        const middle = this.#takeNode(words, at, same);
        this.#nodes[middle + CHILD + this.#bitOf(node, same)] = node;
        this.#nodes[link] = middle;
        node = middle;
      }
      if (same === length) {
        this.#nodes[node + ENDING] = (this.#nodes[node + ENDING] as number) + 1;
        return;
      }
      link = node + CHILD + bitAt(words, at, same);
      node = this.#nodes[link] as number;
      if (node !== 0) continue;
      node = this.#takeNode(words, at, length);
      this.#nodes[link] = node;
      this.#nodes[node + ENDING] = 1;
      return;
    }
  }

  /** Takes back one `add`; the prefix must have been added. */
  remove(words: Uint32Array, at: number, length: number): void {
    let grandparent = ROOT;
    let parent = ROOT;
    let node = ROOT;
    for (let depth = 0; depth < length; depth = this.#nodes[node + DEPTH] as number) {
      grandparent = parent;
      parent = node;
      node = this.#nodes[node + CHILD + bitAt(words, at, depth)] as number;
    }
    this.#nodes[node + ENDING] = (this.#nodes[node + ENDING] as number) - 1;
    this.#closeUp(node, parent);
    this.#closeUp(parent, grandparent);
  }

  /**
   * Walks down with the address at `at`.
   *
   * @param held - out: bit n is set when some rule has a prefix of n bits for this address; cleared first
   * @returns how many leading bits decide all of it
   */
  lookup(words: Uint32Array, at: number, held: Int32Array): number {
    const nodes = this.#nodes;
    for (let i = 0; i < held.length; i++) held[i] = 0;
    let node = ROOT;
    for (let depth = 0; ; ) {
      if ((nodes[node + ENDING] as number) > 0) held[depth >>> 5] = (held[depth >>> 5] as number) | (1 << (depth & 31));
      if (depth === this.nBits) return depth;
      const zero = nodes[node + CHILD] as number;
      const one = nodes[node + CHILD + 1] as number;
      if (zero === 0 && one === 0) return depth;
      node = bitAt(words, at, depth) === 0 ? zero : one;
      if (node === 0) return depth + 1;
      const next = nodes[node + DEPTH] as number;
      const same = this.#nSameBits(node, words, at, next);
      if (same < next) return same + 1;
      depth = next;
    }
  }

  /** How many of the first `length` bits down to a node are those of the words at `at`. */
  #nSameBits(node: number, words: Uint32Array, at: number, length: number): number {
    for (let bit = 0; bit < length; bit += 32) {
      const i = bit >>> 5;
      const same = bit + Math.clz32((this.#nodes[node + BITS + i] as number) ^ (words[at + i] as number));
      if (same >= length) return length;
      if (same < bit + 32) return same;
    }
    return length;
  }

  #bitOf(node: number, bit: number): 0 | 1 {
    return bitAt(this.#nodes, node + BITS, bit);
  }

  /** Takes a node out that is needed no more: nothing ends there, and at most one way leads on. */
  #closeUp(node: number, parent: number): void {
    const nodes = this.#nodes;
    if (node === ROOT || (nodes[node + ENDING] as number) > 0) return;
    const zero = nodes[node + CHILD] as number;
    const one = nodes[node + CHILD + 1] as number;
    if (zero !== 0 && one !== 0) return;
    nodes[parent + CHILD + this.#bitOf(node, nodes[parent + DEPTH] as number)] = zero + one;
    nodes[node + CHILD] = this.#freeNode;
    nodes[node + CHILD + 1] = 0;
    this.#freeNode = node;
  }

  #takeNode(words: Uint32Array, at: number, length: number): number {
    const node = this.#freeNode === 0 ? this.#end : this.#freeNode;
    if (node === this.#end) {
      if (node === this.#nodes.length) this.#grow();
      this.#end += this.#width;
    } else this.#freeNode = this.#nodes[node + CHILD] as number;
    const nodes = this.#nodes;
    nodes[node + DEPTH] = length;
    nodes[node + ENDING] = 0;
    nodes[node + CHILD] = 0;
    for (let i = 0; i < this.#width - BITS; i++) nodes[node + BITS + i] = words[at + i] as number;
    return node;
  }

  #grow(): void {
    const nodes = new Int32Array(this.#nodes.length * 2);
    nodes.set(this.#nodes);
    this.#nodes = nodes;
  }
}

/** Bit `bit` of the words at `at`, counted from the most significant. */
function bitAt(words: Uint32Array | Int32Array, at: number, bit: number): 0 | 1 {
  return (((words[at + (bit >>> 5)] as number) >>> (31 - (bit & 31))) & 1) as 0 | 1;
}

/**
 * Length of the prefix that a mask of `nBits` bits at `at` stands for.
 *
 * @returns 0 when the mask is empty or not a prefix
 */
export function prefixLength(mask: Uint32Array, at: number, nBits: number): number {
  let length = 0;
  while (length < nBits && bitAt(mask, at, length) === 1) length++;
  for (let bit = length + 1; bit < nBits; bit++) if (bitAt(mask, at, bit) === 1) return 0;
  return length;
}

/** Sets the first `length` bits of the words at `at`. */
export function setPrefixBits(mask: Uint32Array, at: number, length: number): void {
  let rest = length;
  for (let word = at; rest > 0; word++, rest -= 32) mask[word] = (mask[word] as number) | prefixMask(rest);
}

/** The first `length` bits of a word; all of them above 32. */
export function prefixMask(length: number): number {
  if (length >= 32) return -1;
  return length <= 0 ? 0 : -1 << (32 - length);
}
