/**
 * A trie of the address prefixes (or port values) that rules match on.
 *
 * What: one walk per lookup tells which prefix lengths any rule has for this address, and how many leading
 * bits had to be looked at to know it. Why: a subtable whose prefix length is not among them cannot match and
 * is skipped, and the megaflow un-wildcards only those few bits instead of the subtable's whole prefix.
 * How: path-compressed, nodes in typed arrays: a node where prefixes end or part, with all bits down to it.
 *
 * @see Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, section 5.4
 */

const MIN_NODES = 16;
const ROOT = 0;

/** Counts prefixes; finds those that contain an address. */
export class PrefixTrie {
  /** Width of an address in bits. */
  readonly nBits: number;
  readonly #nWords: number;
  /** Bits from the root down to the node, and how many. */
  #bits: Uint32Array;
  #depths = new Uint8Array(MIN_NODES);
  /** Child for bit 0 at `2 * node`, for bit 1 at `2 * node + 1`; 0 = none. */
  #children = new Int32Array(2 * MIN_NODES);
  /** Prefixes that end at the node. */
  #ending = new Int32Array(MIN_NODES);
  #nNodes = 1;
  #freeNode = 0;

  /** @param nBits - width of an address: 32 or 128 */
  constructor(nBits: number) {
    this.nBits = nBits;
    this.#nWords = nBits >>> 5;
    this.#bits = new Uint32Array(MIN_NODES * this.#nWords);
  }

  /** Adds the first `length` bits of the words at `at`. */
  add(words: Uint32Array, at: number, length: number): void {
    let [parent, side] = [ROOT, -1];
    let node = ROOT;
    for (;;) {
      const depth = this.#depths[node] ?? 0;
      const same = this.#nSameBits(node, words, at, Math.min(depth, length));
      if (same < depth) {
        const middle = this.#takeNode(words, at, same);
        this.#children[2 * middle + this.#bitOf(node, same)] = node;
        this.#children[2 * parent + side] = middle;
        node = middle;
      }
      if (same === length) {
        this.#ending[node] = (this.#ending[node] ?? 0) + 1;
        return;
      }
      [parent, side] = [node, bitAt(words, at, same)];
      node = this.#children[2 * parent + side] ?? 0;
      if (node !== 0) continue;
      node = this.#takeNode(words, at, length);
      this.#children[2 * parent + side] = node;
      this.#ending[node] = 1;
      return;
    }
  }

  /** Takes back one `add`; the prefix must have been added. */
  remove(words: Uint32Array, at: number, length: number): void {
    let [grandparent, parent, node] = [ROOT, ROOT, ROOT];
    while ((this.#depths[node] ?? 0) < length) {
      grandparent = parent;
      parent = node;
      node = this.#children[2 * node + bitAt(words, at, this.#depths[node] ?? 0)] ?? 0;
    }
    this.#ending[node] = (this.#ending[node] ?? 0) - 1;
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
    for (let i = 0; i < held.length; i++) held[i] = 0;
    let node = ROOT;
    for (let depth = 0; ; ) {
      if ((this.#ending[node] as number) > 0) held[depth >>> 5] = (held[depth >>> 5] as number) | (1 << (depth & 31));
      if (depth === this.nBits) return depth;
      const zero = this.#children[2 * node] as number;
      const one = this.#children[2 * node + 1] as number;
      if (zero === 0 && one === 0) return depth;
      node = bitAt(words, at, depth) === 0 ? zero : one;
      if (node === 0) return depth + 1;
      const next = this.#depths[node] as number;
      const same = this.#nSameBits(node, words, at, next);
      if (same < next) return same + 1;
      depth = next;
    }
  }

  /** How many of the first `length` bits down to a node are those of the words at `at`. */
  #nSameBits(node: number, words: Uint32Array, at: number, length: number): number {
    const base = node * this.#nWords;
    for (let bit = 0; bit < length; bit += 32) {
      const difference = (this.#bits[base + (bit >>> 5)] as number) ^ (words[at + (bit >>> 5)] as number);
      const same = bit + Math.clz32(difference);
      if (same < bit + 32 || same >= length) return Math.min(same, length);
    }
    return length;
  }

  #bitOf(node: number, bit: number): 0 | 1 {
    return bitAt(this.#bits, node * this.#nWords, bit);
  }

  /** Takes a node out that is needed no more: nothing ends there, and at most one way leads on. */
  #closeUp(node: number, parent: number): void {
    if (node === ROOT || (this.#ending[node] ?? 0) > 0) return;
    const zero = this.#children[2 * node] ?? 0;
    const one = this.#children[2 * node + 1] ?? 0;
    if (zero !== 0 && one !== 0) return;
    this.#children[2 * parent + this.#bitOf(node, this.#depths[parent] ?? 0)] = zero + one;
    this.#children[2 * node] = this.#freeNode;
    this.#children[2 * node + 1] = 0;
    this.#freeNode = node;
  }

  #takeNode(words: Uint32Array, at: number, length: number): number {
    const node = this.#freeNode === 0 ? this.#nNodes : this.#freeNode;
    if (node === this.#nNodes) {
      if (node === this.#ending.length) this.#grow();
      this.#nNodes++;
    } else this.#freeNode = this.#children[2 * node] ?? 0;
    this.#children[2 * node] = 0;
    this.#ending[node] = 0;
    this.#depths[node] = length;
    for (let i = 0; i < this.#nWords; i++) this.#bits[node * this.#nWords + i] = words[at + i] ?? 0;
    return node;
  }

  #grow(): void {
    const capacity = this.#ending.length * 2;
    const [bits, depths] = [new Uint32Array(capacity * this.#nWords), new Uint8Array(capacity)];
    const [children, ending] = [new Int32Array(2 * capacity), new Int32Array(capacity)];
    bits.set(this.#bits);
    depths.set(this.#depths);
    children.set(this.#children);
    ending.set(this.#ending);
    [this.#bits, this.#depths, this.#children, this.#ending] = [bits, depths, children, ending];
  }
}

/** Bit `bit` of the words at `at`, counted from the most significant. */
function bitAt(words: Uint32Array, at: number, bit: number): 0 | 1 {
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
