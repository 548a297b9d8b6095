/**
 * The symbols of OVN 23.03's match and action languages, and the FlowKey bits behind them.
 *
 * A table of definitions in the match language itself: a later symbol is explained by earlier ones.
 *
 * @see ovn-sb(5), Logical_Flow, "Symbols"
 */
import { FIELDS, type FieldName } from "@tenet/net";
import type { BitRange, Expression, FieldSymbol, MatchSymbol, SymbolTable } from "./syntax.ts";
import { parseExpression } from "./parse.ts";

/** The register that holds the key of the logical input port. */
export const INPORT_FIELD: FieldName = "reg14";
/** The register that holds the key of the logical output port or multicast group. */
export const OUTPORT_FIELD: FieldName = "reg15";
/** The register whose bits are the logical flags. */
export const FLAGS_FIELD: FieldName = "reg10";

/** The register whose lower half is the connection tracking zone of the logical port. */
export const ZONE_FIELD: FieldName = "reg13";

/** Bits of the flags register, by their name after `flags.`. */
const FLAG_BITS: readonly (readonly [string, number])[] = [
  ["loopback", 0],
  ["force_snat_for_dnat", 2],
  ["force_snat_for_lb", 3],
  ["skip_snat_for_lb", 9],
  ["use_snat_zone", 11],
];

const CT_STATE_BITS: readonly (readonly [string, number])[] = [
  ["new", 0],
  ["est", 1],
  ["rel", 2],
  ["rpl", 3],
  ["inv", 4],
  ["snat", 6],
  ["dnat", 7],
];

/** Builds the table. Costs a few hundred small parses; make it once and share it. */
export function createSymbols(): SymbolTable {
  const table = new TableBuilder();
  defineMetadata(table);
  defineEthernet(table);
  defineIp(table);
  defineNeighbours(table);
  defineTransport(table);
  return table.symbols;
}

function defineMetadata(table: TableBuilder): void {
  table.text("inport", INPORT_FIELD);
  table.text("outport", OUTPORT_FIELD);
  for (let n = 0; n < 10; n++) table.field(`reg${n}`, `reg${n}` as FieldName);
  for (let n = 0; n < 5; n++) table.words(`xreg${n}`, `reg${2 * n}` as FieldName, 2);
  for (let n = 0; n < 2; n++) table.words(`xxreg${n}`, `reg${4 * n}` as FieldName, 4);
  table.field("flags", FLAGS_FIELD);
  for (const [name, bit] of FLAG_BITS) table.subfield(`flags.${name}`, "flags", bit, bit);
  table.field("pkt.mark", "pkt_mark");
  table.field("ct_mark", "ct_mark");
  table.subfield("ct_mark.blocked", "ct_mark", 0, 0);
  table.subfield("ct_mark.natted", "ct_mark", 1, 1);
  table.subfield("ct_mark.ecmp_reply_port", "ct_mark", 16, 31);
  table.field("ct_label", "ct_label");
  table.subfield("ct_label.blocked", "ct_label", 0, 0);
  table.subfield("ct_label.natted", "ct_label", 1, 1);
  table.subfield("ct_label.ecmp_reply_eth", "ct_label", 32, 79);
  table.subfield("ct_label.ecmp_reply_port", "ct_label", 80, 95);
  table.subfield("ct_label.label", "ct_label", 96, 127);
  table.field("ct_state", "ct_state", { isWritable: false, nBits: 8 });
  table.predicate("ct.trk", "ct_state[5]");
  for (const [name, bit] of CT_STATE_BITS) table.subfield(`ct.${name}`, "ct_state", bit, bit, "ct.trk");
}

function defineEthernet(table: TableBuilder): void {
  table.field("eth.src", "eth_src");
  table.field("eth.dst", "eth_dst");
  table.field("eth.type", "eth_type", { isNominal: true, isWritable: false });
  table.predicate("eth.bcast", "eth.dst == ff:ff:ff:ff:ff:ff");
  table.predicate("eth.mcast", "eth.dst[40]");
  table.predicate("eth.mcastv4", "eth.dst[24..47] == 0x01005e");
  table.predicate("eth.mcastv6", "eth.dst[32..47] == 0x3333");
  table.field("vlan.tci", "vlan_tci");
  table.predicate("vlan.present", "vlan.tci[12]");
  table.subfield("vlan.pcp", "vlan.tci", 13, 15, "vlan.present");
  table.subfield("vlan.vid", "vlan.tci", 0, 11, "vlan.present");
}

function defineIp(table: TableBuilder): void {
  table.predicate("ip4", "eth.type == 0x800");
  table.predicate("ip6", "eth.type == 0x86dd");
  table.predicate("ip", "ip4 || ip6");
  table.field("ip.proto", "nw_proto", { prerequisite: "ip", isNominal: true, isWritable: false });
  table.part("ip.dscp", "nw_tos", 2, 6, { prerequisite: "ip", isNominal: true });
  table.part("ip.ecn", "nw_tos", 0, 2, { prerequisite: "ip", isNominal: true });
  table.field("ip.ttl", "nw_ttl", { prerequisite: "ip", isNominal: true });
  table.field("ip4.src", "nw_src", { prerequisite: "ip4" });
  table.field("ip4.dst", "nw_dst", { prerequisite: "ip4" });
  table.predicate("ip4.src_mcast", "ip4.src[28..31] == 0xe");
  table.predicate("ip4.mcast", "eth.mcast && ip4.dst[28..31] == 0xe");
  table.field("ip6.src", "ipv6_src", { prerequisite: "ip6" });
  table.field("ip6.dst", "ipv6_dst", { prerequisite: "ip6" });
  table.part("ip6.label", "ipv6_label", 0, 20, { prerequisite: "ip6" });
  table.predicate("ip6.mcast", "eth.mcastv6 && ip6.dst[120..127] == 0xff");
  table.part("ip.frag", "nw_frag", 0, 2, { prerequisite: "ip", isWritable: false });
  table.predicate("ip.is_frag", "ip.frag[0]");
  table.predicate("ip.later_frag", "ip.frag[1]");
  table.predicate("ip.first_frag", "ip.is_frag && !ip.later_frag");
}

function defineNeighbours(table: TableBuilder): void {
  for (const [name, ethType] of [
    ["arp", "0x806"],
    ["rarp", "0x8035"],
  ]) {
    table.predicate(`${name}`, `eth.type == ${ethType}`);
    table.field(`${name}.op`, "nw_proto", { prerequisite: `${name}`, isNominal: true });
    table.field(`${name}.spa`, "nw_src", { prerequisite: `${name}` });
    table.field(`${name}.tpa`, "nw_dst", { prerequisite: `${name}` });
    table.field(`${name}.sha`, "arp_sha", { prerequisite: `${name}` });
    table.field(`${name}.tha`, "arp_tha", { prerequisite: `${name}` });
  }
  table.predicate("icmp4", "ip4 && ip.proto == 1");
  table.predicate("icmp6", "ip6 && ip.proto == 58");
  table.predicate("icmp", "icmp4 || icmp6");
  for (const name of ["icmp4", "icmp6"]) {
    table.field(`${name}.type`, "tp_src", { prerequisite: name, isNominal: true, nBits: 8 });
    table.field(`${name}.code`, "tp_dst", { prerequisite: name, isNominal: true, nBits: 8 });
  }
  table.predicate("igmp", "ip4 && ip.proto == 2");
  table.predicate("nd", "icmp6.type == {135, 136} && icmp6.code == 0 && ip.ttl == 255");
  for (const [name, type] of [
    ["nd_rs", 133],
    ["nd_ra", 134],
    ["nd_ns", 135],
    ["nd_na", 136],
  ]) {
    table.predicate(`${name}`, `icmp6.type == ${type} && icmp6.code == 0 && ip.ttl == 255`);
  }
  table.field("nd.target", "nd_target", { prerequisite: "nd" });
  table.field("nd.sll", "arp_sha", { prerequisite: "nd_ns" });
  table.field("nd.tll", "arp_tha", { prerequisite: "nd_na" });
  table.predicate("mldv1", "ip6.src == fe80::/10 && icmp6.type == {130, 131, 132}");
  table.predicate("mldv2", "ip6.dst == ff02::16 && icmp6.type == 143");
}

function defineTransport(table: TableBuilder): void {
  for (const [name, protocol] of [
    ["tcp", 6],
    ["udp", 17],
    ["sctp", 132],
  ]) {
    table.predicate(`${name}`, `ip.proto == ${protocol}`);
    table.field(`${name}.src`, "tp_src", { prerequisite: `${name}` });
    table.field(`${name}.dst`, "tp_dst", { prerequisite: `${name}` });
  }
  table.part("tcp.flags", "tcp_flags", 0, 12, { prerequisite: "tcp", isWritable: false });
}

interface FieldOptions {
  readonly prerequisite?: string;
  readonly isNominal?: boolean;
  readonly isWritable?: boolean;
  /** Narrower than the FlowKey field that holds it. */
  readonly nBits?: number;
}

class TableBuilder {
  readonly symbols = new Map<string, MatchSymbol>();

  text(name: string, field: FieldName): void {
    this.#define(name, FIELDS[field], { isNominal: true }, true);
  }

  field(name: string, field: FieldName, options: FieldOptions = {}): void {
    this.#define(name, { ...FIELDS[field], nBits: options.nBits ?? FIELDS[field].nBits }, options);
  }

  /** `nBits` bits of a FlowKey field of one word. */
  part(name: string, field: FieldName, start: number, nBits: number, options: FieldOptions): void {
    const { word, shift } = FIELDS[field];
    this.#define(name, { word, nWords: 1, shift: shift + start, nBits }, options);
  }

  /** Whole words from the first one of a field on. */
  words(name: string, field: FieldName, nWords: number): void {
    this.#define(name, { word: FIELDS[field].word, nWords, shift: 0, nBits: 32 * nWords }, {});
  }

  subfield(name: string, parentName: string, lowest: number, highest: number, prerequisite?: string): void {
    const parent = this.symbols.get(parentName);
    if (parent?.kind !== "field") throw new TypeError(`"${parentName}" is not a field`);
    const bits = subRange(parent.bits, lowest, highest - lowest + 1);
    this.#define(name, bits, { isWritable: parent.isWritable, ...(prerequisite === undefined ? {} : { prerequisite }) });
  }

  predicate(name: string, text: string): void {
    const expansion = this.#parse(name, text);
    this.symbols.set(name, { kind: "predicate", name, isNominal: restsOnNominal(expansion), expansion });
  }

  #define(name: string, bits: BitRange, options: FieldOptions, isString = false): void {
    const { word, nWords, shift, nBits } = bits;
    const field: FieldSymbol = {
      kind: "field",
      name,
      isString,
      isNominal: options.isNominal ?? false,
      isWritable: options.isWritable ?? true,
      bits: { word, nWords, shift, nBits },
      prerequisite: options.prerequisite === undefined ? undefined : this.#parse(name, options.prerequisite),
    };
    this.symbols.set(name, field);
  }

  #parse(name: string, text: string): Expression {
    return parseExpression({ file: `symbol ${name}`, text }, this.symbols).root;
  }
}

/** Bits `start .. start+nBits-1` of a range, as a range of their own, whole words where they span several. */
export function subRange(range: BitRange, start: number, nBits: number): BitRange {
  const lowest = range.shift + start;
  const lastWord = range.word + range.nWords - 1 - Math.floor(lowest / 32);
  const shift = lowest % 32;
  const nWords = Math.ceil((shift + nBits) / 32);
  return { word: lastWord - nWords + 1, nWords, shift, nBits };
}

/** A predicate is nominal when a nominal field decides it; prerequisites do not count. */
function restsOnNominal(node: Expression): boolean {
  if (node.type === "and" || node.type === "or") return node.parts.some(restsOnNominal);
  if (node.type === "not") return restsOnNominal(node.part);
  if (node.type === "predicate") return node.symbol.isNominal;
  return node.type === "comparison" && node.operand.symbol.isNominal;
}
