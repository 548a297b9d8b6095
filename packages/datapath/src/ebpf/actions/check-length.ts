/**
 * A choice by the packet's length. Longer packets are the exception (somebody is to be told that they are too long): they go up in the
 * middle of their list, and this process makes the choice. The program goes on with the list for the others, which lies behind.
 */
import { asm, type Code } from "@tenet/bpf";
import { IP_PROTO } from "@tenet/net";
import { noteResumption } from "../conntrack/track.ts";
import { POINT_SHIFT } from "../conntrack/track-argument.ts";
import { CONTEXT } from "../program/context.ts";
import { PROTO_AT, STACK } from "../program/stack.ts";
import { type ActionCode, type KernelAction, loadArgument, type TranslationContext } from "./action-kind.ts";
import { resumeAt } from "./leave.ts";

/** Actions of this file. */
export type CheckLengthActionName = "leaveLonger";

const ETHERNET_BYTES = 14;
const UDP_BYTES = 8;
/** Where a TCP header says how long it is, in its upper four bits in units of four bytes. */
const TCP_LENGTH_AT = 12;

/** What they do. */
export const CHECK_LENGTH_ACTIONS: Readonly<Record<CheckLengthActionName, ActionCode>> = {
  /** Leaves packets of more bytes to this process: point to go on at; bytes; where the network header begins. */
  leaveLonger: () => [
    packetSize(),
    [loadArgument("r2", "low"), asm.branch("r1", "<=", "r2", "next")],
    [noteResumption(), asm.jump("slow-again")],
  ],
};

/** @returns `undefined` when a packet cannot be left to this process here */
export function leaveLonger(sizeBytes: number, context: TranslationContext): KernelAction<CheckLengthActionName> | undefined {
  const { networkAt, isNetworkRead } = context.layout;
  const point = resumeAt(context);
  if (networkAt === undefined || !isNetworkRead || point === undefined) return undefined;
  return { what: "leaveLonger", argument: (point << POINT_SHIFT) >>> 0, low: sizeBytes, high: networkAt };
}

/** In `r1`: of a packet that is yet to be cut into segments, the size of one. */
function packetSize(): Code {
  const [byte, segment] = [STACK.scratch, STACK.scratch + 8];
  return [
    asm.load(4, "r2", "r6", CONTEXT.segmentSize),
    asm.branch("r2", "!=", 0, "bundle"),
    [asm.load(4, "r1", "r6", CONTEXT.length), asm.jump("tag")],
    [asm.label("bundle"), asm.load(8, "r1", "r10", STACK.transportAt), loadArgument("r3", "high"), asm.add("r1", "r3")],
    [
      asm.sub("r1", ETHERNET_BYTES),
      asm.add("r2", "r1"),
      asm.store(8, "r10", segment, "r2"),
      asm.store(8, "r10", byte, 0),
      asm.mov("r0", UDP_BYTES),
    ],
    [asm.load(1, "r2", "r10", PROTO_AT), asm.branch("r2", "!=", IP_PROTO.tcp, "headers")],
    [asm.mov("r2", "r1"), asm.add("r2", TCP_LENGTH_AT), asm.mov("r1", "r6"), asm.mov("r3", "r10"), asm.add("r3", byte)],
    [asm.mov("r4", 1), asm.call("skb_load_bytes"), asm.load(1, "r0", "r10", byte), asm.rsh("r0", 4), asm.lsh("r0", 2)],
    [asm.label("headers"), asm.load(8, "r1", "r10", segment), asm.add("r1", "r0")],
    [asm.label("tag"), asm.load(4, "r2", "r6", CONTEXT.vlanPresent), asm.lsh("r2", 2), asm.add("r1", "r2")],
  ];
}
