/**
 * Assembly for what translation puts into packets: the words of the answers' tuple, and by how much checksums change.
 *
 * Registers: `r9` is the connection's entry, `r8` where the tuple of the answers is found, see `findAnswer`.
 */
import { asm, type Code } from "@tenet/bpf";
import { IP_PROTO } from "@tenet/net";
import { TUPLE, TUPLE_WORDS } from "../../conntrack/tuple.ts";
import { entryAt, keep, recall, swapBytes, TRACKING, tupleAt } from "./tracking-stack.ts";

export const IP_AT = 14;
/** Where addresses are in the header of the network layer, and of how many words they are. */
export const ADDRESSES = {
  4: { src: 12, dst: 16, nWords: 1 },
  6: { src: 8, dst: 24, nWords: 4 },
} as const;
/** Where checksums are in their headers. */
export const CHECKSUM_AT = { ip4: 10, icmp: 2, udp: 6, tcp: 16 } as const;
export const WORD = 4;
/** Flags of `l4_csum_replace`; a checksum that may be absent is zero then, and stays. */
export const CHECKSUM_FLAG = { mayBeAbsent: 0x20, isPseudo: 0x10 } as const;

export type Family = keyof typeof ADDRESSES;
export type Side = "src" | "dst";

/** Sets `r8` so that the original tuple of the entry there is that of the other side. */
export function findAnswer(): Code {
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

/** Puts the address that the packet gets behind `after`, and notes that it is another, or goes to `same`. */
export function loadNewAddress(family: Family, part: Side, same: string): Code {
  const words = Array.from({ length: ADDRESSES[family].nWords }, (_, i) => i);
  return [
    words.map((i) => [loadAnswer(part, i), keep(TRACKING.after + WORD * i, "r1")]),
    words.map((i) => [
      [recall("r1", TRACKING.after + WORD * i), recall("r2", tupleAt(part, i))],
      asm.branch32("r1", "!=", "r2", `${same}-not`),
    ]),
    [asm.jump(same), asm.label(`${same}-not`), keep(TRACKING.changed, 1)],
  ];
}

/** As {@link loadNewAddress}, of the ports of TCP and UDP. */
export function loadNewPorts(same: string): Code {
  return [
    [recall("r1", TRACKING.proto), asm.branch("r1", "==", IP_PROTO.icmp, same)],
    [asm.branch("r1", "==", IP_PROTO.icmp6, same), loadAnswer("ports")],
    [asm.mov32("r2", "r1"), asm.lsh32("r1", 16), asm.rsh32("r2", 16), asm.or32("r1", "r2")],
    [recall("r2", tupleAt("ports")), asm.branch32("r1", "==", "r2", same)],
    [keep(TRACKING.after, "r1"), keep(TRACKING.changed, 1)],
  ];
}

/** Leaves in `r0` what the bytes behind `after` have more than others on the stack, with what is there already of a sum. */
export function findDifference(before: number, sizeBytes: number, sum?: number): Code {
  return [
    [asm.mov("r1", "r10"), asm.add("r1", before), asm.mov("r2", sizeBytes)],
    [asm.mov("r3", "r10"), asm.add("r3", TRACKING.after), asm.mov("r4", sizeBytes)],
    [sum === undefined ? asm.mov("r5", 0) : recall("r5", sum), asm.call("csum_diff")],
  ];
}

/** Writes what is behind `after`. */
export function storeAfter(setPlace: Code, sizeBytes: number, setFlags: Code): Code {
  return [
    [setPlace, setFlags, asm.mov("r1", "r6"), asm.mov("r3", "r10"), asm.add("r3", TRACKING.after), asm.mov("r4", sizeBytes)],
    asm.call("skb_store_bytes"),
  ];
}
