/**
 * Sets ports of SCTP, whose checksum is a CRC32c, as `changeSctp` does in this process: a checksum that was wrong stays as wrong, and
 * one that a device is yet to add is left alone.
 *
 * The action's argument: | where the length is 1 | where the network header begins 1 | bytes that the length is short of 1 | - 1 |; those bytes
 * are what the place of the transport header, from the packet's first byte when it was read, has too many. Then the bits to set, and those to keep.
 */
import { asm, type Code, type MapReference } from "@tenet/bpf";
import { SCTP_CHECKSUM_AT } from "../../packet/sctp-checksum.ts";
import { STACK } from "../program/stack.ts";
import type { ActionCode } from "./action-kind.ts";
import { timesBytes } from "./crc32c.ts";
import { ETHERNET_BYTES } from "./frame-layout.ts";
import { AFTER, ARGUMENT, BEFORE, loadByte, RECOMPUTE, replace, storeWord, transportAt, WHERE, loadWord } from "./set-word.ts";

/** Actions of this file. */
export type SetSctpActionName = "setSctpPorts";

const LEVEL = { query: 0, increase: 1, decrease: 2 } as const;
/** Where an IP header has the length, and by how much that is less than the bytes from the packet's first on. */
const LENGTH = { 4: { at: 2, lacks: ETHERNET_BYTES }, 6: { at: 4, lacks: ETHERNET_BYTES + 40 } } as const;

/** What it does. */
export const SET_SCTP_ACTIONS: Readonly<Record<SetSctpActionName, ActionCode>> = {
  /** Nothing is done to a packet without a transport header. */
  setSctpPorts: ({ crcProducts }) => [
    [transportAt(), asm.store(8, "r10", WHERE, "r2"), replace(RECOMPUTE)],
    unlessPartial("next"),
    [asm.load(4, "r1", "r10", BEFORE), asm.load(4, "r2", "r10", AFTER), asm.xor("r1", "r2"), asm.store(8, "r10", AFTER, "r1")],
    changeOfChecksum(crcProducts),
    [asm.load(8, "r1", "r10", WHERE), asm.add("r1", SCTP_CHECKSUM_AT), asm.store(8, "r10", WHERE, "r1")],
    [loadWord(), asm.load(4, "r1", "r10", BEFORE), asm.load(4, "r2", "r10", AFTER), asm.xor("r1", "r2")],
    [asm.store(8, "r10", AFTER, "r1"), storeWord(asm.mov("r5", RECOMPUTE)), asm.jump("next")],
  ],
};

/** The action's argument. */
export function sctpArgument(networkAt: number, family: 4 | 6): number {
  const { at, lacks } = LENGTH[family];
  return (networkAt + at) | (networkAt << 8) | (lacks << 16);
}

/**
 * Goes on with a packet whose checksum is complete. The program is not told, but what changes the note that a device has verified the checksum
 * does so for packets that nobody has looked at, too, and what changes a device's sum for those that have one alone.
 */
function unlessPartial(partial: string): Code {
  const level = (what: keyof typeof LEVEL): Code => [asm.mov("r1", "r6"), asm.mov("r2", LEVEL[what]), asm.call("csum_level")];
  return [
    [level("query"), asm.branch("r0", "s>=", 0, "sctp-complete")],
    [level("increase"), level("query"), asm.branch("r0", "s<", 0, "sctp-summed")],
    [level("decrease"), asm.jump("sctp-complete")],
    [asm.label("sctp-summed"), asm.mov("r1", "r6"), asm.mov("r2", 0), asm.call("csum_update")],
    [asm.branch("r0", "s<", 0, partial), asm.label("sctp-complete")],
  ];
}

/** Of the difference in `AFTER`, which it takes the place of. */
function changeOfChecksum(products: MapReference): Code {
  return [
    [
      asm.store(8, "r10", BEFORE, 0),
      asm.mov("r1", "r6"),
      loadByte("r2", ARGUMENT.where),
      asm.mov("r3", "r10"),
      asm.add("r3", BEFORE),
    ],
    [asm.mov("r4", 2), asm.call("skb_load_bytes"), asm.load(8, "r1", "r10", BEFORE), asm.toBigEndian(16, "r1")],
    [loadByte("r2", ARGUMENT.checksumAt), asm.add("r1", "r2"), asm.load(8, "r2", "r10", STACK.transportAt), asm.sub("r1", "r2")],
    [asm.mov("r2", "r1"), asm.load(8, "r1", "r10", AFTER), timesBytes(products), asm.store(8, "r10", AFTER, "r0")],
  ];
}
