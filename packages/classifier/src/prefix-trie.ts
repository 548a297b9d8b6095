/**
 * A binary trie of the address prefixes that the rules of one classifier match on.
 *
 * What: one walk per lookup tells which prefix lengths any rule has for this address, and how many leading
 * bits had to be looked at to know it. Why: a subtable whose prefix length is not among them cannot match and
 * is skipped, and the megaflow un-wildcards only those few bits instead of the subtable's whole prefix.
 * How: a node per bit in typed arrays, with the number of prefixes that end there and of those below.
 * Limits: a node costs 16 bytes and a prefix up to one node per bit; nodes are not path-compressed.
 *
 * @see Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, section 5.4
 */

const MIN_NODES = 64;
const ROOT = 0;

/** Counts prefixes; finds those that contain an address. */
export class PrefixTrie {
  /** Child for bit 0 at `2 * node`, for bit 1 at `2 * node + 1`; 0 = none. */
  #children = new Int32Array(2 * MIN_NODES);
  /** Prefixes that end at the node. */
  #ending = new Int32Array(MIN_NODES);
  /** Prefixes that end at the node or below. */
  #within = new Int32Array(MIN_NODES);
  #nNodes = 1;
  #freeNode = 0;

  /** Number of prefixes held, counting repeats. */
  get size(): number {
    return this.#within[ROOT] ?? 0;
  }

  /** Adds the first `length` bits of the words at `at`. */
  add(words: Uint32Array, at: number, length: number): void {
    let node = ROOT;
    this.#within[ROOT] = this.size + 1;
    for (let bit = 0; bit < length; bit++) {
      const side = 2 * node + bitAt(words, at, bit);
      let child = this.#children[side] ?? 0;
      if (child === 0) {
        child = this.#takeNode();
        this.#children[side] = child;
      }
      this.#within[child] = (this.#within[child] ?? 0) + 1;
      node = child;
    }
    this.#ending[node] = (this.#ending[node] ?? 0) + 1;
  }

  /** Takes back one `add`; the prefix must have been added. */
  remove(words: Uint32Array, at: number, length: number): void {
    let node = ROOT;
    this.#within[ROOT] = this.size - 1;
    for (let bit = 0; bit < length; bit++) {
      const side = 2 * node + bitAt(words, at, bit);
      const child = this.#children[side] ?? 0;
      const within = (this.#within[child] ?? 0) - 1;
      this.#within[child] = within;
      if (within === 0) this.#children[side] = 0;
      if (this.#within[node] === 0 && node !== ROOT) this.#releaseNode(node);
      node = child;
    }
    this.#ending[node] = (this.#ending[node] ?? 0) - 1;
    if (this.#within[node] === 0 && node !== ROOT) this.#releaseNode(node);
  }

  /**
   * Walks down with the address at `at`.
   *
   * @param isLengthHeld - out: 1 at each prefix length that some rule has for this address; cleared first
   * @returns how many leading bits decide all of it
   */
  lookup(words: Uint32Array, at: number, nBits: number, isLengthHeld: Uint8Array): number {
    isLengthHeld.fill(0);
    let node = ROOT;
    for (let bit = 0; ; bit++) {
      if ((this.#ending[node] ?? 0) > 0) isLengthHeld[bit] = 1;
      if (bit === nBits) return bit;
      const zero = this.#children[2 * node] ?? 0;
      const one = this.#children[2 * node + 1] ?? 0;
      if (zero === 0 && one === 0) return bit;
      node = bitAt(words, at, bit) === 0 ? zero : one;
      if (node === 0) return bit + 1;
    }
  }

  #takeNode(): number {
    if (this.#freeNode !== 0) {
      const node = this.#freeNode;
      this.#freeNode = this.#children[2 * node] ?? 0;
      this.#children[2 * node] = 0;
      return node;
    }
    if (this.#nNodes === this.#ending.length) this.#grow();
    return this.#nNodes++;
  }

  #releaseNode(node: number): void {
    this.#children[2 * node] = this.#freeNode;
    this.#children[2 * node + 1] = 0;
    this.#ending[node] = 0;
    this.#freeNode = node;
  }

  #grow(): void {
    const children = new Int32Array(this.#children.length * 2);
    const ending = new Int32Array(this.#ending.length * 2);
    const within = new Int32Array(this.#within.length * 2);
    children.set(this.#children);
    ending.set(this.#ending);
    within.set(this.#within);
    this.#children = children;
    this.#ending = ending;
    this.#within = within;
  }
}

/** Bit `bit` of the words at `at`, counted from the most significant. */
function bitAt(words: Uint32Array, at: number, bit: number): 0 | 1 {
  return (((words[at + (bit >>> 5)] ?? 0) >>> (31 - (bit & 31))) & 1) as 0 | 1;
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
  for (let word = at; rest > 0; word++, rest -= 32) {
    const ones = rest >= 32 ? 0xffffffff : ~(0xffffffff >>> rest);
    mask[word] = (mask[word] ?? 0) | ones;
  }
}
