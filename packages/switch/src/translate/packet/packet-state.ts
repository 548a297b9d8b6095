/**
 * The packet in hand during translation: what it looks like now, what of it is known, what was emitted.
 *
 * What: applies set, move and VLAN actions to the flow, and emits the datapath actions that make the packet so
 * only when it is about to leave ("lazily"), as one masked set. Why: a field that is set and never sent costs
 * nothing, and a field that is overwritten need not be matched on. How: each bit of the flow is either the
 * packet's own (then reading it un-wildcards it) or `written` (then its value follows from bits that are
 * un-wildcarded already); each bit on the wire is either original or `rewritten`.
 *
 *     written  rewritten   at commit
 *        0         0       nothing: the wire has it
 *        1         0       set it, unless it is un-wildcarded and equal
 *        1         1       set it if it differs
 *        0         1       it was put back (clone, patch port): un-wildcard it, set it if it differs
 */
import type { Classifier, ClassifierRule } from "@tenet/classifier";
import type { DatapathAction } from "@tenet/datapath";
import { FIELDS, type FieldSpec, FLOW_WORDS, getField, STAGE_ENDS, VLAN_PRESENT, setField } from "@tenet/net";
import type { SubField } from "@tenet/openflow";
import { MaskedSet } from "./masked-set.ts";
import { isMpls } from "../megaflow-mask.ts";
import { entryToPush, stackOf } from "./mpls.ts";

const FIRST_HEADER_WORD = STAGE_ENDS[0] ?? 0;
/** One past the last word that the connection tracker fills. */
export const CT_END: number = FIELDS.ct_tp_src.word + 1;
const VLAN_WORD = FIELDS.vlan_tci.word;
const VLAN_BITS = 0xffff << FIELDS.vlan_tci.shift;
const TPID = 0x8100;
const MPLS_WORD = FIELDS.mpls_lse.word;
const ETH_TYPE_WORD = FIELDS.eth_type.word;
const [, FIRST_L3_WORD = 0] = STAGE_ENDS;
const MPLS_FIELDS = [FIELDS.mpls_lse, FIELDS.mpls_lse1, FIELDS.mpls_lse2] as const;
const MARK_WORD = FIELDS.pkt_mark.word;
/** What a packet takes along from bridge to bridge. */
export const OF_THE_DATAPATH: ReadonlySet<number> = new Set([
  MARK_WORD,
  FIELDS.packet_type.word,
  FIELDS.recirc_id.word,
  FIELDS.dp_hash.word,
]);
/** Most significant first: bits 32 to 63, then 0 to 31. */
const OPTIONS_PRESENT = FIELDS.tun_options_present.word;

/** Header fields that can be set, by their words; `bits` are those of each word that belong to the field. */
const SETTABLE: readonly { readonly word: number; readonly nWords: number; readonly bits: number }[] = (
  [
    "eth_dst",
    "eth_src",
    "mpls_lse",
    "nw_proto",
    "nw_tos",
    "nw_ttl",
    "nw_src",
    "nw_dst",
    "ipv6_src",
    "ipv6_dst",
    "ipv6_label",
    "nd_target",
    "arp_sha",
    "arp_tha",
    "tp_src",
    "tp_dst",
  ] as const
).map((name) => ({ ...FIELDS[name], bits: FIELDS[name].nWords > 1 ? 0xffffffff : bitsOf(FIELDS[name]) }));

/** What `clone` and patch ports save and put back. */
export interface SavedFlow {
  readonly flow: Uint32Array;
  readonly written: Uint32Array;
  readonly base: Uint32Array;
  readonly rewritten: Uint32Array;
  readonly innerTags: readonly number[];
  readonly tpid: number;
  readonly queue: number;
  readonly sentQueue: number;
  readonly isUnparsed: boolean;
}

/** What is kept of a packet in the pipeline while the datapath has it; see frozen-state.ts. */
export interface FrozenPacket {
  /** Words before the packet's headers; only bits in `written` are set. */
  readonly metadata: Uint32Array;
  readonly written: Uint32Array;
  readonly innerTags: readonly number[];
}

/** A packet under translation; it may be used again for another packet with {@link start}. */
export class PacketState {
  /** The packet as the pipeline sees it now. */
  readonly flow: Uint32Array = new Uint32Array(FLOW_WORDS);
  /** Bits of the original packet that the translation depends on. */
  readonly wildcards: Uint32Array = new Uint32Array(FLOW_WORDS);
  readonly #written = new Uint32Array(FLOW_WORDS);
  readonly #base = new Uint32Array(FLOW_WORDS);
  readonly #rewritten = new Uint32Array(FLOW_WORDS);
  /** Tags beneath the one in the flow, outermost last. */
  readonly #innerTags: number[] = [];
  /** Ethernet type of the tag that is pushed when the flow has one and the wire has not. */
  #tpid = TPID;
  /** The queue that the packet is to be sent through, and the one that the datapath knows of. */
  queue = 0;
  #sentQueue = 0;
  /** Whether there is more in the packet than the flow tells. */
  isUnparsed = false;
  readonly #set = new MaskedSet();
  /** All zero, but during a lookup. */
  readonly #lookedAt = new Uint32Array(FLOW_WORDS);

  /** Takes a packet in hand; what was in hand before, `flow` and `wildcards` included, is gone. */
  start(key: Uint32Array): void {
    this.flow.set(key);
    this.#base.set(key);
    this.wildcards.fill(0);
    this.#written.fill(0);
    this.#rewritten.fill(0);
    this.#innerTags.length = 0;
    this.#tpid = TPID;
    this.queue = 0;
    this.#sentQueue = 0;
    this.isUnparsed = false;
  }

  /** What to keep of the packet, which is committed, until it comes back. */
  freeze(): FrozenPacket {
    const written = this.#written.slice(0, FIRST_HEADER_WORD);
    written.fill(0, FIELDS.ct_state.word, CT_END);
    const metadata = this.flow.slice(0, FIRST_HEADER_WORD).map((word, i) => word & (written[i] ?? 0));
    return { metadata, written, innerTags: [...this.#innerTags] };
  }

  /** Gives a packet that came back what was kept of it. */
  thaw({ metadata, written, innerTags }: FrozenPacket): void {
    for (let i = 0; i < FIRST_HEADER_WORD; i++) this.#writeWord(i, metadata[i] ?? 0, written[i] ?? 0);
    this.#innerTags.push(...innerTags);
  }

  /** Makes the packet one that was not tracked. */
  clearConnection(): void {
    for (let word = FIELDS.ct_state.word; word < CT_END; word++) this.#writeWord(word, 0, 0xffffffff);
  }

  /** The bits that `change` writes into these words, which stay as they were. */
  wordsWrittenBy(change: () => void, from: number, end: number): { values: Uint32Array; written: Uint32Array } {
    const flow = this.flow.slice(from, end);
    const written = this.#written.slice(from, end);
    this.#written.fill(0, from, end);
    change();
    const set = { values: this.flow.slice(from, end), written: this.#written.slice(from, end) };
    this.flow.set(flow, from);
    this.#written.set(written, from);
    return set;
  }

  /** Takes an option of the tunnel header away. */
  deleteOption(field: FieldSpec): void {
    const { presentBit } = field;
    if (presentBit === undefined) return;
    for (let word = field.word; word < field.word + field.nWords; word++) this.#writeWord(word, 0, 0xffffffff);
    this.#writeWord(OPTIONS_PRESENT + (presentBit < 32 ? 1 : 0), 0, 1 << (presentBit & 31));
  }

  /** As {@link lookUp}, as if the packet's addresses and ports were those that its connection began with. */
  lookUpByTuple<R extends ClassifierRule>(rules: Classifier<R>): R | undefined {
    this.#swapTuples();
    const found = this.lookUp(rules);
    this.#swapTuples();
    return found;
  }

  #swapTuples(): void {
    for (const words of [this.flow, this.#written, this.wildcards]) for (const pair of TUPLES) swapFields(words, ...pair);
  }

  /** The tags beneath the one in the flow, of which the translation depends already. */
  get innerTags(): readonly number[] {
    return this.#innerTags;
  }

  /** Un-wildcards bits of a field. */
  need(field: FieldSpec, bits: number): void {
    this.#unWildcard(field.word, bits << field.shift);
  }

  /** The best rule for the packet; of the bits that were looked at, un-wildcards those of the packet's own. */
  lookUp<R extends ClassifierRule>(rules: Classifier<R>): R | undefined {
    const { wildcards } = this;
    const lookedAt = this.#lookedAt;
    const written = this.#written;
    const words = rules.examinedWords;
    const found = rules.lookup(this.flow, lookedAt);
    for (let i = 0; i < words.length; i++) {
      const word = words[i] as number;
      wildcards[word] = (wildcards[word] as number) | ((lookedAt[word] as number) & ~(written[word] as number));
      lookedAt[word] = 0;
    }
    return found;
  }

  /** Reads a field of at most 32 bits and un-wildcards it. */
  read(field: FieldSpec): number {
    this.#unWildcard(field.word, bitsOf(field));
    return getField(this.flow, field);
  }

  /** Reads a 48-bit field as a number and un-wildcards it. */
  readMac(field: FieldSpec): number {
    this.#unWildcard(field.word, 0xffff);
    this.#unWildcard(field.word + 1, 0xffffffff);
    return (this.flow[field.word] ?? 0) * 0x1_0000_0000 + (this.flow[field.word + 1] ?? 0);
  }

  /** Reads bits of a field, as its words lie in a FlowKey, and un-wildcards them; without a mask all of it. */
  readWords(field: FieldSpec, mask?: Uint32Array): number[] {
    const whole = field.nBits % 32 === 0 && field.nWords > 1 ? 0xffffffff : undefined;
    return Array.from({ length: field.nWords }, (_, i) => {
      const word = field.word + i;
      const all = whole ?? (field.nWords > 1 ? (i === 0 ? (1 << (field.nBits % 32)) - 1 : 0xffffffff) : bitsOf(field));
      const bits = mask === undefined ? all : (mask[i] ?? 0);
      this.#unWildcard(word, bits);
      return (this.flow[word] ?? 0) & bits;
    });
  }

  /** Sets a field under a mask; both hold the field's words as they lie in a FlowKey, before them may be others. */
  write(field: FieldSpec, value: Uint32Array, mask: Uint32Array): void {
    this.#notePresence(field);
    const first = value.length - field.nWords;
    for (let i = 0; i < field.nWords; i++) this.#writeWord(field.word + i, value[first + i] ?? 0, mask[first + i] ?? 0);
  }

  /** Sets a field of at most 32 bits. */
  writeNumber(field: FieldSpec, value: number): void {
    this.#writeWord(field.word, value << field.shift, bitsOf(field));
  }

  /** Copies bits from one field to another; the source is read. */
  move(source: SubField, target: SubField): void {
    this.store(target, this.load(source));
  }

  /** Reads bits of a field and un-wildcards them; bit 0 of the result is the lowest of them. */
  load({ field, start, nBits }: SubField): bigint {
    let value = 0n;
    for (let done = 0; done < nBits; ) {
      const at = field.shift + start + done;
      const word = field.word + field.nWords - 1 - (at >>> 5);
      const n = Math.min(nBits - done, 32 - (at & 31));
      const ones = n === 32 ? 0xffffffff : (1 << n) - 1;
      this.#unWildcard(word, ones << (at & 31));
      value |= BigInt((((this.flow[word] ?? 0) >>> (at & 31)) & ones) >>> 0) << BigInt(done);
      done += n;
    }
    return value;
  }

  /** Sets bits of a field. */
  store({ field, start, nBits }: SubField, value: bigint): void {
    this.#notePresence(field);
    for (let done = 0; done < nBits; ) {
      const at = field.shift + start + done;
      const word = field.word + field.nWords - 1 - (at >>> 5);
      const n = Math.min(nBits - done, 32 - (at & 31));
      const ones = n === 32 ? 0xffffffff : (1 << n) - 1;
      const part = Number((value >> BigInt(done)) & BigInt(ones >>> 0));
      this.#writeWord(word, part << (at & 31), ones << (at & 31));
      done += n;
    }
  }

  /** Sets all registers, metadata and the ingress port, as when a packet enters another bridge. */
  enterBridge(inPort: number): void {
    for (let word = 0; word < FIRST_HEADER_WORD; word++) if (!OF_THE_DATAPATH.has(word)) this.#writeWord(word, 0, 0xffffffff);
    this.writeNumber(FIELDS.in_port, inPort);
  }

  save(): SavedFlow {
    return {
      flow: this.flow.slice(),
      written: this.#written.slice(),
      base: this.#base.slice(),
      rewritten: this.#rewritten.slice(),
      innerTags: [...this.#innerTags],
      tpid: this.#tpid,
      queue: this.queue,
      sentQueue: this.#sentQueue,
      isUnparsed: this.isUnparsed,
    };
  }

  /** Puts the flow back; what is on the wire too, when `isOfCopy`: then only a copy was changed. */
  restore(saved: SavedFlow, isOfCopy: boolean): void {
    const { flow, written, base, rewritten, innerTags, tpid, queue, sentQueue } = saved;
    this.isUnparsed = saved.isUnparsed;
    this.#tpid = tpid;
    this.queue = queue;
    this.flow.set(flow);
    this.#written.set(written);
    if (!isOfCopy) return;
    this.#base.set(base);
    this.#rewritten.set(rewritten);
    this.#innerTags.splice(0, Infinity, ...innerTags);
    this.#sentQueue = sentQueue;
  }

  /** Appends what makes the packet on the wire equal to the flow. */
  commit(actions: DatapathAction[]): void {
    this.#commitHeaders(actions);
    this.#commitVlan(actions);
    if (this.queue !== this.#sentQueue) actions.push({ type: "setPriority", priority: this.queue });
    this.#sentQueue = this.queue;
    if (((this.#written[MARK_WORD] ?? 0) | (this.#rewritten[MARK_WORD] ?? 0)) !== 0) this.#commitMark(actions);
  }

  /** The mark is set as a whole, so what of it is the packet's own counts too. */
  #commitMark(actions: DatapathAction[]): void {
    this.#unWildcard(MARK_WORD, 0xffffffff);
    const mark = this.flow[MARK_WORD] ?? 0;
    if (this.#bitsToSet(MARK_WORD, 0xffffffff) === 0) return;
    actions.push({ type: "setMark", mark });
    this.#base[MARK_WORD] = mark;
    this.#rewritten[MARK_WORD] = 0xffffffff;
  }

  /** Pushes a tag, `tci` without the CFI bit; one that is there already stays beneath it, out of the pipeline's sight. */
  pushVlan(actions: DatapathAction[], tpid: number, tci = 0): void {
    if (getField(this.flow, FIELDS.vlan_tci) !== 0) {
      this.commit(actions);
      this.#innerTags.push(this.read(FIELDS.vlan_tci));
      actions.push({ type: "pushVlan", tpid, tci });
      this.#setTag(VLAN_PRESENT | tci);
    } else {
      this.writeNumber(FIELDS.vlan_tci, VLAN_PRESENT | tci);
      this.#tpid = tpid;
    }
  }

  /** Pops the outer tag; the one beneath it comes into sight. */
  popVlan(actions: DatapathAction[]): void {
    const inner = this.#innerTags.pop();
    this.#tpid = TPID;
    if (inner === undefined) return this.writeNumber(FIELDS.vlan_tci, 0);
    this.commit(actions);
    actions.push({ type: "popVlan" });
    this.#setTag(inner);
  }

  /** Pushes a label, which hides all that is behind Ethernet and its tags. */
  pushMpls(actions: DatapathAction[], ethType: number): void {
    const entry = entryToPush(this);
    const stack = stackOf(this);
    this.commit(actions);
    actions.push({ type: "pushMpls", ethType, entry });
    this.#setStack(ethType, [entry, ...stack]);
  }

  /** Pops the outermost label, if there is one. */
  popMpls(actions: DatapathAction[], ethType: number): void {
    if (!isMpls(this.read(FIELDS.eth_type))) return;
    const [, ...beneath] = stackOf(this);
    this.commit(actions);
    actions.push({ type: "popMpls", ethType });
    this.#setStack(ethType, [...beneath, 0]);
    this.isUnparsed = !isMpls(ethType);
  }

  /** Notes the labels that the wire and the flow now have; nothing is known of what is behind them. */
  #setStack(ethType: number, stack: readonly number[]): void {
    this.writeNumber(FIELDS.eth_type, ethType);
    MPLS_FIELDS.forEach((field, i) => this.writeNumber(field, stack[i] ?? 0));
    for (let word = FIRST_L3_WORD; word < FLOW_WORDS; word++) this.#writeWord(word, 0, 0xffffffff);
    this.#base.set(this.flow.subarray(ETH_TYPE_WORD), ETH_TYPE_WORD);
    this.#rewritten.fill(0xffffffff, ETH_TYPE_WORD);
  }

  /** Notes the tag that the wire and the flow now have. */
  #setTag(tci: number): void {
    this.writeNumber(FIELDS.vlan_tci, tci);
    this.#base[VLAN_WORD] = ((this.#base[VLAN_WORD] ?? 0) & ~VLAN_BITS) | ((this.flow[VLAN_WORD] ?? 0) & VLAN_BITS);
    this.#rewritten[VLAN_WORD] = (this.#rewritten[VLAN_WORD] ?? 0) | VLAN_BITS;
  }

  /** A field of which one bit must be set is set in all its written bits. */
  #commitHeaders(actions: DatapathAction[]): void {
    const set = this.#set;
    // An entry of an MPLS stack is set as a whole.
    if (this.#mustSet(MPLS_WORD, 1, 0xffffffff)) this.#writeWord(MPLS_WORD, this.read(FIELDS.mpls_lse), 0xffffffff);
    for (const { word: first, nWords, bits } of SETTABLE) {
      if (!this.#mustSet(first, nWords, bits)) continue;
      for (let word = first; word < first + nWords; word++) {
        const known = ((this.#written[word] ?? 0) | (this.#rewritten[word] ?? 0)) & bits;
        set.add(word, (this.flow[word] ?? 0) & known, known);
        this.#base[word] = ((this.#base[word] ?? 0) & ~known) | ((this.flow[word] ?? 0) & known);
        this.#rewritten[word] = (this.#rewritten[word] ?? 0) | known;
      }
    }
    const action = set.take();
    if (action !== undefined) actions.push(action);
  }

  #mustSet(first: number, nWords: number, bits: number): boolean {
    let isDue = false;
    for (let word = first; word < first + nWords; word++) if ((this.#bitsToSet(word, bits) & bits) !== 0) isDue = true;
    return isDue;
  }

  /** The bits among `bits` of a word that the wire does not have as the flow does; see the file header. */
  #bitsToSet(word: number, bits: number): number {
    const written = this.#written[word] ?? 0;
    const rewritten = this.#rewritten[word] ?? 0;
    const putBack = rewritten & ~written & bits;
    if (putBack !== 0) this.wildcards[word] = (this.wildcards[word] ?? 0) | putBack;
    const differs = (this.flow[word] ?? 0) ^ (this.#base[word] ?? 0);
    return (written & bits & (differs | ~(rewritten | (this.wildcards[word] ?? 0)))) | (putBack & differs);
  }

  /** A tag is matched on for its presence always, so that whether there is one is known on both sides. */
  #commitVlan(actions: DatapathAction[]): void {
    const isTagged = (this.flow[VLAN_WORD] ?? 0) & (VLAN_PRESENT << FIELDS.vlan_tci.shift);
    const wasTagged = (this.#base[VLAN_WORD] ?? 0) & (VLAN_PRESENT << FIELDS.vlan_tci.shift);
    const bits = this.#bitsToSet(VLAN_WORD, VLAN_BITS);
    if (bits === 0) return;
    if (wasTagged !== 0) actions.push({ type: "popVlan" });
    if (isTagged !== 0) {
      const tci = this.read(FIELDS.vlan_tci) & ~VLAN_PRESENT;
      actions.push({ type: "pushVlan", tpid: this.#tpid, tci });
    }
    this.#setTag(getField(this.flow, FIELDS.vlan_tci));
  }

  /** An option of a tunnel header that is set is there. */
  #notePresence({ presentBit }: FieldSpec): void {
    if (presentBit === undefined) return;
    const bit = 1 << (presentBit & 31);
    this.#writeWord(OPTIONS_PRESENT + (presentBit < 32 ? 1 : 0), bit, bit);
  }

  #unWildcard(word: number, bits: number): void {
    this.wildcards[word] = (this.wildcards[word] ?? 0) | (bits & ~(this.#written[word] ?? 0));
  }

  #writeWord(word: number, value: number, bits: number): void {
    this.flow[word] = ((this.flow[word] ?? 0) & ~bits) | (value & bits);
    this.#written[word] = (this.#written[word] ?? 0) | bits;
  }
}

/** Fields of the packet and what they were when its connection began. */
const TUPLES: readonly (readonly [FieldSpec, FieldSpec])[] = [
  [FIELDS.nw_proto, FIELDS.ct_nw_proto],
  [FIELDS.nw_src, FIELDS.ct_nw_src],
  [FIELDS.nw_dst, FIELDS.ct_nw_dst],
  [FIELDS.ipv6_src, FIELDS.ct_ipv6_src],
  [FIELDS.ipv6_dst, FIELDS.ct_ipv6_dst],
  [FIELDS.tp_src, FIELDS.ct_tp_src],
  [FIELDS.tp_dst, FIELDS.ct_tp_dst],
];

function swapFields(words: Uint32Array, a: FieldSpec, b: FieldSpec): void {
  if (a.nWords === 1) {
    const value = getField(words, a);
    setField(words, a, getField(words, b));
    setField(words, b, value);
    return;
  }
  for (let i = 0; i < a.nWords; i++) {
    const value = words[a.word + i] ?? 0;
    words[a.word + i] = words[b.word + i] ?? 0;
    words[b.word + i] = value;
  }
}

/** The bits of a field of at most 32 bits, where they lie in its word. */
function bitsOf(field: FieldSpec): number {
  return field.nBits === 32 ? 0xffffffff : ((1 << field.nBits) - 1) << field.shift;
}
