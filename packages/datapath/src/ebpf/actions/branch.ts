/**
 * Two lists, of which one is carried out, by the packet's length: they lie one behind the other in the slot, and what is not to be
 * carried out is skipped.
 */
import { asm, type Code } from "@tenet/bpf";
import { IP_PROTO } from "@tenet/net";
import { CONTEXT } from "../program/parse-packet.ts";
import { PROTO_AT, STACK } from "../program/stack.ts";
import { type ActionCode, type KernelAction, loadArgument } from "./action-kind.ts";

/** Actions of this file. */
export type BranchActionName = "unlessLonger" | "skip";

const ETHERNET_BYTES = 14;
const UDP_BYTES = 8;
/** Where a TCP header says how long it is, in its upper four bits in units of four bytes. */
const TCP_LENGTH_AT = 12;

/** What they do. */
export const BRANCH_ACTIONS: Readonly<Record<BranchActionName, ActionCode>> = {
  /** Skips actions unless the packet has more bytes: bytes; how many actions; where the network header begins. */
  unlessLonger: () => [packetSize(), loadArgument("r2", "argument"), asm.branch("r1", ">", "r2", "next"), skip()],
  /** Skips: how many. */
  skip: () => skip(),
};

/** What carries out `longer` for packets of more than so many bytes, else `others`. */
export function branchByLength<Name extends string>(
  sizeBytes: number,
  networkAt: number,
  longer: readonly KernelAction<Name>[],
  others: readonly KernelAction<Name>[],
): KernelAction<Name | BranchActionName>[] {
  return [
    { what: "unlessLonger", argument: sizeBytes, low: longer.length + 1, high: networkAt },
    ...longer,
    { what: "skip", argument: 0, low: others.length, high: 0 },
    ...others,
  ];
}

function skip(): Code {
  return [loadArgument("r1", "low"), asm.and("r1", 0xf), asm.add("r8", "r1"), asm.jump("next")];
}

/** In `r1`: of a packet that is yet to be cut into segments, the size of one. */
function packetSize(): Code {
  return [
    asm.load(4, "r2", "r6", CONTEXT.segmentSize),
    asm.branch("r2", "!=", 0, "bundle"),
    [asm.load(4, "r1", "r6", CONTEXT.length), asm.jump("tag")],
    [asm.label("bundle"), asm.load(8, "r1", "r10", STACK.transportAt), loadArgument("r3", "high"), asm.add("r1", "r3")],
    [asm.sub("r1", ETHERNET_BYTES), asm.add("r2", "r1"), asm.store(8, "r10", STACK.scratch + 8, "r2"), asm.mov("r0", UDP_BYTES)],
    [asm.load(1, "r2", "r10", PROTO_AT), asm.branch("r2", "!=", IP_PROTO.tcp, "headers")],
    [asm.mov("r2", "r1"), asm.add("r2", TCP_LENGTH_AT), asm.mov("r1", "r6"), asm.mov("r3", "r10"), asm.add("r3", STACK.scratch)],
    [asm.mov("r4", 1), asm.call("skb_load_bytes"), asm.load(1, "r0", "r10", STACK.scratch)],
    [asm.rsh("r0", 4), asm.lsh("r0", 2)],
    [asm.label("headers"), asm.load(8, "r1", "r10", STACK.scratch + 8), asm.add("r1", "r0")],
    [asm.label("tag"), asm.load(4, "r2", "r6", CONTEXT.vlanPresent), asm.lsh("r2", 2), asm.add("r1", "r2")],
  ];
}
