/**
 * Assembly that reads the packet that an ICMP error is about. The error's tuple is the reverse of that packet's, as `PacketReader` has it.
 *
 * What contradicts itself, or is about anything but TCP, UDP, SCTP and echoes in one piece, goes to `ct-up-unread`.
 */
import { asm, type Code } from "@tenet/bpf";
import { IP_PROTO } from "@tenet/net";
import { keep, recall, TRACKING, tupleAt } from "./tracking-stack.ts";

const ICMP_BYTES = 8;
/** Of the packet's transport header, at least that is there. */
const TRANSPORT_BYTES = 8;
const IP4_BYTES = 20;
const IP6_BYTES = 40;
/** More fragments, or an offset, as this machine reads them. */
const IS_FRAGMENT = 0xff3f;
const ICMP_REQUEST = 8;
const ICMP6_REQUEST = 128;
/** Bits in which the types of a question and of its answer differ. */
const ANSWER_BIT = { [IP_PROTO.icmp]: 8, [IP_PROTO.icmp6]: 1 } as const;

/** The protocol in the tuple's head. */
const PROTO_AT = tupleAt("head") + 2;
/** Where the bytes of the packet are put. */
const HEADER = TRACKING.options;

/**
 * Makes the tuple at hand, which has the error's addresses, that of the error; goes to `ct-read`.
 *
 * It begins at `ct-read-error`, with the family in `r0` and the bytes of the message in `r4`.
 */
export function readError(): Code {
  return [
    [asm.label("ct-read-error"), asm.mov("r9", "r4"), asm.sub("r9", ICMP_BYTES)],
    [recall("r8", TRACKING.transportAt), asm.add("r8", ICMP_BYTES), keep(TRACKING.innerAt, "r8")],
    [asm.branch("r0", "==", 6, "ct-error-6"), readInner4(), asm.jump("ct-error-transport")],
    [asm.label("ct-error-6"), readInner6(), asm.label("ct-error-transport")],
    [
      asm.branch("r9", "s<", TRANSPORT_BYTES, "ct-up-unread"),
      keep(TRACKING.innerBytes, "r9"),
      keep(TRACKING.innerTransportAt, "r8"),
    ],
    [asm.store(1, "r10", PROTO_AT, "r5"), load(TRANSPORT_BYTES), asm.load(1, "r5", "r10", PROTO_AT)],
    [asm.branch("r5", "==", IP_PROTO.tcp, "ct-error-ports"), asm.branch("r5", "==", IP_PROTO.udp, "ct-error-ports")],
    asm.branch("r5", "==", IP_PROTO.sctp, "ct-error-ports"),
    [
      asm.load(1, "r1", "r10", HEADER),
      asm.mov("r2", ANSWER_BIT[IP_PROTO.icmp]),
      recall("r3", tupleAt("head")),
      asm.rsh("r3", 24),
    ],
    [asm.branch("r3", "==", 6, "ct-error-echo-6"), asm.branch("r5", "!=", IP_PROTO.icmp, "ct-up-unread"), asm.mov("r3", "r1")],
    [asm.or("r3", ICMP_REQUEST), asm.branch("r3", "!=", ICMP_REQUEST, "ct-up-unread"), asm.jump("ct-error-echo")],
    [
      asm.label("ct-error-echo-6"),
      asm.branch("r5", "!=", IP_PROTO.icmp6, "ct-up-unread"),
      asm.mov("r2", ANSWER_BIT[IP_PROTO.icmp6]),
    ],
    [asm.mov("r3", "r1"), asm.and("r3", ~ANSWER_BIT[IP_PROTO.icmp6]), asm.branch("r3", "!=", ICMP6_REQUEST, "ct-up-unread")],
    [asm.label("ct-error-echo"), asm.xor("r1", "r2"), asm.store(1, "r10", tupleAt("ports") + 2, "r1")],
    [asm.load(2, "r1", "r10", HEADER + 4), asm.store(2, "r10", tupleAt("ports"), "r1")],
    [asm.load(1, "r1", "r10", HEADER + 1), asm.store(1, "r10", tupleAt("ports") + 3, "r1"), asm.jump("ct-error-read")],
    [asm.label("ct-error-ports"), asm.load(2, "r1", "r10", HEADER), asm.store(2, "r10", tupleAt("ports") + 2, "r1")],
    [asm.load(2, "r1", "r10", HEADER + 2), asm.store(2, "r10", tupleAt("ports"), "r1"), asm.label("ct-error-read")],
    // Read again, so that the verifier goes on once for all protocols.
    [asm.load(1, "r5", "r10", PROTO_AT), keep(TRACKING.proto, "r5"), asm.jump("ct-read")],
  ];
}

/** Leaves the protocol in `r5`, and moves on by the header's bytes. */
function readInner4(): Code {
  return [
    [
      load(IP4_BYTES),
      asm.load(1, "r1", "r10", HEADER),
      asm.mov("r2", "r1"),
      asm.rsh("r2", 4),
      asm.branch("r2", "!=", 4, "ct-up-unread"),
    ],
    [
      asm.and("r1", 15),
      asm.lsh("r1", 2),
      asm.branch("r1", "<", IP4_BYTES, "ct-up-unread"),
      asm.sub("r9", "r1"),
      asm.add("r8", "r1"),
    ],
    [asm.load(2, "r2", "r10", HEADER + 2), asm.toBigEndian(16, "r2"), asm.branch("r2", "<", "r1", "ct-up-unread")],
    [asm.load(2, "r2", "r10", HEADER + 6), asm.branch("r2", "&", IS_FRAGMENT, "ct-up-unread"), takeAddresses(12, 1)],
    asm.load(1, "r5", "r10", HEADER + 9),
  ];
}

function readInner6(): Code {
  return [
    [load(IP6_BYTES), asm.load(1, "r1", "r10", HEADER), asm.rsh("r1", 4), asm.branch("r1", "!=", 6, "ct-up-unread")],
    [asm.sub("r9", IP6_BYTES), asm.add("r8", IP6_BYTES), takeAddresses(8, 4), asm.load(1, "r5", "r10", HEADER + 6)],
  ];
}

/** The error goes to the packet's sender, as if it came from the receiver. */
function takeAddresses(at: number, nWords: number): Code {
  return Array.from({ length: nWords }, (_, i) => [
    [
      asm.load(4, "r1", "r10", HEADER + at + 4 * i),
      recall("r2", tupleAt("dst", i)),
      asm.branch("r1", "!=", "r2", "ct-up-unread"),
    ],
    [asm.load(4, "r1", "r10", HEADER + at + 4 * (nWords + i)), keep(tupleAt("src", i), "r1")],
  ]);
}

/** Loads bytes from where `r8` says; the message must have as many. */
function load(nBytes: number): Code {
  return [
    [asm.branch("r9", "s<", nBytes, "ct-up-unread"), asm.mov("r1", "r6"), asm.mov("r2", "r8"), asm.mov("r3", "r10")],
    [asm.add("r3", HEADER), asm.mov("r4", nBytes), asm.call("skb_load_bytes"), asm.branch("r0", "!=", 0, "ct-up-unread")],
  ];
}
