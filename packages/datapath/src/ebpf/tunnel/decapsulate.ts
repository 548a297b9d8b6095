/**
 * The program that takes packets out of tunnels, on the devices that outer packets come in by: it reads the outer headers into what is
 * known of the packet, takes them off, and goes on with the flows' program for packets of which more is known than their port.
 *
 * What it does not want to read it leaves to the host's stack, which gives it to the socket of the tunnel's port: fragments, options
 * that are many, headers that contradict each other, and what is not IP or has a tag inside. A bundle of segments stays one; a bundle of
 * whole datagrams, each with a tunnel header, is left.
 *
 * Registers: `r6` context, `r7` packet, `r8` its end, `r9` where the header at hand begins.
 *
 * @see RFC 8926 (Geneve), RFC 7348 (VXLAN), RFC 2890 (GRE)
 */
import { asm, type Code, type MapReference, VERDICT } from "@tenet/bpf";
import { type FieldName, FIELDS, TUNNEL_FLAG } from "@tenet/net";
import type { TunnelSpec } from "../../datapath.ts";
import { METADATA_BYTES, OPTION_WORDS, placeOf } from "../key-layout.ts";
import { countReceived } from "../program/counters.ts";
import { goUpAgain } from "../program/go-up.ts";
import { keepMetadata } from "../program/metadata.ts";
import { CONTEXT } from "../program/context.ts";
import { findEntry, type ProgramMaps } from "../program/program-maps.ts";
import { STACK } from "../program/stack.ts";
import { addWords, fold, sumFrame } from "./implied-checksum.ts";

/** What the program works with. */
export interface DecapsulationMaps extends Pick<ProgramMaps, "counters" | "metadata" | "later" | "collector"> {
  /** A hash from what outer packets are addressed to, see {@link tunnelName}, to a port's number and kind, 4 bytes each. */
  readonly tunnels: MapReference;
  /** A hash of this host's addresses, 16 bytes each, those of IPv4 mapped into IPv6; its values say nothing. */
  readonly addresses: MapReference;
}

/** Kinds of tunnel headers, by number. */
const KIND = { geneve: 1, vxlan: 2, policy: 3, gre: 4 } as const;
const GRE_NAME = { 4: 0x1_0000, 6: 0x2_0000 } as const;
const UDP = 17;
const GRE = 47;
const ETHERNET_BYTES = 14;
const UDP_BYTES = 8;
const IP_BYTES = { 4: 20, 6: 40 } as const;
/** Bytes that are made contiguous, as many as are read. */
const HEADER_BYTES = ETHERNET_BYTES + IP_BYTES[6] + UDP_BYTES + 8 + 4 * OPTION_WORDS + ETHERNET_BYTES + IP_BYTES[6];
/** In the network's order, as a number of the machine. */
const SWAPPED = { ip4: 0x0008, ip6: 0xdd86, ethernet: 0x5865, fragment: 0xff3f, greKey: 0x0020, greChecksum: 0x0080 } as const;
const VXLAN_PLAIN = 0x08;
const VXLAN_POLICY = 0x88;
const POLICY_FLAGS = 0x48;
const GENEVE_OAM = 0x80;
/** Of an option's fourth byte: words behind its header. */
const OPTION_LENGTH = 0x1f;
const ROOM_BEHIND_MAC = 1;
const ROOM = { fixedGso: 1, inner4: 128, inner6: 256 } as const;

/** Those of the other family are zero. */
const ADDRESSES = ["tun_src", "tun_dst", "tun_ipv6_src", "tun_ipv6_dst"] as const;

/** Free from the scratch's beginning on, where others look entries up by a number. */
const AT = {
  name: STACK.scratch + 8,
  address: STACK.scratch + 16,
  kind: STACK.scratch + 32,
  macs: STACK.scratch + 40,
  /** Of what a checksum is over, but the frame and options; 0 = there is none to look at. */
  sum: STACK.scratch + 56,
} as const;

/** What outer packets to a tunnel port are addressed to, as `tunnels` has it: a UDP port, or GRE over one of the families. */
export function tunnelName({ type, dstPort }: TunnelSpec): number {
  if (type === "gre" || type === "ip6gre") return GRE_NAME[type === "gre" ? 4 : 6];
  return ((dstPort & 0xff) << 8) | (dstPort >>> 8);
}

/** The number of a tunnel port's kind. */
export function tunnelKind({ type, hasPolicy }: TunnelSpec): number {
  if (type === "geneve") return KIND.geneve;
  if (type === "vxlan") return hasPolicy ? KIND.policy : KIND.vxlan;
  return KIND.gre;
}

/** Assembles the program. */
export function decapsulationProgram(maps: DecapsulationMaps): Code {
  return [
    [asm.mov("r6", "r1"), asm.mov("r1", 0), asm.store(4, "r6", CONTEXT.isLeaving, "r1")],
    clear(),
    findIp(),
    [asm.label("ip6"), readOuter(6, maps), asm.jump("tunnel")],
    [asm.label("ip4"), readOuter(4, maps)],
    asm.label("tunnel"),
    asm.load(8, "r5", "r10", AT.kind),
    [asm.branch("r5", "==", KIND.gre, "gre"), readUdp()],
    asm.branch("r5", "==", KIND.geneve, "geneve"),
    [readVxlan(), asm.jump("inner")],
    [asm.label("gre"), readGre(), asm.jump("inner")],
    [asm.label("geneve"), readGeneve()],
    [asm.label("inner"), readInner(), checkSum(), strip()],
    countReceived(maps, STACK.key),
    keepMetadata(maps),
    [asm.mov("r1", "r6"), asm.mapAddress("r2", maps.later), asm.mov("r3", 0), asm.call("tail_call")],
    // There is no such flow yet.
    goUpAgain(maps),
    [asm.label("done"), asm.mov("r0", VERDICT.drop), asm.exit()],
    [asm.label("leave"), asm.mov("r0", VERDICT.next), asm.exit()],
  ];
}

function clear(): Code {
  const metadata = Array.from({ length: METADATA_BYTES / 8 }, (_, i) => asm.store(8, "r10", STACK.key + 8 * i, 0));
  return [metadata, asm.store(8, "r10", AT.sum, 0)];
}

/** Goes to `ip4` or `ip6`. */
function findIp(): Code {
  return [
    [asm.load(4, "r1", "r6", CONTEXT.packetType), asm.branch("r1", "!=", 0, "leave")],
    [asm.load(4, "r1", "r6", CONTEXT.vlanPresent), asm.branch("r1", "!=", 0, "leave")],
    [asm.load(4, "r1", "r6", CONTEXT.protocol), asm.branch("r1", "==", SWAPPED.ip4, "ip")],
    asm.branch("r1", "!=", SWAPPED.ip6, "leave"),
    asm.label("ip"),
    [asm.load(4, "r2", "r6", CONTEXT.length), asm.branch("r2", "<=", HEADER_BYTES, "short"), asm.mov("r2", HEADER_BYTES)],
    [asm.label("short"), asm.mov("r1", "r6"), asm.call("skb_pull_data")],
    [asm.load(4, "r7", "r6", CONTEXT.data), asm.load(4, "r8", "r6", CONTEXT.dataEnd)],
    ensure("r7", ETHERNET_BYTES + IP_BYTES[4] + UDP_BYTES),
    [asm.load(2, "r1", "r7", 12), asm.branch("r1", "==", SWAPPED.ip4, "ip4")],
    asm.branch("r1", "!=", SWAPPED.ip6, "leave"),
    ensure("r7", ETHERNET_BYTES + IP_BYTES[6] + UDP_BYTES),
  ];
}

/** Reads Ethernet and IP of a packet to this host's tunnel; leaves in `r4` the bytes behind them, and `r9` there. */
function readOuter(family: 4 | 6, maps: DecapsulationMaps): Code {
  const l4 = ETHERNET_BYTES + IP_BYTES[family];
  return [
    family === 4 ? checkIp4() : [],
    [asm.load(1, "r5", "r7", family === 4 ? 23 : 20), asm.load(2, "r1", "r7", l4 + 2)],
    asm.branch("r5", "==", UDP, `named-${family}`),
    asm.branch("r5", "!=", GRE, "leave"),
    asm.mov("r1", GRE_NAME[family]),
    [asm.label(`named-${family}`), asm.store(4, "r10", AT.name, "r1")],
    [findEntry(maps.tunnels, AT.name), asm.branch("r0", "==", 0, "leave")],
    [asm.load(4, "r1", "r0", 0), asm.store(4, "r10", metadataAt("in_port"), "r1")],
    [asm.load(4, "r1", "r0", 4), asm.store(8, "r10", AT.kind, "r1")],
    copyAddress(family),
    [findEntry(maps.addresses, AT.address), asm.branch("r0", "==", 0, "leave")],
    copyToMetadata(family === 4 ? "tun_src" : "tun_ipv6_src", family === 4 ? 26 : 22),
    copyToMetadata(family === 4 ? "tun_dst" : "tun_ipv6_dst", family === 4 ? 30 : 38),
    [asm.load(2, "r1", "r7", 14), asm.toBigEndian(16, "r1")],
    [family === 4 ? [] : asm.rsh("r1", 4), asm.and("r1", 0xff), asm.lsh("r1", FIELDS.tun_tos.shift)],
    [asm.load(1, "r2", "r7", family === 4 ? 22 : 21), asm.lsh("r2", FIELDS.tun_ttl.shift), asm.or("r1", "r2")],
    asm.store(4, "r10", metadataAt("tun_flags"), "r1"),
    [asm.load(4, "r4", "r6", CONTEXT.length), asm.sub("r4", l4)],
    [asm.load(2, "r1", "r7", family === 4 ? 16 : 18), asm.toBigEndian(16, "r1")],
    [family === 4 ? asm.sub("r1", IP_BYTES[4]) : [], asm.branch("r1", "!=", "r4", "leave")],
    [asm.mov("r9", "r7"), asm.add("r9", l4)],
  ];
}

/** No options, no fragment, and a right checksum. */
function checkIp4(): Code {
  return [
    [asm.load(1, "r1", "r7", 14), asm.branch("r1", "!=", 0x45, "leave")],
    [asm.load(2, "r1", "r7", 20), asm.branch("r1", "&", SWAPPED.fragment, "leave")],
    asm.mov("r1", 0),
    addWords("r1", "r7", ETHERNET_BYTES, IP_BYTES[4]),
    fold("r1", "r2"),
    asm.branch("r1", "!=", 0xffff, "leave"),
  ];
}

/** The outer destination. */
function copyAddress(family: 4 | 6): Code {
  if (family === 4) {
    return [
      [asm.store(8, "r10", AT.address, 0), asm.mov("r1", 0xffff), asm.lsh("r1", 16), asm.store(4, "r10", AT.address + 8, "r1")],
      [asm.load(4, "r1", "r7", 30), asm.store(4, "r10", AT.address + 12, "r1")],
    ];
  }
  return [0, 8].map((at) => [asm.load(8, "r1", "r7", 38 + at), asm.store(8, "r10", AT.address + at, "r1")]);
}

/** Looks at the length, and notes what a checksum is of. */
function readUdp(): Code {
  return [
    ensure("r9", UDP_BYTES + 8),
    [asm.load(2, "r1", "r9", 4), asm.toBigEndian(16, "r1"), asm.branch("r1", "!=", "r4", "leave")],
    [asm.load(2, "r5", "r9", 6), asm.branch("r5", "==", 0, "datagram")],
    // Of a bundle the kernel has looked at it, or it is yet to be made.
    [asm.load(4, "r1", "r6", CONTEXT.segmentSize), asm.branch("r1", "!=", 0, "datagram")],
    [asm.mov("r3", UDP << 8), asm.load(2, "r1", "r9", 4), asm.add("r3", "r1")],
    ADDRESSES.map((field) => addWords("r3", "r10", metadataAt(field), 4 * FIELDS[field].nWords)),
    fold("r3", "r1"),
    // A checksum that is yet to be completed was on no wire.
    asm.branch("r5", "==", "r3", "datagram"),
    [addWords("r3", "r9", 0, UDP_BYTES + 8), asm.store(8, "r10", AT.sum, "r3")],
    [asm.label("datagram"), asm.add("r9", UDP_BYTES), asm.load(8, "r5", "r10", AT.kind)],
  ];
}

function readGeneve(): Code {
  const sizes = Array.from({ length: OPTION_WORDS + 1 }, (_, n) => n);
  return [
    [asm.load(2, "r1", "r9", 2), asm.branch("r1", "!=", SWAPPED.ethernet, "leave")],
    addFlags(TUNNEL_FLAG.key),
    [asm.load(1, "r1", "r9", 1), asm.and("r1", GENEVE_OAM), asm.branch("r1", "==", 0, "no-oam"), addFlags(TUNNEL_FLAG.oam)],
    asm.label("no-oam"),
    readNetworkId(),
    // Of version 0 the first byte is the number of words.
    [asm.load(1, "r5", "r9", 0), asm.branch("r5", ">", OPTION_WORDS, "leave")],
    [asm.mov("r1", "r5"), asm.lsh("r1", 2), asm.store(4, "r10", metadataAt("tun_options_present", 1), "r1")],
    asm.add("r9", 8),
    sizes.map((n) => asm.branch("r5", "==", n, `options-${n}`)),
    asm.jump("leave"),
    sizes.map((n) => [asm.label(`options-${n}`), ensure("r9", 4 * n), readOptions(n), asm.add("r9", 4 * n), asm.jump("inner")]),
  ];
}

/** Options that take `n` words: where one ends another begins, or they end. */
function readOptions(n: number): Code {
  const places = Array.from({ length: n }, (_, at) => at);
  return [
    places.map((at) => [asm.load(4, "r1", "r9", 4 * at), asm.store(4, "r10", metadataAt("tun_options", at), "r1")]),
    places.map((at) => [
      [asm.label(`option-${n}-${at}`), asm.load(1, "r1", "r9", 4 * at + 3), asm.and("r1", OPTION_LENGTH)],
      places.slice(at).map((last) => asm.branch("r1", "==", last - at, `option-${n}-${last + 1}`)),
      asm.jump("leave"),
    ]),
    asm.label(`option-${n}-${n}`),
  ];
}

function readVxlan(): Code {
  const { tun_gbp_id: id, tun_gbp_flags: flags } = FIELDS;
  return [
    [asm.load(4, "r1", "r9", 0), asm.branch("r1", "==", VXLAN_PLAIN, "plain")],
    [asm.branch("r5", "!=", KIND.policy, "leave"), asm.and("r1", 0xff), asm.branch("r1", "!=", VXLAN_POLICY, "leave")],
    [asm.load(2, "r1", "r9", 2), asm.toBigEndian(16, "r1"), asm.lsh("r1", id.shift)],
    [asm.load(1, "r2", "r9", 1), asm.and("r2", POLICY_FLAGS), asm.lsh("r2", flags.shift), asm.or("r1", "r2")],
    asm.store(4, "r10", metadataAt("tun_gbp_id"), "r1"),
    asm.label("plain"),
    [asm.load(1, "r1", "r9", 7), asm.branch("r1", "!=", 0, "leave")],
    [addFlags(TUNNEL_FLAG.key), readNetworkId(), asm.add("r9", 8)],
  ];
}

/** 24 bits, in the second word of VXLAN's header and of Geneve's. */
function readNetworkId(): Code {
  return [
    [asm.load(4, "r1", "r9", 4), asm.toBigEndian(32, "r1"), asm.rsh("r1", 8)],
    asm.store(4, "r10", metadataAt("tun_id", 1), "r1"),
  ];
}

/** With a checksum or without, with a key or without; sequence numbers are left. */
function readGre(): Code {
  const { checksum, key } = TUNNEL_FLAG;
  return [
    [asm.load(2, "r1", "r9", 2), asm.branch("r1", "!=", SWAPPED.ethernet, "leave")],
    [asm.load(2, "r5", "r9", 0), asm.mov("r1", "r5"), asm.and("r1", 0xffff & ~(SWAPPED.greKey | SWAPPED.greChecksum))],
    asm.branch("r1", "!=", 0, "leave"),
    [asm.load(4, "r3", "r9", 0), asm.add("r9", 4)],
    [asm.mov("r1", "r5"), asm.and("r1", SWAPPED.greChecksum), asm.branch("r1", "==", 0, "no-checksum")],
    [ensure("r9", 4), addWords("r3", "r9", 0, 4), asm.store(8, "r10", AT.sum, "r3"), asm.add("r9", 4), addFlags(checksum)],
    // The kernel has not looked at it, whatever the segments.
    [asm.load(4, "r1", "r6", CONTEXT.segmentSize), asm.branch("r1", "!=", 0, "leave")],
    [asm.label("no-checksum"), asm.and("r5", SWAPPED.greKey), asm.branch("r5", "==", 0, "inner")],
    [ensure("r9", 4), asm.load(4, "r1", "r9", 0), asm.load(8, "r2", "r10", AT.sum), asm.branch("r2", "==", 0, "key")],
    [asm.add("r2", "r1"), asm.store(8, "r10", AT.sum, "r2")],
    [asm.label("key"), asm.toBigEndian(32, "r1"), asm.store(4, "r10", metadataAt("tun_id", 1), "r1")],
    [addFlags(key), asm.add("r9", 4)],
  ];
}

/** An IP packet as long as the outer one says. Leaves in `r4` the flags for taking the outer headers off. */
function readInner(): Code {
  return [
    [asm.mov("r2", "r7"), asm.sub("r2", "r9"), asm.load(4, "r3", "r6", CONTEXT.length), asm.add("r3", "r2")],
    ensure("r9", ETHERNET_BYTES + IP_BYTES[4]),
    [asm.load(8, "r1", "r9", 0), asm.store(8, "r10", AT.macs, "r1")],
    [asm.load(4, "r1", "r9", 8), asm.store(4, "r10", AT.macs + 8, "r1")],
    [asm.load(2, "r1", "r9", 12), asm.store(2, "r10", AT.macs + 12, "r1")],
    [asm.branch("r1", "==", SWAPPED.ip4, "inner-ip4"), asm.branch("r1", "!=", SWAPPED.ip6, "leave")],
    [asm.load(2, "r1", "r9", 18), asm.toBigEndian(16, "r1"), asm.add("r1", ETHERNET_BYTES + IP_BYTES[6])],
    [asm.mov("r4", ROOM.fixedGso | ROOM.inner6), asm.jump("inner-read")],
    asm.label("inner-ip4"),
    [asm.load(2, "r1", "r9", 16), asm.toBigEndian(16, "r1"), asm.add("r1", ETHERNET_BYTES)],
    asm.mov("r4", ROOM.fixedGso | ROOM.inner4),
    [asm.label("inner-read"), asm.branch("r1", "!=", "r3", "leave")],
  ];
}

/** Adds to what is noted of a checksum what is inside, and looks whether it is right. */
function checkSum(): Code {
  return [
    [asm.load(8, "r1", "r10", AT.sum), asm.branch("r1", "==", 0, "sound")],
    sumFrame("r9", "leave"),
    [asm.load(8, "r2", "r10", AT.sum), asm.add("r1", "r2")],
    addWords("r1", "r10", metadataAt("tun_options"), 4 * OPTION_WORDS),
    [fold("r1", "r2"), asm.branch("r1", "!=", 0xffff, "leave")],
    asm.label("sound"),
  ];
}

/** Takes off what is between `r7` and `r9`, with the flags in `r4`. */
function strip(): Code {
  return [
    [asm.mov("r1", "r6"), asm.mov("r2", "r7"), asm.sub("r2", "r9"), asm.mov("r3", ROOM_BEHIND_MAC)],
    [asm.call("skb_adjust_room"), asm.branch("r0", "!=", 0, "leave")],
    [asm.mov("r1", "r6"), asm.mov("r2", 0), asm.mov("r3", "r10"), asm.add("r3", AT.macs), asm.mov("r4", ETHERNET_BYTES)],
    [asm.mov("r5", 0), asm.call("skb_store_bytes"), asm.branch("r0", "!=", 0, "done")],
  ];
}

function addFlags(flags: number): Code {
  const at = metadataAt("tun_flags");
  return [asm.load(4, "r1", "r10", at), asm.or("r1", flags << FIELDS.tun_flags.shift), asm.store(4, "r10", at, "r1")];
}

/** Copies a field, which the key has in the network's order. */
function copyToMetadata(field: FieldName, from: number): Code {
  return Array.from({ length: FIELDS[field].nWords }, (_, i) => [
    asm.load(4, "r1", "r7", from + 4 * i),
    asm.store(4, "r10", metadataAt(field, i), "r1"),
  ]);
}

/** Where the `i`-th word of a field lies on the stack. */
function metadataAt(field: FieldName, i = 0): number {
  return STACK.key + 4 * (placeOf(FIELDS[field].word + i) ?? 0);
}

function ensure(from: "r7" | "r9", nBytes: number): Code {
  return [asm.mov("r0", from), asm.add("r0", nBytes), asm.branch("r0", ">", "r8", "leave")];
}
