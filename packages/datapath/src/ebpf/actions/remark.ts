/** Raises the drop precedence of packets of assured forwarding (RFC 2597), as `raiseDropPrecedence` does in this process. */
import { asm, type Code } from "@tenet/bpf";
import { SLOT } from "../slot.ts";
import { AFTER, BEFORE, IP4_CHECKSUM_AT, RECOMPUTE, WHERE } from "./set-word.ts";

const HALF_BYTES = 2;
const MAX_PRECEDENCE = 3;
/** Of the DSCP with the two bits of ECN behind: | class 3 | drop precedence 2 | 0 1 | ECN 2 |. */
const [CLASS_SHIFT, DROP_SHIFT, ODD, ECN] = [5, 3, 4, 3] as const;
const MAX_CLASS = 4;
/** Where the action has its argument: | where the network header begins 1 | IP's version, 0: none 1 | - 2 |. */
const ARGUMENT_AT = SLOT.actions + 8;
/** On the stack: by how much. */
const BY = WHERE + 8;

/** In the first half-word of an IP header, by how many bits the byte of the DSCP is shifted. */
const SHIFT = { 4: 0, 6: 4 } as const;

/** What tells where the packet's DSCP is; 0 of one that has none. */
export function remarkArgument(networkAt: number, family: 4 | 6): number {
  return networkAt | (family << 8);
}

/** Raises it by `r2`; goes to `next` with what is not of assured forwarding. */
export function remark(): Code {
  return [
    [asm.store(8, "r10", BY, "r2"), asm.load(1, "r2", "r7", ARGUMENT_AT), asm.store(8, "r10", WHERE, "r2")],
    [asm.load(1, "r1", "r7", ARGUMENT_AT + 1), asm.branch("r1", "==", 4, "remark-4"), asm.branch("r1", "!=", 6, "next")],
    [remarkIn(6), storeHalf(RECOMPUTE), asm.jump("next")],
    [asm.label("remark-4"), remarkIn(4), storeHalf(0)],
    [asm.mov("r1", "r6"), asm.load(4, "r2", "r10", WHERE), asm.add("r2", IP4_CHECKSUM_AT), asm.load(4, "r3", "r10", BEFORE)],
    [asm.load(4, "r4", "r10", AFTER), asm.mov("r5", HALF_BYTES), asm.call("l3_csum_replace")],
  ];
}

/** Notes the header's first half-word, as it was and as it becomes. */
function remarkIn(family: 4 | 6): Code {
  const shift = SHIFT[family];
  return [
    [asm.store(8, "r10", BEFORE, 0), asm.mov("r1", "r6"), asm.load(4, "r2", "r10", WHERE), asm.mov("r3", "r10")],
    [asm.add("r3", BEFORE), asm.mov("r4", HALF_BYTES), asm.call("skb_load_bytes")],
    [asm.load(4, "r1", "r10", BEFORE), asm.toBigEndian(16, "r1"), asm.mov("r5", "r1"), asm.rsh("r5", shift), asm.and("r5", 0xff)],
    asm.branch("r5", "&", ODD, "next"),
    [
      asm.mov("r2", "r5"),
      asm.rsh("r2", CLASS_SHIFT),
      asm.branch("r2", "==", 0, "next"),
      asm.branch("r2", ">", MAX_CLASS, "next"),
    ],
    [asm.mov("r3", "r5"), asm.rsh("r3", DROP_SHIFT), asm.and("r3", MAX_PRECEDENCE), asm.branch("r3", "==", 0, "next")],
    [asm.load(4, "r4", "r10", BY), asm.add("r3", "r4"), asm.branch("r3", "<=", MAX_PRECEDENCE, `raised-${family}`)],
    [asm.mov("r3", MAX_PRECEDENCE), asm.label(`raised-${family}`), asm.lsh("r2", CLASS_SHIFT), asm.lsh("r3", DROP_SHIFT)],
    [asm.or("r2", "r3"), asm.mov("r3", "r5"), asm.and("r3", ECN), asm.or("r2", "r3"), asm.branch("r2", "==", "r5", "next")],
    [asm.lsh("r2", shift), asm.and("r1", ~(0xff << shift) & 0xffff), asm.or("r1", "r2"), asm.toBigEndian(16, "r1")],
    asm.store(8, "r10", AFTER, "r1"),
  ];
}

function storeHalf(flags: number): Code {
  return [
    [asm.mov("r1", "r6"), asm.load(4, "r2", "r10", WHERE), asm.mov("r3", "r10"), asm.add("r3", AFTER)],
    [asm.mov("r4", HALF_BYTES), asm.mov("r5", flags), asm.call("skb_store_bytes")],
  ];
}
