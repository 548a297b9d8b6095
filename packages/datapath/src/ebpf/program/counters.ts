/** What the program counts. */
import { asm, type Code, type MapReference } from "@tenet/bpf";
import { CONTEXT } from "./context.ts";
import { findInPieces, type ProgramMaps } from "./program-maps.ts";
import { STACK } from "./stack.ts";

/** Ports whose counters' memory is taken at a time. */
export const PORTS_PER_PIECE = 4096;

/**
 * What is counted of a port, 8 bytes each: packets sent up, taken in by this process and held back, then the packets and bytes that
 * the program forwarded from and to it; and the word by which it may go past the port's device (see device-bypass.ts).
 */
export const PORT_COUNTERS = {
  sent: 0,
  taken: 8,
  held: 16,
  rxPackets: 24,
  rxBytes: 32,
  txPackets: 40,
  txBytes: 48,
  bypass: 56,
  sizeBytes: 64,
} as const;

/** Sets `r0` to the address of the counters of the port whose number is on the stack, or goes to `absent`; uses the scratch's first 8 bytes. */
export function findCounters(counters: MapReference, portAt: number, absent: string): Code {
  return [asm.load(4, "r1", "r10", portAt), findInPieces(counters, PORTS_PER_PIECE, STACK.scratch, absent)];
}

/** Counts the packet at the port whose number is on the stack, where it came in. */
export function countReceived({ counters }: Pick<ProgramMaps, "counters">, portAt: number): Code {
  return [
    findCounters(counters, portAt, "received"),
    countPacket("r0", PORT_COUNTERS.rxPackets, PORT_COUNTERS.rxBytes),
    asm.label("received"),
  ];
}

/** Adds a packet and its bytes to counters at an address. A tag counts, though the kernel keeps it beside the packet. */
export function countPacket(at: "r0" | "r9", packets: number, bytes: number): Code {
  return [
    [asm.mov("r1", 1), asm.atomic("add", 8, at, packets, "r1")],
    [
      asm.load(4, "r1", "r6", CONTEXT.length),
      asm.load(4, "r2", "r6", CONTEXT.vlanPresent),
      asm.lsh("r2", 2),
      asm.add("r1", "r2"),
    ],
    asm.atomic("add", 8, at, bytes, "r1"),
  ];
}
