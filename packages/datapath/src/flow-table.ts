/**
 * What: finds the megaflow of a packet.
 *
 * Why: once per packet, so no allocation, no string or bigint keys.
 *
 * How: one open-addressing hash table per mask, over the words that the mask has bits in. Megaflows are disjoint,
 * so the first hit is the answer and the order of masks is free: it follows the hits. In front of the walk a small
 * table remembers, by a hash of the packet, which mask answered last time, so that many masks cost as one.
 *
 * Limits: the hint table has 4096 entries; with more live connections than that the walk is paid now and then.
 *
 * @see Pfaff et al., "The Design and Implementation of Open vSwitch", NSDI 2015, sections 4 and 6
 */
import { FIELDS } from "@tenet/net";
import type { DatapathAction, Megaflow } from "./datapath.ts";
import { CachedFlow, FlowRecords, type SlotCounters } from "./flow-records.ts";
import { finish, mix } from "./key-hash.ts";
import { Subtable } from "./subtable.ts";

const N_HINTS = 4096;

/** Words that tell apart connections, and the lookups of one packet that goes through the connection tracker, for the hint. */
const HINT_WORDS = Int32Array.of(
  FIELDS.recirc_id.word,
  FIELDS.ct_state.word,
  FIELDS.in_port.word,
  FIELDS.eth_dst.word + 1,
  FIELDS.eth_src.word + 1,
  FIELDS.eth_type.word,
  FIELDS.nw_proto.word,
  FIELDS.nw_src.word,
  FIELDS.nw_dst.word,
  FIELDS.ipv6_src.word + 3,
  FIELDS.ipv6_dst.word + 3,
  FIELDS.tp_src.word,
);

/** All megaflows. */
export class FlowTable {
  readonly #records = new FlowRecords();
  readonly #subtablesByMaskHash = new Map<number, Subtable[]>();
  #subtables: Subtable[] = [];
  readonly #hints: (Subtable | undefined)[] = Array.from({ length: N_HINTS });
  /** That the last flow came into: the next one is often of the same mask. */
  #lastPut: Subtable | undefined = undefined;

  /** What the kernel counts of flows that are there, too; to be set before there are any. */
  set kernel(kernel: SlotCounters) {
    this.#records.kernel = kernel;
  }

  get size(): number {
    return this.#records.size;
  }

  get nMasks(): number {
    return this.#subtables.length;
  }

  /** All flows; deleting while iterating is allowed. */
  flows(): IterableIterator<CachedFlow> {
    return this.#records.all();
  }

  /** The flow that a packet matches. Cost: one probe when the hint holds, else one per mask tried. */
  lookup(key: Uint32Array): CachedFlow | undefined {
    const hint = hashWords(key) & (N_HINTS - 1);
    const hinted = this.#hints[hint];
    if (hinted !== undefined) {
      const flow = hinted.lookup(key);
      if (flow !== undefined) {
        hinted.nHits++;
        return flow;
      }
    }
    for (const subtable of this.#subtables) {
      const flow = subtable === hinted ? undefined : subtable.lookup(key);
      if (flow !== undefined) {
        subtable.nHits++;
        this.#hints[hint] = subtable;
        return flow;
      }
    }
    return undefined;
  }

  /** Adds a flow, or replaces the actions of the one with this key and mask. */
  put(key: Uint32Array, mask: Uint32Array, actions: readonly DatapathAction[]): CachedFlow {
    const subtable = this.#subtableOf(mask);
    const hash = subtable.hash(key);
    const known = subtable.find(key, hash);
    if (known !== undefined) {
      known.actions = actions;
      return known;
    }
    const flow = this.#records.add(subtable, actions, hash);
    subtable.insert(flow, key);
    return flow;
  }

  /** Removes a flow; one that is not in the table is ignored. */
  delete(flow: Megaflow): void {
    if (!(flow instanceof CachedFlow) || flow.isGone) return;
    const { subtable } = flow;
    subtable.remove(flow);
    this.#records.remove(flow);
    if (subtable.size > 0) return;
    this.#lastPut = undefined;
    const hash = hashMask(subtable.mask);
    const sameHash = this.#subtablesByMaskHash.get(hash)?.filter((other) => other !== subtable) ?? [];
    if (sameHash.length === 0) this.#subtablesByMaskHash.delete(hash);
    else this.#subtablesByMaskHash.set(hash, sameHash);
    this.#subtables = this.#subtables.filter((other) => other !== subtable);
    this.#hints.fill(undefined);
  }

  /** Puts the masks that hit most in front; halves the counts, so that old traffic is forgotten. */
  sortByHits(): void {
    this.#subtables.sort((a, b) => b.nHits - a.nHits);
    for (const subtable of this.#subtables) subtable.nHits >>>= 1;
  }

  #subtableOf(mask: Uint32Array): Subtable {
    if (this.#lastPut === undefined || !areEqual(this.#lastPut.mask, mask)) this.#lastPut = this.#findOrMake(mask);
    return this.#lastPut;
  }

  #findOrMake(mask: Uint32Array): Subtable {
    const hash = hashMask(mask);
    const sameHash = this.#subtablesByMaskHash.get(hash);
    const known = sameHash?.find((subtable) => areEqual(subtable.mask, mask));
    if (known !== undefined) return known;
    const subtable = new Subtable(mask.slice(), this.#records);
    if (sameHash === undefined) this.#subtablesByMaskHash.set(hash, [subtable]);
    else sameHash.push(subtable);
    this.#subtables.push(subtable);
    return subtable;
  }
}

/** A hash of the words of a mask that are not zero. */
function hashMask(mask: Uint32Array): number {
  let hash = 0;
  for (let i = 0; i < mask.length; i++) if (mask[i] !== 0) hash = mix(hash ^ i, mask[i] as number);
  return hash;
}

function areEqual(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function hashWords(key: Uint32Array): number {
  let hash = 0;
  for (let i = 0; i < HINT_WORDS.length; i++) hash = mix(hash, key[HINT_WORDS[i] ?? 0] ?? 0);
  return finish(hash);
}
