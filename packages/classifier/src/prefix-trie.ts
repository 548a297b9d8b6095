/**
 * A trie of the prefixes that the rules of all subtables match on in one field.
 *
 * What: a walk down with an address tells which subtables have no prefix of it, and how many leading bits had to be
 * looked at to know that. Why: those subtables are skipped, and the megaflow un-wildcards only those few bits instead of
 * the subtable's whole prefix. How: path-compressed: a node where prefixes end or part, with all bits down to it, and
 * with the set of the slots of all prefixes that end at it or below; a subtable whose slot is not in the set of the next
 * node has no longer prefix of the address. A walk goes no further than it is asked to. Nodes lie in the heap, one of an IPv4 address
 * in half a cache line.
 *
 * @see Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, section 5.4
 * @see Srinivasan, Suri and Varghese, "Packet Classification using Tuple Space Search", SIGCOMM 1999: tuple pruning
 */
import { hashWord } from "./hash.ts";
import { HashTable } from "./hash-tables.ts";
import type { Heap } from "./heap.ts";
import { addSlot, hasSlot, removeSlot, SET_WORDS, SLOTS } from "./slots.ts";

/**
 * Of a node's numbers: bits down to it, with the number of prefixes that end there above them; the child for bit 0 and, behind it,
 * that for bit 1 (0 = none); slots; and the bits. All are 0 in the heap's first words: there is a node that has nobody's slot.
 */
const [DEPTH, CHILD, SET, BITS] = [0, 1, 3, 3 + SET_WORDS] as const;
const DEPTH_MASK = 0xff;
const ONE_ENDING = 0x100;
const NOBODY = 0;
/** Of the words of a set; what is imported would be looked up at every use. */
const LOG_SET_WORDS = Math.log2(SET_WORDS);
/** So many a prefix may need: that where it ends, and that where it parts from others. */
const NODES_PER_PREFIX = 2;
/** What the walk has ahead of it while the bit that leads on was not looked at. */
const UNKNOWN = -1;
/** A node's place is a multiple of it. */
const NODE_UNIT = 8;
/** Where the first bits lead is remembered, in tries of many nodes: bits that are known then, the node, the one ahead, slots not refused. */
const JUMP_BITS = 8;
const [JUMP_KNOWN, JUMP_NODE, JUMP_AHEAD, JUMP_SET, JUMP_WIDTH] = [0, 1, 2, 3, 3 + SET_WORDS] as const;
const MANY_NODES = 32;
const NO_JUMPS = new Int32Array(0);
const NO_BITS = new Int32Array(4);

/** Prefixes by slot, counted. */
export class PrefixTrie {
  /** Width of an address in bits. */
  readonly nBits: number;
  readonly #heap: Heap;
  /** Words of a node. */
  readonly #width: number;
  /** A node is named by its place. */
  readonly #root: number;
  #nNodes = 0;
  /** Nodes for the next prefix: when there is no memory for them, nothing of it was added yet. */
  readonly #spareNodes: number[] = [];
  /** How many prefixes end at each node, by slot. */
  readonly #counts: HashTable;
  /** The nodes of the last prefix that was removed, from the root down. */
  readonly #path: number[] = [];
  /** Where the walk is: the last node whose bits are all those of the address. */
  #node: number;
  /** The child that the next bit leads to, not all of whose bits were looked at. */
  #ahead = UNKNOWN;
  #nKnown = 0;
  #jumps: Int32Array = NO_JUMPS;
  #hasJumps = false;

  /** @param nBits - width of an address, at most 128 */
  constructor(nBits: number, heap: Heap) {
    this.nBits = nBits;
    this.#heap = heap;
    this.#width = nBits <= 32 ? BITS + 1 : 2 * (BITS + 1);
    this.#counts = new HashTable(heap);
    this.#spareNodes.push(heap.take(this.#width));
    this.#root = this.#takeNode(NO_BITS, 0);
    this.#node = this.#root;
  }

  /** Adds the first `length` bits of an address; `length` is not 0. */
  add(address: Int32Array, length: number, slot: number): void {
    this.#reserve();
    this.forgetJumps();
    let link = -1; // where the node's place stands
    let node = this.#root;
    for (;;) {
      const depth = this.#depthOf(node);
      const same = nSameBits(this.#heap.words, node + BITS, address, depth < length ? depth : length);
      if (same < depth) {
        const middle = this.#takeNode(address, same);
        this.#heap.words[middle + CHILD + bitAt(this.#heap.words, node + BITS, same)] = node;
        this.#heap.words.copyWithin(middle + SET, node + SET, node + SET + SET_WORDS);
        this.#heap.words[link] = middle;
        node = middle;
      }
      addSlot(this.#heap.words, node + SET, slot);
      if (same === length) break;
      link = node + CHILD + bitAt(address, 0, same);
      node = this.#heap.words[link] as number;
      if (node !== 0) continue;
      node = this.#takeNode(address, length);
      this.#heap.words[link] = node;
      addSlot(this.#heap.words, node + SET, slot);
      break;
    }
    this.#heap.words[node + DEPTH] = (this.#heap.words[node + DEPTH] as number) + ONE_ENDING;
    const name = nameOf(node, slot);
    const place = this.#counts.find(name);
    if (place < 0) this.#counts.add(name, 1);
    else this.#counts.count(place, 1);
  }

  /** Takes back one `add`; the prefix must have been added. */
  remove(address: Int32Array, length: number, slot: number): void {
    this.forgetJumps();
    const path = this.#path;
    path.length = 0;
    let node = this.#root;
    for (let depth = 0; depth < length; depth = this.#depthOf(node)) {
      path.push(node);
      node = this.#heap.words[node + CHILD + bitAt(address, 0, depth)] as number;
    }
    path.push(node);
    this.#heap.words[node + DEPTH] = (this.#heap.words[node + DEPTH] as number) - ONE_ENDING;
    const place = this.#counts.find(nameOf(node, slot));
    if (this.#counts.count(place, -1) > 0) return;
    this.#counts.remove(place);
    for (let i = path.length - 1; i >= 0 && !this.#isHeld(path[i] as number, slot); i--)
      removeSlot(this.#heap.words, (path[i] as number) + SET, slot);
    for (let i = path.length - 1; i > 0 && i > path.length - 3; i--) this.#closeUp(path[i] as number, path[i - 1] as number);
  }

  /** Begins a walk. */
  start(): void {
    this.#node = this.#root;
    this.#ahead = UNKNOWN;
    this.#nKnown = 0;
  }

  /** How many bits of the address the walk has looked at. */
  get nKnown(): number {
    return this.#nKnown;
  }

  /**
   * Walks on with the same address, until a subtable is known to have no prefix of it, or so many bits are known.
   *
   * @param length - in bits, at most that of the subtable's prefixes
   * @param satisfied - for each number of bits the set of the slots of subtables whose prefixes are no longer
   * @param alive - the set of the slots that are not refused; the walk takes out those it finds to be
   * @param nWords - how many words of sets are in use
   */
  refuses(slot: number, length: number, address: Int32Array, satisfied: Int32Array, alive: Int32Array, nWords: number): boolean {
    if (this.#nKnown === 0 && length >= JUMP_BITS && this.#nNodes > MANY_NODES && hasSlot(alive, 0, slot)) {
      this.#jump(slot, address, satisfied, alive, nWords);
    }
    return this.#walk(slot, length, address, satisfied, alive, nWords);
  }

  /** To be called when `satisfied` or `nWords` are others than before. */
  forgetJumps(): void {
    if (!this.#hasJumps) return;
    this.#jumps.fill(0);
    this.#hasJumps = false;
  }

  /** Goes where a walk over the first bits leads, unless the subtable is refused on the way. */
  #jump(slot: number, address: Int32Array, satisfied: Int32Array, alive: Int32Array, nWords: number): void {
    if (this.#jumps.length === 0) this.#jumps = new Int32Array(JUMP_WIDTH << JUMP_BITS);
    const jumps = this.#jumps;
    const at = ((address[0] as number) >>> (32 - JUMP_BITS)) * JUMP_WIDTH;
    if (jumps[at + JUMP_KNOWN] === 0) this.#rememberJump(at, address, satisfied, nWords);
    if (!hasSlot(jumps, at + JUMP_SET, slot)) return;
    for (let i = 0; i < nWords; i++) alive[i] = (alive[i] as number) & (jumps[at + JUMP_SET + i] as number);
    this.#nKnown = jumps[at + JUMP_KNOWN] as number;
    this.#node = jumps[at + JUMP_NODE] as number;
    this.#ahead = jumps[at + JUMP_AHEAD] as number;
  }

  #rememberJump(at: number, address: Int32Array, satisfied: Int32Array, nWords: number): void {
    const alive = new Int32Array(SET_WORDS + 1).fill(-1);
    this.#walk(SLOTS, JUMP_BITS, address, satisfied, alive, nWords); // a slot that nothing takes out
    this.#jumps.set(alive.subarray(0, SET_WORDS), at + JUMP_SET);
    this.#jumps[at + JUMP_KNOWN] = this.#nKnown;
    this.#jumps[at + JUMP_NODE] = this.#node;
    this.#jumps[at + JUMP_AHEAD] = this.#ahead;
    this.#hasJumps = true;
    this.start();
  }

  #walk(slot: number, length: number, address: Int32Array, satisfied: Int32Array, alive: Int32Array, nWords: number): boolean {
    const nodes = this.#heap.words;
    let node = this.#node;
    let ahead = this.#ahead;
    let nKnown = this.#nKnown;
    let depth = (nodes[node + DEPTH] as number) & DEPTH_MASK;
    const aliveWord = slot >>> 5;
    const aliveBit = 1 << slot;
    let isAlive = ((alive[aliveWord] as number) & aliveBit) !== 0;
    while (isAlive && nKnown < length && ahead !== NOBODY) {
      if (ahead === UNKNOWN) {
        ahead = nodes[(node + CHILD + bitAt(address, 0, depth)) | 0] as number;
        nKnown = depth + 1;
      } else {
        const next = (nodes[ahead + DEPTH] as number) & DEPTH_MASK;
        const end = next < length ? next : length;
        const same = nSameBits(nodes, (ahead + BITS) | 0, address, end);
        nKnown = same < end ? same + 1 : end;
        if (same === end) {
          if (end < next) break;
          node = ahead;
          depth = next;
          ahead = UNKNOWN;
          continue;
        }
        ahead = NOBODY;
      }
      keep(alive, nodes, (ahead + SET) | 0, satisfied, depth, nWords);
      isAlive = ((alive[aliveWord] as number) & aliveBit) !== 0;
    }
    this.#node = node;
    this.#ahead = ahead;
    this.#nKnown = nKnown;
    return !isAlive || nKnown < length;
  }

  /** Whether a prefix with this slot ends at a node, or below it. */
  #isHeld(node: number, slot: number): boolean {
    const nodes = this.#heap.words;
    for (let link = node + CHILD; link < node + CHILD + 2; link++) {
      const child = nodes[link] as number;
      if (child !== 0 && hasSlot(nodes, child + SET, slot)) return true;
    }
    return this.#counts.find(nameOf(node, slot)) >= 0;
  }

  /** Takes a node out that is needed no more: nothing ends there, and at most one way leads on. */
  #closeUp(node: number, parent: number): void {
    const nodes = this.#heap.words;
    if ((nodes[node + DEPTH] as number) >= ONE_ENDING) return;
    const zero = nodes[node + CHILD] as number;
    const one = nodes[node + CHILD + 1] as number;
    if (zero !== 0 && one !== 0) return;
    nodes[parent + CHILD + bitAt(nodes, node + BITS, this.#depthOf(parent))] = zero + one;
    this.#heap.leave(node, this.#width);
    this.#nNodes--;
  }

  #depthOf(node: number): number {
    return (this.#heap.words[node + DEPTH] as number) & DEPTH_MASK;
  }

  /** Makes room for one prefix more. */
  #reserve(): void {
    this.#counts.reserve();
    while (this.#spareNodes.length < NODES_PER_PREFIX) this.#spareNodes.push(this.#heap.take(this.#width));
  }

  #takeNode(address: Int32Array, length: number): number {
    const node = this.#spareNodes.pop() as number;
    const nodes = this.#heap.words;
    nodes.fill(0, node, node + this.#width);
    nodes[node + DEPTH] = length;
    for (let i = 0; 32 * i < this.nBits; i++) nodes[node + BITS + i] = address[i] as number;
    this.#nNodes++;
    return node;
  }
}

/** Leaves in a set the slots of a node's set and those that are satisfied with `depth` bits. A loop over the words would take longer. */
function keep(alive: Int32Array, nodes: Int32Array, set: number, satisfied: Int32Array, depth: number, nWords: number): void {
  const at = depth << LOG_SET_WORDS;
  alive[0] = (alive[0] as number) & ((nodes[set] as number) | (satisfied[at] as number));
  if (nWords === 1) return;
  alive[1] = (alive[1] as number) & ((nodes[set + 1] as number) | (satisfied[at + 1] as number));
  alive[2] = (alive[2] as number) & ((nodes[set + 2] as number) | (satisfied[at + 2] as number));
  alive[3] = (alive[3] as number) & ((nodes[set + 3] as number) | (satisfied[at + 3] as number));
}

/** How many of the first `length` bits at a place are those of an address. */
function nSameBits(words: Int32Array, at: number, address: Int32Array, length: number): number {
  let same = Math.clz32((words[at] as number) ^ (address[0] as number));
  if (length > 32)
    for (let i = 1; same === 32 * i && same < length; i++) same += Math.clz32((words[at + i] as number) ^ (address[i] as number));
  return same < length ? same : length;
}

/** Stands for a node and a slot; no two pairs share it. */
function nameOf(node: number, slot: number): number {
  return hashWord(0, (node / NODE_UNIT) * SLOTS + slot);
}

/** Bit `bit` of the words at `at`, counted from the most significant. */
function bitAt(words: Int32Array, at: number, bit: number): 0 | 1 {
  return (((words[at + (bit >>> 5)] as number) >>> (31 - (bit & 31))) & 1) as 0 | 1;
}
