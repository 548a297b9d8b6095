/**
 * Assembly that reads of a packet what tracking needs: its tuple and, of TCP, its segment.
 *
 * It reads TCP, UDP, SCTP, echoes, ICMP errors, and of all other protocols the addresses. It goes to `ct-up-unread` with all that is rare
 * or wrong: fragments, extension headers, lengths that contradict each other. Checksums it takes for granted: who receives the
 * packet looks at them.
 *
 * Registers: `r7` the action; `r1` packet, `r2` its end, `r4` bytes of the transport layer, `r5` protocol, `r8` where it begins.
 */
import { asm, type Code } from "@tenet/bpf";
import { IP_PROTO } from "@tenet/net";
import { headOf } from "../../conntrack/tuple.ts";
import { MAX_SCALE, NO_SCALE } from "../../conntrack/tcp.ts";
import { loadArgument } from "../actions/action-kind.ts";
import { CONTEXT, makeContiguous } from "../program/context.ts";
import { readError } from "./read-error.ts";
import { keep, MAX_OPTION_BYTES, recall, RECOMPUTE, SEGMENT, TRACKING, tupleAt } from "./tracking-stack.ts";

const ETHERNET_BYTES = 14;
const IP4_BYTES = 20;
const IP6_BYTES = 40;
const TCP_BYTES = 20;
const SCTP_BYTES = 12;
/** Bytes that are made contiguous: Ethernet, IPv4 with options, TCP without. */
const HEADER_BYTES = ETHERNET_BYTES + 60 + TCP_BYTES;
const SYN = 2;
/** Types of Ethernet as this machine reads them. */
const TYPE = { ip4: 0x0008, ip6: 0xdd86 };
/** Types of echoes, and a bit for each type of errors. */
const ICMP = { request: 8, answer: 0, errors: bits(3, 4, 5, 11, 12) };
const ICMP6 = { request: 128, answer: 129, errors: bits(1, 2, 3, 4) };
const MAX_ERROR = 15;
/** Headers of IPv6 that are not read. */
const EXTENSIONS = [0, 43, 51, 60];
/** Options that are looked at before the search for the window's scale is left to the slow path. */
const MAX_OPTIONS = 12;
const SCALE_OPTION = 3;

/** Fills the tuple and the segment, protocol and transport layer of `TRACKING`. */
export function readTuple(): Code {
  return [
    makeContiguous(HEADER_BYTES, ["r1", "r2"], "tuple"),
    requireBytes(ETHERNET_BYTES + IP4_BYTES),
    asm.load(2, "r3", "r1", 12),
    asm.branch("r3", "==", TYPE.ip4, "ct-ip4"),
    asm.branch("r3", "!=", TYPE.ip6, "ct-up-unread"),
    readIp6(),
    asm.jump("ct-transport"),
    asm.label("ct-ip4"),
    readIp4(),
    asm.label("ct-transport"),
    [asm.mov("r3", "r5"), asm.lsh("r3", 16), asm.or("r0", "r3"), loadArgument("r3", "argument"), asm.and("r3", 0xffff)],
    [asm.or("r0", "r3"), keep(tupleAt("head"), "r0"), keep(TRACKING.proto, "r5"), keep(TRACKING.transportAt, "r8")],
    [keep(TRACKING.portFlags, 0), keep(TRACKING.innerAt, 0), asm.add("r1", "r8"), asm.rsh("r0", 24)],
    asm.branch("r5", "==", IP_PROTO.tcp, "ct-read-tcp"),
    asm.branch("r5", "==", IP_PROTO.udp, "ct-read-udp"),
    asm.branch("r5", "==", IP_PROTO.sctp, "ct-read-sctp"),
    asm.branch("r5", "==", IP_PROTO.icmp, "ct-read-icmp"),
    [asm.branch("r5", "==", IP_PROTO.icmp6, "ct-read-icmp-6"), keep(tupleAt("ports"), 0), asm.jump("ct-read")],
    [asm.label("ct-read-icmp-6"), asm.branch("r0", "!=", 6, "ct-up-unread")],
    readIcmp(ICMP6),
    [asm.label("ct-read-icmp"), asm.branch("r0", "!=", 4, "ct-up-unread"), readIcmp(ICMP)],
    readError(),
    [asm.label("ct-read-sctp"), requireBytes(SCTP_BYTES), asm.branch("r4", "<", SCTP_BYTES, "ct-up-unread")],
    [readPorts(), asm.jump("ct-read"), asm.label("ct-read-udp"), readUdp()],
    [asm.label("ct-read-tcp"), readTcp()],
    asm.label("ct-read"),
  ];
}

/** The packet has so many bytes from `r1` on. */
function requireBytes(nBytes: number): Code {
  return [asm.mov("r3", "r1"), asm.add("r3", nBytes), asm.branch("r3", ">", "r2", "ct-up-unread")];
}

/** Leaves the family in the upper byte of `r0`. */
function readIp4(): Code {
  return [
    [asm.load(1, "r3", "r1", 14), asm.mov("r0", "r3"), asm.rsh("r0", 4), asm.branch("r0", "!=", 4, "ct-up-unread")],
    [asm.and("r3", 15), asm.lsh("r3", 2), asm.branch("r3", "<", IP4_BYTES, "ct-up-unread")],
    [asm.load(2, "r0", "r1", 20), asm.branch("r0", "&", 0xff3f, "ct-up-fragment")], // more fragments, or an offset
    [asm.load(2, "r4", "r1", 16), asm.toBigEndian(16, "r4"), asm.branch("r4", "<", "r3", "ct-up-unread")],
    [asm.load(4, "r0", "r6", CONTEXT.length), asm.sub("r0", ETHERNET_BYTES), asm.branch("r4", ">", "r0", "ct-up-unread")],
    [asm.sub("r4", "r3"), asm.load(1, "r5", "r1", 23), asm.mov("r8", "r3"), asm.add("r8", ETHERNET_BYTES)],
    (["src", "dst"] as const).map((part, i) => [
      [asm.load(4, "r0", "r1", 26 + 4 * i), keep(tupleAt(part), "r0")],
      [1, 2, 3].map((word) => keep(tupleAt(part, word), 0)),
    ]),
    asm.mov("r0", headOf(4, 0, 0)),
  ];
}

function readIp6(): Code {
  return [
    requireBytes(ETHERNET_BYTES + IP6_BYTES),
    [asm.load(1, "r0", "r1", 14), asm.rsh("r0", 4), asm.branch("r0", "!=", 6, "ct-up-unread")],
    [asm.load(2, "r4", "r1", 18), asm.toBigEndian(16, "r4"), asm.load(4, "r0", "r6", CONTEXT.length)],
    [asm.sub("r0", ETHERNET_BYTES + IP6_BYTES), asm.branch("r4", "s>", "r0", "ct-up-unread")],
    asm.load(1, "r5", "r1", 20),
    [
      asm.branch("r5", "==", IP_PROTO.fragment, "ct-up-fragment"),
      EXTENSIONS.map((proto) => asm.branch("r5", "==", proto, "ct-up-unread")),
    ],
    Array.from({ length: 8 }, (_, i) => [asm.load(4, "r0", "r1", 22 + 4 * i), keep(tupleAt("src", i), "r0")]),
    [asm.mov("r8", ETHERNET_BYTES + IP6_BYTES), asm.mov("r0", headOf(6, 0, 0))],
  ];
}

/** Ports that are zero belong to no connection. */
function readPorts(): Code {
  return [
    [asm.load(4, "r0", "r1", 0), keep(tupleAt("ports"), "r0"), asm.mov("r3", "r0"), asm.rsh("r3", 16)],
    [asm.branch("r3", "==", 0, "ct-up-unread"), asm.and("r0", 0xffff), asm.branch("r0", "==", 0, "ct-up-unread")],
  ];
}

function readUdp(): Code {
  return [
    requireBytes(8),
    [asm.load(2, "r3", "r1", 4), asm.toBigEndian(16, "r3"), asm.branch("r4", "<", 8, "ct-up-unread")],
    [asm.branch("r3", "!=", "r4", "ct-up-unread"), asm.load(2, "r3", "r1", 6), asm.branch("r3", "!=", 0, "ct-summed")],
    [asm.branch("r0", "==", 6, "ct-up-unread"), keep(TRACKING.portFlags, RECOMPUTE)], // only over IPv4 the checksum may be absent
    [asm.label("ct-summed"), readPorts(), asm.jump("ct-read")],
  ];
}

/** The type of a message that asks or answers takes the place of a port, so that both are each other's reverse. */
function readIcmp({ request, answer, errors }: typeof ICMP): Code {
  const known = `ct-icmp-${request}`;
  return [
    [requireBytes(8), asm.branch("r4", "<", 8, "ct-up-unread"), asm.load(1, "r3", "r1", 0)],
    [asm.branch("r3", "==", request, known), asm.branch("r3", "==", answer, known)],
    [asm.branch("r3", ">", MAX_ERROR, "ct-up-unread"), asm.mov("r1", errors), asm.rsh("r1", "r3"), asm.and("r1", 1)],
    [asm.branch("r1", "!=", 0, "ct-read-error"), asm.jump("ct-up-unread"), asm.label(known)],
    [asm.load(2, "r0", "r1", 4), asm.store(2, "r10", tupleAt("ports"), "r0"), asm.store(1, "r10", tupleAt("ports") + 2, "r3")],
    [asm.load(1, "r0", "r1", 1), asm.store(1, "r10", tupleAt("ports") + 3, "r0"), asm.jump("ct-read")],
  ];
}

function readTcp(): Code {
  const { flags, seq, ack, window, size, scale } = SEGMENT;
  return [
    [requireBytes(TCP_BYTES), asm.branch("r4", "<", TCP_BYTES, "ct-up-unread")],
    [asm.load(1, "r3", "r1", 12), asm.rsh("r3", 4), asm.lsh("r3", 2), asm.branch("r3", "<", TCP_BYTES, "ct-up-unread")],
    [asm.branch("r3", ">", "r4", "ct-up-unread"), asm.sub("r4", "r3"), asm.mov("r9", "r3"), asm.sub("r9", TCP_BYTES)],
    readPorts(),
    [asm.load(1, "r5", "r1", 13), asm.and("r5", 0x3f), keep(flags, "r5")],
    [asm.mov("r0", "r5"), asm.and("r0", 1), asm.add("r4", "r0")],
    [asm.mov("r0", "r5"), asm.rsh("r0", 1), asm.and("r0", 1), asm.add("r4", "r0"), keep(size, "r4")],
    [asm.load(4, "r0", "r1", 4), asm.toBigEndian(32, "r0"), keep(seq, "r0")],
    [asm.load(4, "r0", "r1", 8), asm.toBigEndian(32, "r0"), keep(ack, "r0")],
    [asm.load(2, "r0", "r1", 14), asm.toBigEndian(16, "r0"), keep(window, "r0")],
    keep(scale, NO_SCALE),
    [asm.and("r5", SYN), asm.branch("r5", "==", 0, "ct-read"), asm.branch("r9", "==", 0, "ct-read")],
    readScale(),
  ];
}

/** Looks for the window's scale in `r9` bytes of options. Its loop has no branches inside, which would double at every step. */
function readScale(): Code {
  const { options, transportAt } = TRACKING;
  return [
    asm.branch("r9", ">", MAX_OPTION_BYTES, "ct-up-unread"),
    Array.from({ length: MAX_OPTION_BYTES / 8 }, (_, i) => asm.store(8, "r10", options + 8 * i, 0)),
    [asm.mov("r1", "r6"), recall("r2", transportAt), asm.add("r2", TCP_BYTES), asm.mov("r3", "r10"), asm.add("r3", options)],
    [
      asm.mov("r4", "r9"),
      asm.call("skb_load_bytes"),
      asm.branch("r0", "!=", 0, "ct-up-unread"),
      asm.mov("r8", 0),
      asm.mov("r4", 0),
    ],
    asm.label("ct-option"),
    [asm.mov("r0", "r8"), asm.add("r0", 2), asm.branch("r0", ">=", "r9", "ct-read")],
    asm.branch("r8", ">", MAX_OPTION_BYTES - 3, "ct-read"),
    [asm.mov("r1", "r10"), asm.add("r1", "r8"), asm.load(1, "r2", "r1", options), asm.load(1, "r3", "r1", options + 1)],
    [asm.branch("r2", "==", 0, "ct-read"), asm.branch("r2", "==", SCALE_OPTION, "ct-scale")],
    // r5 = r2 == 1 ? -1 : 0, r3 = max(2, r3), and on by one or by r3
    [asm.mov("r5", "r2"), asm.xor("r5", 1), asm.sub("r5", 1), asm.arsh("r5", 63)],
    [asm.sub("r3", 2), asm.mov("r0", "r3"), asm.arsh("r0", 63), asm.xor("r0", -1), asm.and("r3", "r0"), asm.add("r3", 2)],
    [asm.mov("r0", "r5"), asm.xor("r0", -1), asm.and("r3", "r0"), asm.and("r5", 1), asm.or("r3", "r5"), asm.add("r8", "r3")],
    [asm.add("r4", 1), asm.branch("r4", "<", MAX_OPTIONS, "ct-option"), asm.jump("ct-up-unread")],
    [asm.label("ct-scale"), asm.load(1, "r2", "r1", options + 2), asm.branch("r2", "<=", MAX_SCALE, "ct-scale-is-right")],
    [asm.mov("r2", MAX_SCALE), asm.label("ct-scale-is-right"), keep(SEGMENT.scale, "r2")],
  ];
}

function bits(...places: readonly number[]): number {
  return places.reduce((sum, place) => sum | (1 << place), 0);
}
