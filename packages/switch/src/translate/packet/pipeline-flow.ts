/**
 * The flow of a packet as the pipeline sees it, and what of the original packet the translation depends on.
 *
 * Each bit of the flow is either the packet's own, and reading it un-wildcards it, or `written`: then its value follows from
 * bits that are un-wildcarded already, and a field that is overwritten need not be matched on.
 */
import type { Classifier, ClassifierRule } from "@tenet/classifier";
import { FIELDS, type FieldSpec, FLOW_WORDS, getField, setField } from "@tenet/net";
import { findHeaderName, narrowPort, PORT, type SubField, widenPort } from "@tenet/openflow";
import { FIRST_HEADER_WORD } from "../megaflow-mask.ts";

/** One past the last word that the connection tracker fills. */
export const CT_END: number = FIELDS.ct_tp_src.word + 1;
/** What a packet takes along from bridge to bridge. */
export const OF_THE_DATAPATH: ReadonlySet<number> = new Set([
  FIELDS.pkt_mark.word,
  FIELDS.packet_type.word,
  FIELDS.recirc_id.word,
  FIELDS.dp_hash.word,
]);
/** `OFPP_UNSET`, of an action set that sends the packet to no port. */
export const NO_OUTPUT = 0xfff7;
const ACTION_SET_OUTPUT = FIELDS.actset_output.word;
/** The ingress port in 32 bits, of which the flow has 16. */
const WIDE_IN_PORT = findHeaderName("OXM_OF_IN_PORT");
/** Most significant first: bits 32 to 63, then 0 to 31. */
const OPTIONS_PRESENT = FIELDS.tun_options_present.word;

/** A flow that can be read, with a trace, and written. */
export class PipelineFlow {
  /** The packet as the pipeline sees it now. */
  readonly flow: Uint32Array = new Uint32Array(FLOW_WORDS);
  /** Bits of the original packet that the translation depends on. */
  readonly wildcards: Uint32Array = new Uint32Array(FLOW_WORDS);
  protected readonly written: Uint32Array = new Uint32Array(FLOW_WORDS);
  /** All zero, but during a lookup. */
  readonly #lookedAt = new Uint32Array(FLOW_WORDS);

  /** Un-wildcards bits of a field. */
  need(field: FieldSpec, bits: number): void {
    this.unWildcard(field.word, bits << field.shift);
  }

  /** The best rule for the packet; of the bits that were looked at, un-wildcards those of the packet's own. */
  lookUp<R extends ClassifierRule>(rules: Classifier<R>): R | undefined {
    const { wildcards } = this;
    const lookedAt = this.#lookedAt;
    const written = this.written;
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
    this.unWildcard(field.word, bitsOf(field));
    return getField(this.flow, field);
  }

  /** Reads a 48-bit field as a number and un-wildcards it. */
  readMac(field: FieldSpec): number {
    this.unWildcard(field.word, 0xffff);
    this.unWildcard(field.word + 1, 0xffffffff);
    return (this.flow[field.word] ?? 0) * 0x1_0000_0000 + (this.flow[field.word + 1] ?? 0);
  }

  /** Reads bits of a field, as its words lie in a FlowKey, and un-wildcards them; without a mask all of it. */
  readWords(field: FieldSpec, mask?: Uint32Array): number[] {
    const whole = field.nBits % 32 === 0 && field.nWords > 1 ? 0xffffffff : undefined;
    return Array.from({ length: field.nWords }, (_, i) => {
      const word = field.word + i;
      const all = whole ?? (field.nWords > 1 ? (i === 0 ? (1 << (field.nBits % 32)) - 1 : 0xffffffff) : bitsOf(field));
      const bits = mask === undefined ? all : (mask[i] ?? 0);
      this.unWildcard(word, bits);
      return (this.flow[word] ?? 0) & bits;
    });
  }

  /** Sets a field under a mask; both hold the field's words as they lie in a FlowKey, before them may be others. */
  write(field: FieldSpec, value: Uint32Array, mask: Uint32Array): void {
    if (field === WIDE_IN_PORT) return this.#writeWidePort(value.at(-1) ?? 0, mask.at(-1) ?? 0);
    this.#notePresence(field);
    const first = value.length - field.nWords;
    for (let i = 0; i < field.nWords; i++) this.writeWord(field.word + i, value[first + i] ?? 0, mask[first + i] ?? 0);
  }

  /** Sets a field of at most 32 bits. */
  writeNumber(field: FieldSpec, value: number): void {
    this.writeWord(field.word, value << field.shift, bitsOf(field));
  }

  /** Copies bits from one field to another; the source is read. */
  move(source: SubField, target: SubField): void {
    this.store(target, this.load(source));
  }

  /** Reads bits of a field and un-wildcards them; bit 0 of the result is the lowest of them. */
  load({ field, start, nBits }: SubField): bigint {
    if (field === WIDE_IN_PORT) return (BigInt(widenPort(this.read(FIELDS.in_port))) >> BigInt(start)) & onesOf(nBits);
    let value = 0n;
    for (let done = 0; done < nBits; ) {
      const at = field.shift + start + done;
      const word = field.word + field.nWords - 1 - (at >>> 5);
      const n = Math.min(nBits - done, 32 - (at & 31));
      const ones = n === 32 ? 0xffffffff : (1 << n) - 1;
      this.unWildcard(word, ones << (at & 31));
      value |= BigInt((((this.flow[word] ?? 0) >>> (at & 31)) & ones) >>> 0) << BigInt(done);
      done += n;
    }
    return value;
  }

  /** Sets bits of a field. */
  store({ field, start, nBits }: SubField, value: bigint): void {
    if (field === WIDE_IN_PORT)
      return this.#writeWidePort(Number(value << BigInt(start)), Number(onesOf(nBits) << BigInt(start)));
    this.#notePresence(field);
    for (let done = 0; done < nBits; ) {
      const at = field.shift + start + done;
      const word = field.word + field.nWords - 1 - (at >>> 5);
      const n = Math.min(nBits - done, 32 - (at & 31));
      const ones = n === 32 ? 0xffffffff : (1 << n) - 1;
      const part = Number((value >> BigInt(done)) & BigInt(ones >>> 0));
      this.writeWord(word, part << (at & 31), ones << (at & 31));
      done += n;
    }
  }

  /** Sets bits of the ingress port in 32 bits; one that has no short form is none, but for a short form itself. */
  #writeWidePort(value: number, mask: number): void {
    const port = ((widenPort(this.read(FIELDS.in_port)) & ~mask) | (value & mask)) >>> 0;
    this.writeNumber(FIELDS.in_port, narrowPort(port) ?? (port <= 0xffff ? port : PORT.NONE));
  }

  /** Sets all registers, metadata and the ingress port, as when a packet enters another bridge. */
  enterBridge(inPort: number): void {
    for (let word = 0; word < FIRST_HEADER_WORD; word++) if (!OF_THE_DATAPATH.has(word)) this.writeWord(word, 0, 0xffffffff);
    this.writeNumber(FIELDS.in_port, inPort);
    this.setActionSetOutput(NO_OUTPUT);
  }

  /** Notes where the action set sends the packet, which no packet brings along. @param port - an OpenFlow port */
  setActionSetOutput(port: number): void {
    this.flow[ACTION_SET_OUTPUT] = port;
    this.written[ACTION_SET_OUTPUT] = 0xffffffff;
  }

  /** As {@link lookUp}, as if the packet's addresses and ports were those that its connection began with. */
  lookUpByTuple<R extends ClassifierRule>(rules: Classifier<R>): R | undefined {
    this.#swapTuples();
    const found = this.lookUp(rules);
    this.#swapTuples();
    return found;
  }

  #swapTuples(): void {
    for (const words of [this.flow, this.written, this.wildcards]) for (const pair of TUPLES) swapFields(words, ...pair);
  }

  /** Makes the packet one that was not tracked. */
  clearConnection(): void {
    for (let word = FIELDS.ct_state.word; word < CT_END; word++) this.writeWord(word, 0, 0xffffffff);
  }

  /** The bits that `change` writes into these words, which stay as they were. */
  wordsWrittenBy(change: () => void, from: number, end: number): { values: Uint32Array; written: Uint32Array } {
    const flow = this.flow.slice(from, end);
    const written = this.written.slice(from, end);
    this.written.fill(0, from, end);
    change();
    const set = { values: this.flow.slice(from, end), written: this.written.slice(from, end) };
    this.flow.set(flow, from);
    this.written.set(written, from);
    return set;
  }

  /** Takes an option of the tunnel header away. */
  deleteOption(field: FieldSpec): void {
    const { presentBit } = field;
    if (presentBit === undefined) return;
    for (let word = field.word; word < field.word + field.nWords; word++) this.writeWord(word, 0, 0xffffffff);
    this.writeWord(OPTIONS_PRESENT + (presentBit < 32 ? 1 : 0), 0, 1 << (presentBit & 31));
  }

  /** An option of a tunnel header that is set is there. */
  #notePresence({ presentBit }: FieldSpec): void {
    if (presentBit === undefined) return;
    const bit = 1 << (presentBit & 31);
    this.writeWord(OPTIONS_PRESENT + (presentBit < 32 ? 1 : 0), bit, bit);
  }

  protected unWildcard(word: number, bits: number): void {
    this.wildcards[word] = (this.wildcards[word] ?? 0) | (bits & ~(this.written[word] ?? 0));
  }

  writeWord(word: number, value: number, bits: number): void {
    this.flow[word] = ((this.flow[word] ?? 0) & ~bits) | (value & bits);
    this.written[word] = (this.written[word] ?? 0) | bits;
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

function onesOf(nBits: number): bigint {
  return (1n << BigInt(nBits)) - 1n;
}

/** The bits of a field of at most 32 bits, where they lie in its word. */
export function bitsOf(field: FieldSpec): number {
  return field.nBits === 32 ? 0xffffffff : ((1 << field.nBits) - 1) << field.shift;
}
