/** Sends packets to ports. */
import { asm, type Code } from "@tenet/bpf";
import { CONTEXT } from "../program/context.ts";
import { countPacket, findCounters, PORT_COUNTERS } from "../program/counters.ts";
import { INGRESS } from "../program/go-up.ts";
import type { ProgramMaps } from "../program/program-maps.ts";
import { STACK } from "../program/stack.ts";
import { type ActionCode, type ActionOf, type KernelAction, loadArgument, type TranslationContext } from "./action-kind.ts";
import { ETHERNET_BYTES } from "./frame-layout.ts";
import { sendInto, type TunnelActionName } from "./tunnel.ts";

/** Actions of this file. */
export type OutputActionName = "copy" | "send";

/** PACKET_HOST. */
const FOR_THIS_HOST = 0;

/** Both: device; flags of `redirect`, port. */
export const OUTPUT_ACTIONS: Readonly<Record<OutputActionName, ActionCode>> = {
  /** Sends a copy. */
  copy: (maps) => [
    [countOutput(maps, "counted"), asm.label("counted")],
    [asm.mov("r1", "r6"), loadArgument("r2", "argument"), loadArgument("r3", "low"), asm.call("clone_redirect")],
    asm.jump("next"),
  ],
  /** Sends the packet, and ends. */
  send: (maps) => [
    [countOutput(maps, "by-device"), bypass("by-device")],
    [asm.label("by-device"), loadArgument("r1", "argument"), loadArgument("r2", "low"), asm.call("redirect"), asm.exit()],
  ],
};

/** @returns `undefined` when the port cannot be reached from the program */
export function translateOutput(
  { port }: ActionOf<"output">,
  { isLast, portOf, pathInto, outer }: TranslationContext,
): KernelAction<OutputActionName | TunnelActionName>[] | undefined {
  const to = portOf(port);
  if (to === undefined) {
    const path = outer === undefined ? undefined : pathInto(port, outer);
    return path === undefined ? undefined : [sendInto(path, isLast)];
  }
  return [{ what: isLast ? "send" : "copy", argument: to.ifindex, low: to.isInternal ? INGRESS : 0, high: port }];
}

/** Counts the packet; goes on with the port's counters in `r0`, or to `absent`. */
function countOutput({ counters }: Pick<ProgramMaps, "counters">, absent: string): Code {
  return [
    [loadArgument("r1", "high"), asm.store(8, "r10", STACK.scratch, "r1")],
    findCounters(counters, STACK.scratch, absent),
    countPacket("r0", PORT_COUNTERS.txPackets, PORT_COUNTERS.txBytes),
  ];
}

/**
 * Hands the packet to the other end of the port's cable, and ends; or goes to `otherwise`, when that could be told from sending it there.
 *
 * A packet has to be one for the host there, which it is told: kernels before 6.15 do not look, later ones take it for granted. It takes the type that it has noted for the packet's own, and
 * looks at no length. What is about to leave a device it does not hand over.
 *
 * Registers: `r0` counters of the port; uses `r1` to `r5`.
 */
function bypass(otherwise: string): Code {
  return [
    [asm.load(8, "r1", "r0", PORT_COUNTERS.bypass), asm.branch("r1", "==", 0, otherwise)],
    [asm.load(4, "r2", "r6", CONTEXT.isLeaving), asm.branch("r2", "!=", 0, otherwise)],
    [asm.load(4, "r2", "r6", CONTEXT.data), asm.load(4, "r3", "r6", CONTEXT.dataEnd)],
    [asm.mov("r4", "r2"), asm.add("r4", ETHERNET_BYTES), asm.branch("r4", ">", "r3", otherwise)],
    [asm.load(8, "r3", "r2", 0), asm.xor("r3", "r1"), asm.lsh("r3", 16), asm.branch("r3", "!=", 0, otherwise)],
    [asm.load(2, "r2", "r2", 12), asm.load(4, "r3", "r6", CONTEXT.protocol), asm.branch("r2", "!=", "r3", otherwise)],
    [asm.rsh("r1", 48), asm.load(4, "r2", "r6", CONTEXT.length), asm.branch("r2", "<=", "r1", "fits")],
    [asm.load(4, "r2", "r6", CONTEXT.segmentSize), asm.branch("r2", "==", 0, otherwise), asm.label("fits")],
    // A mark would not have come through the cable.
    [asm.mov("r1", 0), asm.store(4, "r6", CONTEXT.mark, "r1")],
    [asm.mov("r1", "r6"), asm.mov("r2", FOR_THIS_HOST), asm.call("skb_change_type")],
    [loadArgument("r1", "argument"), asm.mov("r2", 0), asm.call("redirect_peer"), asm.exit()],
  ];
}
