/**
 * Assembly that fills the words of a key from a packet, as `parseFlowKey` does in this process.
 *
 * Only what is asked for is read. Whatever is rare and long to read (802.3 without Ethernet type, tags in the frame's bytes, IPv6 extension
 * headers but for that of fragments, neighbour discovery, lengths that contradict each other) goes to the label `slow`.
 *
 * Registers: `r6` context, `r7` packet, `r8` its end, `r9` where the layer at hand begins; `r0` to `r5` are lost.
 */
import { asm, type Code } from "@tenet/bpf";
import { FIELDS } from "@tenet/net";
import { placeOf, type WordGroup } from "../key-layout.ts";
import { CONTEXT, makeContiguous } from "./context.ts";

/** Bytes that are made contiguous before they are read: Ethernet, IPv6 of a fragment, TCP. */
const HEADER_BYTES = 14 + 48 + 20;
const TYPE = {
  ip4: 0x0800,
  ip6: 0x86dd,
  arp: 0x0806,
  reverseArp: 0x8035,
  vlan: 0x8100,
  qinq: 0x88a8,
  mpls: 0x8847,
  mplsMulticast: 0x8848,
};
const PROTO = { icmp: 1, igmp: 2, tcp: 6, udp: 17, icmp6: 58, sctp: 132 };
const FRAGMENT = 44;
const EXTENSIONS = [0, 43, FRAGMENT, 51, 60];
const MAX_LABELS = 3;
const BOTTOM_OF_STACK = 1;
const VLAN_IS_THERE = 0x1000;

/** Assembles the reading of packets. */
export class PacketParser {
  readonly #groups: ReadonlySet<WordGroup>;
  readonly #keyAt: number;
  readonly #transportAt: number;

  /**
   * @param groups - what is to be read
   * @param keyAt - where the key lies on the stack, whose words are zero before; below zero
   * @param transportAt - where to note on the stack where the transport header begins, with 8 bytes; 0 before, and when there is none
   */
  constructor(groups: ReadonlySet<WordGroup>, keyAt: number, transportAt: number) {
    this.#groups = groups;
    this.#keyAt = keyAt;
    this.#transportAt = transportAt;
  }

  /** From the packet's first byte on; it goes on after this code when all is read. */
  code(): Code {
    const { dst, src } = { dst: this.#at("eth_dst"), src: this.#at("eth_src") };
    return [
      makeContiguous(HEADER_BYTES, ["r7", "r8"], "read"),
      [asm.mov("r9", "r7"), asm.add("r9", 14)],
      this.#require(14, "r7"),
      this.#if("ethernet", [this.#copy(2, 0, dst), this.#copy(4, 2, dst + 4), this.#copy(2, 6, src), this.#copy(4, 8, src + 4)]),
      this.#if("type", this.#type()),
      asm.label("parsed"),
    ];
  }

  /** The Ethernet type in `r2`, the tag, then what the type says. */
  #type(): Code {
    return [
      asm.load(2, "r2", "r7", 12),
      asm.toBigEndian(16, "r2"),
      asm.branch("r2", "<", 0x600, "slow"),
      asm.mov("r3", "r2"),
      asm.lsh("r3", 16),
      asm.load(4, "r1", "r6", CONTEXT.vlanPresent),
      asm.branch("r1", "==", 0, "untagged"),
      asm.load(4, "r1", "r6", CONTEXT.vlanTci),
      asm.or("r1", VLAN_IS_THERE),
      asm.and("r1", 0xffff),
      asm.or("r3", "r1"),
      this.#store(4, this.#at("eth_type"), "r3"),
      asm.jump("typed"),
      asm.label("untagged"),
      asm.branch("r2", "==", TYPE.vlan, "slow"),
      asm.branch("r2", "==", TYPE.qinq, "slow"),
      this.#store(4, this.#at("eth_type"), "r3"),
      asm.label("typed"),
      this.#if("mpls", this.#labels()),
      this.#isNetworkRead() ? this.#network() : [],
    ];
  }

  /** Down to the bottom of the stack. */
  #labels(): Code {
    return [
      [asm.branch("r2", "==", TYPE.mpls, "mpls"), asm.branch("r2", "!=", TYPE.mplsMulticast, "unlabelled"), asm.label("mpls")],
      Array.from({ length: MAX_LABELS }, (_, i) => [
        [asm.mov("r0", "r9"), asm.add("r0", 4 * i + 4), asm.branch("r0", ">", "r8", "parsed")],
        this.#copy(4, 4 * i, this.#at("mpls_lse") + 4 * i, "r9"),
        [asm.load(1, "r1", "r9", 4 * i + 2), asm.branch("r1", "&", BOTTOM_OF_STACK, "parsed")],
      ]),
      [asm.jump("parsed"), asm.label("unlabelled")],
    ];
  }

  #isNetworkRead(): boolean {
    return (["ip", "ip4", "ip6", "label", "arp", "transport", "flags"] as const).some((group) => this.#groups.has(group));
  }

  #network(): Code {
    return [
      asm.branch("r2", "==", TYPE.ip4, "ip4"),
      asm.branch("r2", "==", TYPE.ip6, "ip6"),
      asm.branch("r2", "==", TYPE.arp, "arp"),
      asm.branch("r2", "!=", TYPE.reverseArp, "parsed"),
      [asm.label("arp"), this.#arp(), asm.jump("parsed")],
      [asm.label("ip6"), this.#ip6(), asm.jump("transport")],
      [asm.label("ip4"), this.#ip4()],
      asm.label("transport"),
      this.#transport(),
    ];
  }

  #arp(): Code {
    const [sender, target] = [this.#at("arp_sha"), this.#at("arp_tha")];
    return [
      this.#require(28),
      // Ethernet and IPv4, whose addresses have 6 and 4 bytes.
      asm.load(4, "r1", "r9", 0),
      asm.branch32("r1", "!=", 0x0008_0100, "slow"),
      asm.load(2, "r1", "r9", 4),
      asm.branch("r1", "!=", 0x0406, "slow"),
      asm.load(2, "r1", "r9", 6),
      asm.toBigEndian(16, "r1"),
      asm.branch("r1", ">", 0xff, "slow"),
      asm.lsh("r1", 24),
      this.#store(4, this.#at("nw_proto"), "r1"),
      this.#if("arp", [this.#copy(2, 8, sender, "r9"), this.#copy(4, 10, sender + 4, "r9")]),
      this.#copy(4, 14, this.#at("nw_src"), "r9"),
      this.#if("arp", [this.#copy(2, 18, target, "r9"), this.#copy(4, 20, target + 4, "r9")]),
      this.#copy(4, 24, this.#at("nw_dst"), "r9"),
    ];
  }

  /** Leaves in `r4` the bytes of the transport layer, in `r5` the protocol, and moves `r9` there; later fragments are done. */
  #ip4(): Code {
    return [
      this.#require(20),
      asm.load(1, "r1", "r9", 0),
      asm.and("r1", 15),
      asm.lsh("r1", 2),
      asm.branch("r1", "<", 20, "slow"),
      asm.load(2, "r4", "r9", 2),
      asm.toBigEndian(16, "r4"),
      asm.branch("r4", "<", "r1", "slow"),
      asm.load(4, "r2", "r6", CONTEXT.length),
      asm.sub("r2", 14),
      asm.branch("r4", ">", "r2", "slow"),
      asm.sub("r4", "r1"),
      this.#copy(4, 12, this.#at("nw_src"), "r9", "r2"),
      this.#copy(4, 16, this.#at("nw_dst"), "r9", "r2"),
      asm.load(1, "r5", "r9", 9),
      asm.mov("r3", "r5"),
      asm.lsh("r3", 8),
      asm.load(1, "r2", "r9", 1),
      asm.or("r3", "r2"),
      asm.lsh("r3", 8),
      asm.load(1, "r2", "r9", 8),
      asm.or("r3", "r2"),
      asm.lsh("r3", 8),
      asm.load(2, "r2", "r9", 6),
      asm.toBigEndian(16, "r2"),
      asm.branch("r2", "&", 0x1fff, "later"),
      asm.branch("r2", "&", 0x2000, "first"),
      this.#store(4, this.#at("nw_proto"), "r3"),
      asm.jump("whole"),
      [asm.label("later"), asm.or("r3", 3), this.#store(4, this.#at("nw_proto"), "r3"), asm.jump("parsed")],
      [asm.label("first"), asm.or("r3", 1), this.#store(4, this.#at("nw_proto"), "r3")],
      [asm.label("whole"), asm.add("r9", "r1")],
    ];
  }

  /** As {@link PacketParser.#ip4}; a fragment's header may lie between. */
  #ip6(): Code {
    return [
      this.#require(40),
      asm.load(2, "r4", "r9", 4),
      asm.toBigEndian(16, "r4"),
      asm.load(4, "r2", "r6", CONTEXT.length),
      asm.sub("r2", 14 + 40),
      asm.branch("r4", "s>", "r2", "slow"),
      asm.load(4, "r3", "r9", 0),
      asm.toBigEndian(32, "r3"),
      this.#if("label", [asm.mov("r2", "r3"), asm.and("r2", 0xfffff), this.#store(4, this.#at("ipv6_label"), "r2")]),
      [asm.rsh("r3", 20), asm.and("r3", 0xff), asm.lsh("r3", 8)],
      [asm.load(1, "r1", "r9", 7), asm.or("r3", "r1"), asm.lsh("r3", 8)],
      this.#if(
        "ip6",
        Array.from({ length: 8 }, (_, i) => this.#copy(4, 8 + 4 * i, this.#at("ipv6_src") + 4 * i, "r9")),
      ),
      [asm.load(1, "r5", "r9", 6), asm.branch("r5", "!=", FRAGMENT, "unfragmented"), this.#ip6Fragment()],
      asm.label("unfragmented"),
      EXTENSIONS.map((proto) => asm.branch("r5", "==", proto, "slow")),
      asm.add("r9", 40),
      [asm.label("ip6-read"), asm.mov("r1", "r5"), asm.lsh("r1", 24), asm.or("r3", "r1")],
      [this.#store(4, this.#at("nw_proto"), "r3"), asm.branch("r5", "==", FRAGMENT, "parsed")],
    ];
  }

  /** The protocol of a later fragment stays that of its header. */
  #ip6Fragment(): Code {
    return [
      [this.#require(48), asm.branch("r4", "<", 8, "slow"), asm.load(2, "r1", "r9", 42), asm.toBigEndian(16, "r1")],
      [asm.branch("r1", "&", 0xfff8, "ip6-later"), asm.load(1, "r5", "r9", 40), asm.sub("r4", 8), asm.add("r9", 8)],
      [asm.branch("r1", "==", 0, "unfragmented"), asm.or("r3", 1), asm.jump("unfragmented")],
      [asm.label("ip6-later"), asm.or("r3", 3), asm.jump("ip6-read")],
    ];
  }

  #transport(): Code {
    if (!this.#groups.has("transport") && !this.#groups.has("flags")) return [];
    const at = this.#at("tp_src");
    return [
      [asm.mov("r1", "r9"), asm.sub("r1", "r7"), asm.store(8, "r10", this.#transportAt, "r1")],
      asm.branch("r5", "==", PROTO.tcp, "tcp"),
      asm.branch("r5", "==", PROTO.udp, "udp"),
      asm.branch("r5", "==", PROTO.sctp, "sctp"),
      asm.branch("r5", "==", PROTO.icmp6, "icmp6"),
      asm.branch("r5", "==", PROTO.icmp, "icmp"),
      asm.branch("r5", "==", PROTO.igmp, "icmp"),
      asm.jump("parsed"),
      [asm.label("udp"), asm.branch("r4", "<", 8, "slow"), this.#require(8), this.#copy(4, 0, at, "r9"), asm.jump("parsed")],
      [asm.label("sctp"), asm.branch("r4", "<", 12, "slow"), this.#require(12), this.#copy(4, 0, at, "r9"), asm.jump("parsed")],
      [asm.label("icmp6"), asm.branch("r4", "<", 8, "slow"), this.#require(8), asm.load(1, "r1", "r9", 0)],
      [asm.branch("r1", "==", 135, "slow"), asm.branch("r1", "==", 136, "slow")],
      [asm.label("icmp"), asm.branch("r4", "<", 8, "slow"), this.#require(8)],
      [this.#copy(1, 0, at + 1, "r9"), this.#copy(1, 1, at + 3, "r9"), asm.jump("parsed")],
      [asm.label("tcp"), this.#tcp(at)],
    ];
  }

  #tcp(at: number): Code {
    return [
      asm.branch("r4", "<", 20, "slow"),
      this.#require(20),
      asm.load(1, "r1", "r9", 12),
      asm.rsh("r1", 4),
      asm.lsh("r1", 2),
      asm.branch("r1", "<", 20, "slow"),
      asm.branch("r1", ">", "r4", "slow"),
      this.#copy(4, 0, at, "r9"),
      this.#if("flags", [
        asm.load(2, "r1", "r9", 12),
        asm.toBigEndian(16, "r1"),
        asm.and("r1", 0xfff),
        asm.lsh("r1", 16),
        this.#store(4, this.#at("tcp_flags"), "r1"),
      ]),
    ];
  }

  /** The packet has so many bytes from a register on, or its reading is left to the slow path. */
  #require(nBytes: number, from: "r7" | "r9" = "r9"): Code {
    return [asm.mov("r0", from), asm.add("r0", nBytes), asm.branch("r0", ">", "r8", "slow")];
  }

  #copy(bytes: 1 | 2 | 4, from: number, to: number, base: "r7" | "r9" = "r7", by: "r1" | "r2" = "r1"): Code {
    return [asm.load(bytes, by, base, from), this.#store(bytes, to, by)];
  }

  #store(bytes: 1 | 2 | 4, to: number, from: "r1" | "r2" | "r3"): Code {
    return asm.store(bytes, "r10", to, from);
  }

  #if(group: WordGroup, code: Code): Code {
    return this.#groups.has(group) ? code : [];
  }

  /** Where a field's first word lies on the stack. */
  #at(field: keyof typeof FIELDS): number {
    return this.#keyAt + 4 * (placeOf(FIELDS[field].word) ?? 0);
  }
}
