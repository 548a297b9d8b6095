/**
 * Assembly that writes translated addresses and ports into an IPv4 packet, and keeps its checksums true, those that are yet to be
 * completed, too.
 *
 * Registers: `r9` the connection's entry.
 */
import { asm, type Code } from "@tenet/bpf";
import { ENTRY_FLAG } from "../../conntrack/connection-entry.ts";
import { CT_STATE, NAT_STATES } from "../../conntrack/ct-state.ts";
import { entryAt, keep, recall, swapBytes, TRACKING, tupleAt } from "./tracking-stack.ts";

const IP4_AT = 14;
const PSEUDO_HEADER = 0x10;
/** A checksum of zero, which UDP has when there is none, stays. */
const MAY_BE_ABSENT = 0x20;
const WORD = 4;

/** Makes the packet one whose answers have the tuple of the other side; notes in the state what has changed. */
export function translate(): Code {
  const { direction, state, changed } = TRACKING;
  return [
    keep(changed, 0),
    (["src", "dst"] as const).map((part, i) => setAddress(part, IP4_AT + 12 + 4 * i)),
    setPorts(),
    [recall("r1", changed), asm.branch("r1", "==", 0, "ct-translated")],
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

/** Leaves in `r1` a word of the other side's tuple, as the packet has it. */
function loadAnswer(part: "src" | "dst" | "ports"): Code {
  const answer = `ct-answer-${part}`;
  return [
    [recall("r2", TRACKING.direction), asm.load(4, "r1", "r9", entryAt("reply", PART_AT[part]))],
    [asm.branch("r2", "==", 0, answer), asm.load(4, "r1", "r9", entryAt("original", PART_AT[part])), asm.label(answer)],
    swapBytes("r1"),
  ];
}

/** What goes to the source of a packet is the destination of its answers. */
const PART_AT = { src: 5, dst: 1, ports: 9 } as const;

function setAddress(part: "src" | "dst", at: number): Code {
  const same = `ct-same-${part}`;
  return [
    [loadAnswer(part), recall("r2", tupleAt(part)), asm.branch32("r1", "==", "r2", same)],
    [keep(TRACKING.before, "r2"), keep(TRACKING.after, "r1"), keep(TRACKING.changed, 1)],
    fixTransport(PSEUDO_HEADER, part),
    [asm.mov("r1", "r6"), asm.mov("r2", IP4_AT + 10), recall("r3", TRACKING.before), recall("r4", TRACKING.after)],
    [asm.mov("r5", WORD), asm.call("l3_csum_replace")],
    storeWord(asm.mov("r2", at)),
    asm.label(same),
  ];
}

/** Of TCP and UDP. */
function setPorts(): Code {
  return [
    [recall("r1", TRACKING.proto), asm.branch("r1", "==", 1, "ct-same-ports"), loadAnswer("ports")],
    [asm.mov32("r2", "r1"), asm.lsh32("r1", 16), asm.rsh32("r2", 16), asm.or32("r1", "r2")],
    [recall("r2", tupleAt("ports")), asm.branch32("r1", "==", "r2", "ct-same-ports")],
    [keep(TRACKING.before, "r2"), keep(TRACKING.after, "r1"), keep(TRACKING.changed, 1)],
    fixTransport(0, "ports"),
    storeWord(recall("r2", TRACKING.transportAt)),
    asm.label("ct-same-ports"),
  ];
}

function fixTransport(flags: number, name: string): Code {
  const [udp, none] = [`ct-udp-${name}`, `ct-no-checksum-${name}`];
  return [
    [recall("r2", TRACKING.transportAt), recall("r1", TRACKING.proto), asm.branch("r1", "==", 1, none)],
    [asm.mov("r5", WORD | flags | MAY_BE_ABSENT), asm.branch("r1", "==", 17, udp)],
    [asm.mov("r5", WORD | flags), asm.add("r2", 10)],
    [asm.label(udp), asm.add("r2", 6), asm.mov("r1", "r6"), recall("r3", TRACKING.before), recall("r4", TRACKING.after)],
    [asm.call("l4_csum_replace"), asm.label(none)],
  ];
}

function storeWord(setPlace: Code): Code {
  return [
    setPlace,
    [asm.mov("r1", "r6"), asm.mov("r3", "r10"), asm.add("r3", TRACKING.after), asm.mov("r4", WORD), asm.mov("r5", 0)],
    asm.call("skb_store_bytes"),
  ];
}
