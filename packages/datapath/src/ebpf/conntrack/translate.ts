/**
 * Assembly that writes translated addresses and ports into a packet, and keeps its checksums true: those that are yet to be
 * completed, and the sum that a device gave for all bytes, too.
 *
 * Registers: `r7` and `r9` (the connection's entry) stay; `r8` is where the tuple of the answers is found, see `findAnswer`.
 */
import { asm, type Code } from "@tenet/bpf";
import { IP_PROTO } from "@tenet/net";
import { ENTRY_FLAG } from "../../conntrack/connection-entry.ts";
import { CT_STATE, NAT_STATES } from "../../conntrack/ct-state.ts";
import { TUPLE, TUPLE_WORDS } from "../../conntrack/tuple.ts";
import { entryAt, keep, recall, RECOMPUTE, swapBytes, TRACKING, tupleAt } from "./tracking-stack.ts";

const IP_AT = 14;
/** Where addresses are in the header of the network layer, and of how many words they are. */
const ADDRESSES = {
  4: { src: 12, dst: 16, nWords: 1 },
  6: { src: 8, dst: 24, nWords: 4 },
} as const;
const IP4_CHECKSUM_AT = 10;
const WORD = 4;
/** Flags of `l4_csum_replace`; a checksum that may be absent is zero then, and stays. */
const CHECKSUM_FLAG = { mayBeAbsent: 0x20, isPseudo: 0x10 } as const;

type Family = keyof typeof ADDRESSES;
type Side = "src" | "dst";

/** Makes the packet one whose answers have the tuple of the other side; notes in the state what has changed. */
export function translate(): Code {
  const { direction, state, changed } = TRACKING;
  return [
    [
      keep(changed, 0),
      findAnswer(),
      recall("r1", tupleAt("head")),
      asm.rsh("r1", 24),
      asm.branch("r1", "==", 6, "ct-translate-6"),
    ],
    [setAddress(4, "src"), setAddress(4, "dst"), asm.jump("ct-translate-ports")],
    [asm.label("ct-translate-6"), setAddress(6, "src"), setAddress(6, "dst")],
    [asm.label("ct-translate-ports"), setPorts(), recall("r1", changed), asm.branch("r1", "==", 0, "ct-translated")],
    // The source changes in packets of the side that is translated at its source, and in answers of the other kind.
    [
      asm.load(4, "r1", "r9", entryAt("flags")),
      asm.and("r1", ENTRY_FLAG.sourceNat),
      recall("r2", direction),
      asm.xor("r1", "r2"),
    ],
    [recall("r2", state), asm.and("r2", ~NAT_STATES), asm.branch("r1", "==", 0, "ct-destination")],
    [asm.or("r2", CT_STATE.snat), asm.jump("ct-noted")],
    [asm.label("ct-destination"), asm.or("r2", CT_STATE.dnat)],
    [asm.label("ct-noted"), keep(state, "r2"), asm.label("ct-translated")],
  ];
}

/** Sets `r8` so that the original tuple of the entry there is that of the other side. */
function findAnswer(): Code {
  return [
    [recall("r1", TRACKING.direction), asm.and("r1", 1), asm.xor("r1", 1), asm.mul("r1", 4 * TUPLE_WORDS)],
    [asm.mov("r8", "r9"), asm.add("r8", "r1")],
  ];
}

/** Leaves in `r1` a word of the other side's tuple, as the packet has it: what goes to the source of a packet is the destination of its answers. */
function loadAnswer(part: Side | "ports", i = 0): Code {
  const place = { src: TUPLE.dst, dst: TUPLE.src, ports: TUPLE.ports }[part];
  return [asm.load(4, "r1", "r8", entryAt("original", place + i)), swapBytes("r1")];
}

function setAddress(family: Family, part: Side): Code {
  const { nWords, [part]: at } = ADDRESSES[family];
  const [name, sizeBytes] = [`${part}-${family}`, WORD * nWords];
  const words = Array.from({ length: nWords }, (_, i) => i);
  return [
    words.map((i) => [loadAnswer(part, i), keep(TRACKING.after + WORD * i, "r1")]),
    words.map((i) => [
      [recall("r1", TRACKING.after + WORD * i), recall("r2", tupleAt(part, i))],
      asm.branch32("r1", "!=", "r2", `ct-changed-${name}`),
    ]),
    [asm.jump(`ct-same-${name}`), asm.label(`ct-changed-${name}`), keep(TRACKING.changed, 1)],
    [findDifference(tupleAt(part), sizeBytes), keep(TRACKING.difference, "r0")],
    updateTransport(CHECKSUM_FLAG.isPseudo, name),
    family === 4 ? updateIp4() : [],
    // Over IPv4 the header's checksum makes up for what changes, so that the sum of all bytes stays.
    storeAfter(asm.mov("r2", IP_AT + at), sizeBytes, asm.mov("r5", family === 4 ? 0 : RECOMPUTE)),
    asm.label(`ct-same-${name}`),
  ];
}

/** Of TCP and UDP. */
function setPorts(): Code {
  return [
    [recall("r1", TRACKING.proto), asm.branch("r1", "==", IP_PROTO.icmp, "ct-same-ports")],
    [asm.branch("r1", "==", IP_PROTO.icmp6, "ct-same-ports"), loadAnswer("ports")],
    [asm.mov32("r2", "r1"), asm.lsh32("r1", 16), asm.rsh32("r2", 16), asm.or32("r1", "r2")],
    [recall("r2", tupleAt("ports")), asm.branch32("r1", "==", "r2", "ct-same-ports")],
    [keep(TRACKING.after, "r1"), keep(TRACKING.changed, 1)],
    [findDifference(tupleAt("ports"), WORD), keep(TRACKING.difference, "r0"), updateTransport(0, "ports")],
    storeAfter(recall("r2", TRACKING.transportAt), WORD, recall("r5", TRACKING.portFlags)),
    asm.label("ct-same-ports"),
  ];
}

/** Leaves in `r0` what the bytes behind `after` have more than those on the stack. */
function findDifference(before: number, sizeBytes: number): Code {
  return [
    [asm.mov("r1", "r10"), asm.add("r1", before), asm.mov("r2", sizeBytes)],
    [asm.mov("r3", "r10"), asm.add("r3", TRACKING.after), asm.mov("r4", sizeBytes), asm.mov("r5", 0)],
    asm.call("csum_diff"),
  ];
}

/** Changes the checksum of the transport layer by the difference; ICMP's knows no addresses of IPv4, and has no ports. */
function updateTransport(flags: number, name: string): Code {
  const [fix, none] = [`ct-fix-${name}`, `ct-no-checksum-${name}`];
  return [
    [recall("r2", TRACKING.transportAt), recall("r1", TRACKING.proto), asm.branch("r1", "==", IP_PROTO.icmp, none)],
    [asm.mov("r5", flags), asm.add("r2", 2), asm.branch("r1", "==", IP_PROTO.icmp6, fix)],
    [
      asm.add("r2", 14),
      asm.branch("r1", "==", IP_PROTO.tcp, fix),
      asm.mov("r5", flags | CHECKSUM_FLAG.mayBeAbsent),
      asm.sub("r2", 10),
    ],
    [asm.label(fix), asm.mov("r1", "r6"), asm.mov("r3", 0), recall("r4", TRACKING.difference)],
    [asm.call("l4_csum_replace"), asm.label(none)],
  ];
}

function updateIp4(): Code {
  return [
    [asm.mov("r1", "r6"), asm.mov("r2", IP_AT + IP4_CHECKSUM_AT), asm.mov("r3", 0), recall("r4", TRACKING.difference)],
    [asm.mov("r5", 0), asm.call("l3_csum_replace")],
  ];
}

function storeAfter(setPlace: Code, sizeBytes: number, setFlags: Code): Code {
  return [
    [setPlace, setFlags, asm.mov("r1", "r6"), asm.mov("r3", "r10"), asm.add("r3", TRACKING.after), asm.mov("r4", sizeBytes)],
    asm.call("skb_store_bytes"),
  ];
}
