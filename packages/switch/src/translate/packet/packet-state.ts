/**
 * The packet in hand during translation: what it looks like now, and what of that the wire has already.
 *
 * What: emits the datapath actions that make the packet what the flow is only when it is about to leave ("lazily"), as one
 * masked set. Why: a field that is set and never sent costs nothing. How: each bit of the flow is the packet's own or `written`
 * (pipeline-flow.ts); each bit on the wire is either original or `rewritten`.
 *
 *     written  rewritten   at commit
 *        0         0       nothing: the wire has it
 *        1         0       set it, unless it is un-wildcarded and equal
 *        1         1       set it if it differs
 *        0         1       it was put back (clone, patch port): un-wildcard it, set it if it differs
 */
import type { DatapathAction } from "@tenet/datapath";
import { FIELDS, FLOW_WORDS, STAGE_ENDS, VLAN_PRESENT } from "@tenet/net";
import { FIRST_HEADER_WORD, isMpls } from "../megaflow-mask.ts";
import { MaskedSet } from "./masked-set.ts";
import { entryToPush, relabelPush, stackBeneath, stackOf } from "./mpls.ts";
import { bitsOf, CT_END, NO_OUTPUT, PipelineFlow } from "./pipeline-flow.ts";
import { makeTag, N_TAGS_SHOWN, setTags, TAG_BITS, TAGS_END, TAGS_START, tagsIn } from "./tag-stack.ts";

const VLAN_BITS = 0xffff << FIELDS.vlan_tci.shift;
const MPLS_WORD = FIELDS.mpls_lse.word;
const ETH_TYPE_WORD = FIELDS.eth_type.word;
const [, FIRST_L3_WORD = 0] = STAGE_ENDS;
const MPLS_FIELDS = [FIELDS.mpls_lse, FIELDS.mpls_lse1, FIELDS.mpls_lse2] as const;
const MARK_WORD = FIELDS.pkt_mark.word;

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
    "nd_reserved",
    "nd_options_type",
  ] as const
).map((name) => ({ ...FIELDS[name], bits: FIELDS[name].nWords > 1 ? 0xffffffff : bitsOf(FIELDS[name]) }));

const NO_TAGS: readonly number[] = [];

/** What `clone` and patch ports save and put back. */
export interface SavedFlow {
  readonly flow: Uint32Array;
  readonly written: Uint32Array;
  readonly base: Uint32Array;
  readonly rewritten: Uint32Array;
  readonly hiddenTags: readonly number[];
  readonly hiddenTagsSent: readonly number[];
  readonly queue: number;
  readonly sentQueue: number;
  readonly isUnparsed: boolean;
}

/** What is kept of a packet in the pipeline while the datapath has it; see frozen-state.ts. */
export interface FrozenPacket {
  /** Words before the packet's headers; only bits in `written` are set. */
  readonly metadata: Uint32Array;
  readonly written: Uint32Array;
  readonly hiddenTags: readonly number[];
}

/** A packet under translation; it may be used again for another packet with {@link start}. */
export class PacketState extends PipelineFlow {
  readonly #base = new Uint32Array(FLOW_WORDS);
  readonly #rewritten = new Uint32Array(FLOW_WORDS);
  /** Tags beneath those that the flow shows, outermost first, and the same on the wire; all were pushed on. */
  hiddenTags: readonly number[] = NO_TAGS;
  #hiddenTagsSent: readonly number[] = NO_TAGS;
  /** The queue that the packet is to be sent through, and the one that the datapath knows of. */
  queue = 0;
  #sentQueue = 0;
  /** Whether there is more in the packet than the flow tells. */
  isUnparsed = false;
  readonly #set = new MaskedSet();

  /** Takes a packet in hand; what was in hand before, `flow` and `wildcards` included, is gone. */
  start(key: Uint32Array): void {
    this.flow.set(key);
    this.#base.set(key);
    this.wildcards.fill(0);
    this.written.fill(0);
    this.setActionSetOutput(NO_OUTPUT);
    this.#rewritten.fill(0);
    this.hiddenTags = NO_TAGS;
    this.#hiddenTagsSent = NO_TAGS;
    this.queue = 0;
    this.#sentQueue = 0;
    this.isUnparsed = false;
  }

  /**
   * What to keep of the packet, which is committed, until it comes back.
   *
   * @param vlanLimit - how many tags it will show then
   */
  freeze(vlanLimit: number): FrozenPacket {
    const written = this.written.slice(0, FIRST_HEADER_WORD);
    written.fill(0, FIELDS.ct_state.word, CT_END);
    written[FIELDS.actset_output.word] = 0;
    const metadata = this.flow.slice(0, FIRST_HEADER_WORD).map((word, i) => word & (written[i] ?? 0));
    return { metadata, written, hiddenTags: [...tagsIn(this.flow), ...this.hiddenTags].slice(vlanLimit) };
  }

  /** Gives a packet that came back what was kept of it. */
  thaw({ metadata, written, hiddenTags }: FrozenPacket): void {
    for (let i = 0; i < FIRST_HEADER_WORD; i++) this.writeWord(i, metadata[i] ?? 0, written[i] ?? 0);
    this.hiddenTags = hiddenTags;
    this.#hiddenTagsSent = hiddenTags;
  }

  /** Makes the packet one whose headers were all put in front of it just now. */
  enclose(headers: Uint32Array): void {
    for (let word = FIRST_HEADER_WORD; word < FLOW_WORDS; word++) this.writeWord(word, headers[word] ?? 0, 0xffffffff);
    this.#base.set(headers.subarray(FIRST_HEADER_WORD), FIRST_HEADER_WORD);
    this.#rewritten.fill(0xffffffff, FIRST_HEADER_WORD);
    this.hiddenTags = NO_TAGS;
    this.#hiddenTagsSent = NO_TAGS;
    this.isUnparsed = false;
  }

  save(): SavedFlow {
    return {
      flow: this.flow.slice(),
      written: this.written.slice(),
      base: this.#base.slice(),
      rewritten: this.#rewritten.slice(),
      hiddenTags: this.hiddenTags,
      hiddenTagsSent: this.#hiddenTagsSent,
      queue: this.queue,
      sentQueue: this.#sentQueue,
      isUnparsed: this.isUnparsed,
    };
  }

  /** Puts the flow back; what is on the wire too, when `isOfCopy`: then only a copy was changed. */
  restore(saved: SavedFlow, isOfCopy: boolean): void {
    const { flow, written, base, rewritten, hiddenTags, hiddenTagsSent, queue, sentQueue } = saved;
    this.isUnparsed = saved.isUnparsed;
    this.hiddenTags = hiddenTags;
    this.queue = queue;
    this.flow.set(flow);
    this.written.set(written);
    if (!isOfCopy) return;
    this.#base.set(base);
    this.#rewritten.set(rewritten);
    this.#hiddenTagsSent = hiddenTagsSent;
    this.#sentQueue = sentQueue;
  }

  /** Appends what makes the packet on the wire equal to the flow. */
  commit(actions: DatapathAction[]): void {
    this.#commitHeaders(actions);
    this.#commitTags(actions);
    if (this.queue !== this.#sentQueue) actions.push({ type: "setPriority", priority: this.queue });
    this.#sentQueue = this.queue;
    if (((this.written[MARK_WORD] ?? 0) | (this.#rewritten[MARK_WORD] ?? 0)) !== 0) this.#commitMark(actions);
  }

  /** The mark is set as a whole, so what of it is the packet's own counts too. */
  #commitMark(actions: DatapathAction[]): void {
    this.unWildcard(MARK_WORD, 0xffffffff);
    const mark = this.flow[MARK_WORD] ?? 0;
    if (this.#bitsToSet(MARK_WORD, 0xffffffff) === 0) return;
    actions.push({ type: "setMark", mark });
    this.#base[MARK_WORD] = mark;
    this.#rewritten[MARK_WORD] = 0xffffffff;
  }

  /** Pushes a tag, over those that are there. */
  pushVlan(ethType: number, tci = 0): void {
    this.#readTags();
    this.#showTags([makeTag(ethType, tci), ...tagsIn(this.flow), ...this.hiddenTags]);
  }

  /** Pops the outer tag; the one beneath it comes into sight. */
  popVlan(): void {
    if (this.read(FIELDS.vlan_tci1) !== 0) this.#readTags();
    this.#showTags([...tagsIn(this.flow).slice(1), ...this.hiddenTags]);
  }

  /** Pops every tag that is in sight. */
  popVlans(): void {
    if (this.read(FIELDS.vlan_tci1) !== 0) this.#readTags();
    this.#showTags(this.hiddenTags);
  }

  /** Runs what may change the tags, and puts them back in the flow. */
  keepingTags(run: () => void): void {
    const flow = this.flow.slice(TAGS_START, TAGS_END);
    const written = this.written.slice(TAGS_START, TAGS_END);
    const hidden = this.hiddenTags;
    run();
    this.flow.set(flow, TAGS_START);
    this.written.set(written, TAGS_START);
    this.hiddenTags = hidden;
  }

  #readTags(): void {
    for (let i = 0; i < TAG_BITS.length; i++) this.unWildcard(TAGS_START + i, TAG_BITS[i] ?? 0);
  }

  /** Notes the tags that the flow now has, which all are known. */
  #showTags(tags: readonly number[]): void {
    setTags(this.flow, tags);
    this.hiddenTags = tags.slice(N_TAGS_SHOWN);
    for (let i = 0; i < TAG_BITS.length; i++)
      this.written[TAGS_START + i] = (this.written[TAGS_START + i] ?? 0) | (TAG_BITS[i] ?? 0);
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
    const beneath = stackBeneath(this);
    this.commit(actions);
    actions.push({ type: "popMpls", ethType });
    this.#setStack(ethType, beneath);
    this.isUnparsed = !isMpls(ethType);
  }

  /** Notes the labels that the wire and the flow now have; nothing is known of what is behind them. */
  #setStack(ethType: number, stack: readonly number[]): void {
    this.writeNumber(FIELDS.eth_type, ethType);
    MPLS_FIELDS.forEach((field, i) => this.writeNumber(field, stack[i] ?? 0));
    for (let word = FIRST_L3_WORD; word < FLOW_WORDS; word++) this.writeWord(word, 0, 0xffffffff);
    this.#base.set(this.flow.subarray(ETH_TYPE_WORD), ETH_TYPE_WORD);
    this.#rewritten.fill(0xffffffff, ETH_TYPE_WORD);
  }

  /** A field of which one bit must be set is set in all its written bits. */
  #commitHeaders(actions: DatapathAction[]): void {
    if (!this.#hasChanges()) return;
    const set = this.#set;
    // An entry of an MPLS stack is set as a whole.
    if (this.#mustSet(MPLS_WORD, 1, 0xffffffff)) this.writeWord(MPLS_WORD, this.read(FIELDS.mpls_lse), 0xffffffff);
    for (const { word: first, nWords, bits } of SETTABLE) {
      if (!this.#mustSet(first, nWords, bits)) continue;
      for (let word = first; word < first + nWords; word++) {
        const known = ((this.written[word] ?? 0) | (this.#rewritten[word] ?? 0)) & bits;
        const value = (this.flow[word] ?? 0) & known;
        if (word !== MPLS_WORD || !relabelPush(actions, value)) set.add(word, value, known);
        this.#base[word] = ((this.#base[word] ?? 0) & ~known) | ((this.flow[word] ?? 0) & known);
        this.#rewritten[word] = (this.#rewritten[word] ?? 0) | known;
      }
    }
    const action = set.take();
    if (action !== undefined) actions.push(action);
  }

  /** Whether any header, or what the wire has of it, was written. */
  #hasChanges(): boolean {
    const { written } = this;
    const rewritten = this.#rewritten;
    for (let word = FIRST_HEADER_WORD; word < FLOW_WORDS; word++)
      if ((written[word] as number) | (rewritten[word] as number)) return true;
    return false;
  }

  #mustSet(first: number, nWords: number, bits: number): boolean {
    let isDue = false;
    for (let word = first; word < first + nWords; word++) if ((this.#bitsToSet(word, bits) & bits) !== 0) isDue = true;
    return isDue;
  }

  /** The bits among `bits` of a word that the wire does not have as the flow does; see the file header. */
  #bitsToSet(word: number, bits: number): number {
    const written = this.written[word] ?? 0;
    const rewritten = this.#rewritten[word] ?? 0;
    const putBack = rewritten & ~written & bits;
    if (putBack !== 0) this.wildcards[word] = (this.wildcards[word] ?? 0) | putBack;
    const differs = (this.flow[word] ?? 0) ^ (this.#base[word] ?? 0);
    return (written & bits & (differs | ~(rewritten | (this.wildcards[word] ?? 0)))) | (putBack & differs);
  }

  /** Pops the tags beneath which the wire has what the flow has, and pushes those that are missing. */
  #commitTags(actions: DatapathAction[]): void {
    if ((((this.written[TAGS_START] ?? 0) | (this.#rewritten[TAGS_START] ?? 0)) & VLAN_BITS) === 0) return;
    const present = [...tagsIn(this.#base), ...this.#hiddenTagsSent];
    const wanted = [...tagsIn(this.flow), ...this.hiddenTags];
    const isOuterKnown = this.#bitsToSet(TAGS_START, VLAN_BITS) === 0;
    // An outer tag that was changed in part may be what it was for some packets alone.
    const maxCommon = wanted.length === present.length && !isOuterKnown ? wanted.length - 1 : wanted.length;
    let nCommon = 0;
    while (nCommon < maxCommon && wanted.at(-1 - nCommon) === present.at(-1 - nCommon)) nCommon++;
    if (nCommon === wanted.length && nCommon === present.length) return;
    this.#readTags();
    for (let n = present.length; n > nCommon; n--) actions.push({ type: "popVlan" });
    for (const tag of wanted.slice(0, wanted.length - nCommon).reverse()) {
      actions.push({ type: "pushVlan", tpid: tag >>> 16, tci: tag & 0xffff & ~VLAN_PRESENT });
    }
    this.#showTags(wanted);
    setTags(this.#base, wanted);
    this.#hiddenTagsSent = this.hiddenTags;
    for (let i = 0; i < TAG_BITS.length; i++)
      this.#rewritten[TAGS_START + i] = (this.#rewritten[TAGS_START + i] ?? 0) | (TAG_BITS[i] ?? 0);
  }
}
