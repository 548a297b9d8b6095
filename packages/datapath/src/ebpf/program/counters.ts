/** What the program counts. */
import { asm, type Code } from "@tenet/bpf";
import { CONTEXT } from "./parse-packet.ts";
import { findEntry, type ProgramMaps } from "./program-maps.ts";

/**
 * What is counted of a port, 8 bytes each: packets sent up, taken in by this process and held back, then the packets and bytes that
 * the program forwarded from and to it.
 */
export const PORT_COUNTERS = {
  sent: 0,
  taken: 8,
  held: 16,
  rxPackets: 24,
  rxBytes: 32,
  txPackets: 40,
  txBytes: 48,
  sizeBytes: 64,
} as const;

/** Counts the packet at the port whose number is on the stack; `name` tells this place from others in the program. */
export function countPort({ counters }: Pick<ProgramMaps, "counters">, portAt: number, side: "rx" | "tx", name: string): Code {
  const place = `counted-${name}`;
  return [
    findEntry(counters, portAt),
    asm.branch("r0", "==", 0, place),
    countPacket("r0", PORT_COUNTERS[`${side}Packets`], PORT_COUNTERS[`${side}Bytes`]),
    asm.label(place),
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
