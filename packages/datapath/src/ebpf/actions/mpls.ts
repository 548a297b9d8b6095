/**
 * Pushes and pops MPLS labels, as `pushMpls` and `popMpls` do in this process, and leaves what the kernel notes beside a packet true: its
 * protocol, where its network header begins, and the sum of all bytes.
 *
 * How: the kernel makes room behind the Ethernet header of IP packets alone, and takes none away from short ones. But it reads a packet's protocol anew
 * when it takes a tag out of its bytes. So a packet of another protocol is one of IP while it grows; and a label that is to go, which is as
 * long as a tag, is written over with one. To be taken out a tag must not be the outermost, which lies beside the packet: so others are pushed
 * before, and popped with it.
 *
 * Limits: a bundle of segments that gets a label cannot be cut any more, so it is left to this process, which cuts it before.
 */
import { asm, type Code } from "@tenet/bpf";
import { ETH_TYPE } from "@tenet/net";
import { noteResumption } from "../conntrack/track.ts";
import { POINT_SHIFT } from "../conntrack/track-argument.ts";
import { CONTEXT } from "../program/context.ts";
import { STACK } from "../program/stack.ts";
import { type ActionCode, type ActionOf, type KernelAction, loadArgument, type TranslationContext } from "./action-kind.ts";
import { ETHERNET_BYTES, isMpls, isTag } from "./frame-layout.ts";
import { resumeAt } from "./leave.ts";
import { RECOMPUTE } from "./set-word.ts";

/** Actions of this file. */
export type MplsActionName = "pushMpls" | "popMpls";

const LABEL_BYTES = 4;
const TYPE_AT = ETHERNET_BYTES - 2;
/** Where the type behind a tag is that lies at the type. */
const NEXT_TYPE_AT = TYPE_AT + 4;
/** Of `skb_adjust_room`: behind the Ethernet header; segments keep their size, and what is known of checksums stays. */
const BEHIND_ETHERNET = 1;
const GROW_FLAGS = 1 | 32;
/** On the stack: bytes to write; what the tag beside the packet was. */
const [BYTES, IS_TAGGED, TPID, TCI] = [0, 8, 16, 24].map((at) => STACK.scratch + at) as [number, number, number, number];

/** What they do. */
export const MPLS_ACTIONS: Readonly<Record<MplsActionName, ActionCode>> = {
  /** Pushes a label: point to go on at, type; entry of the stack; type that the packet has. */
  pushMpls: () => [
    [asm.load(4, "r1", "r6", CONTEXT.segmentSize), asm.branch("r1", "!=", 0, "mpls-leave")],
    asm.load(4, "r1", "r6", CONTEXT.protocol),
    [ETH_TYPE.ip4, ETH_TYPE.ip6].map((type) => asm.branch("r1", "==", toNetwork16(type), "mpls-grow")),
    [asm.mov("r1", toNetwork16(ETH_TYPE.ip4)), storeBytes(TYPE_AT, 2, 0), readProtocolAgain("mpls-as-ip")],
    [asm.label("mpls-grow"), asm.mov("r1", "r6"), asm.mov("r2", LABEL_BYTES), asm.mov("r3", BEHIND_ETHERNET)],
    [asm.mov("r4", GROW_FLAGS), asm.call("skb_adjust_room"), asm.branch("r0", "!=", 0, "mpls-too-long")],
    [loadArgument("r1", "argument"), storeBytes(TYPE_AT, 2, 0)],
    [loadArgument("r1", "low"), storeBytes(ETHERNET_BYTES, LABEL_BYTES, RECOMPUTE)],
    [readProtocolAgain("mpls-pushed"), asm.jump("next")],
    [asm.label("mpls-too-long"), loadArgument("r1", "high"), storeBytes(TYPE_AT, 2, 0)],
    [asm.label("mpls-leave"), noteResumption(), asm.jump("slow-again")],
  ],
  /** Pops the outer label, unless the packet is too short to have one: type of what is beneath. */
  popMpls: () => [
    noteTag(),
    [loadArgument("r1", "argument"), storeBytes(NEXT_TYPE_AT, 2, RECOMPUTE), asm.branch("r0", "!=", 0, "next")],
    // From here on it is another packet, which must not go out when the kernel has no memory to go on.
    [asm.mov("r1", toNetwork16(ETH_TYPE.vlan)), storeBytes(TYPE_AT, 2, 0)],
    hideTag("mpls-tagged"),
    [popTag(), popTag(), popTag()],
    [asm.load(8, "r1", "r10", IS_TAGGED), asm.branch("r1", "==", 0, "next")],
    [asm.mov("r1", "r6"), asm.load(8, "r2", "r10", TPID), asm.load(8, "r3", "r10", TCI), asm.call("skb_vlan_push")],
    [orDrop(), asm.jump("next")],
  ],
};

/** @returns `undefined` when packets may differ in where the label goes, or there are too many points to go on at */
export function translatePushMpls(
  { ethType, entry }: ActionOf<"pushMpls">,
  context: TranslationContext,
): KernelAction<"pushMpls">[] | undefined {
  const { layout } = context;
  const before = layout.networkType;
  const point = resumeAt(context);
  if (before === undefined || layout.networkAt !== ETHERNET_BYTES || point === undefined) return undefined;
  layout.replaceNetwork(ethType);
  const argument = (toNetwork16(ethType) | (point << POINT_SHIFT)) >>> 0;
  return [{ what: "pushMpls", argument, low: toNetwork32(entry), high: toNetwork16(before) }];
}

/** Nothing for packets that have no label. @returns as {@link translatePushMpls} */
export function translatePopMpls(
  { ethType }: ActionOf<"popMpls">,
  { layout }: TranslationContext,
): KernelAction<"popMpls">[] | undefined {
  const before = layout.networkType;
  if (before === undefined || layout.networkAt !== ETHERNET_BYTES || isTag(ethType)) return undefined;
  if (!isMpls(before)) return [];
  layout.replaceNetwork(ethType);
  return [{ what: "popMpls", argument: toNetwork16(ethType), low: 0, high: 0 }];
}

/** Writes the first bytes of `r1`, as they lie in memory. */
function storeBytes(at: number, nBytes: number, flags: number): Code {
  return [
    [asm.store(8, "r10", BYTES, "r1"), asm.mov("r1", "r6"), asm.mov("r2", at), asm.mov("r3", "r10"), asm.add("r3", BYTES)],
    [asm.mov("r4", nBytes), asm.mov("r5", flags), asm.call("skb_store_bytes")],
  ];
}

/** Lets the kernel look at the packet's type. @param name - tells this place from others in the program */
function readProtocolAgain(name: string): Code {
  const done = `${name}-read`;
  return [
    [noteTag(), hideTag(name), popTag(), asm.load(8, "r1", "r10", IS_TAGGED), asm.branch("r1", "!=", 0, done)],
    [popTag(), asm.label(done)],
  ];
}

function noteTag(): Code {
  const note = (at: number, field: number): Code => [asm.load(4, "r1", "r6", field), asm.store(8, "r10", at, "r1")];
  return [note(TPID, CONTEXT.vlanProto), note(TCI, CONTEXT.vlanTci), note(IS_TAGGED, CONTEXT.vlanPresent)];
}

/** Puts a tag among the packet's bytes, its own or else another, and one beside them. */
function hideTag(name: string): Code {
  const push = [
    asm.mov("r1", "r6"),
    asm.mov("r2", toNetwork16(ETH_TYPE.vlan)),
    asm.mov("r3", 0),
    asm.call("skb_vlan_push"),
    orDrop(),
  ];
  return [asm.load(8, "r1", "r10", IS_TAGGED), asm.branch("r1", "!=", 0, name), push, asm.label(name), push];
}

function popTag(): Code {
  return [asm.mov("r1", "r6"), asm.call("skb_vlan_pop"), orDrop()];
}

function orDrop(): Code {
  return asm.branch("r0", "!=", 0, "done");
}

function toNetwork16(type: number): number {
  return ((type & 0xff) << 8) | (type >>> 8);
}

function toNetwork32(word: number): number {
  return ((toNetwork16(word & 0xffff) << 16) | toNetwork16(word >>> 16)) >>> 0;
}
