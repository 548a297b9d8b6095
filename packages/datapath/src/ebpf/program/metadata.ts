/**
 * What is known of a packet besides its bytes, on its way from one program to the next.
 *
 *  | metadata, as in the key | slot 4 | index of the action 4 |    the latter two for the program that tracks
 *  | the rest of the key | where the transport header begins 8 | where a copy's list begins, 0: none 8 |    for copies, with the slot
 */
import { asm, type Code } from "@tenet/bpf";
import { KEY_BYTES, METADATA_BYTES } from "../key-layout.ts";
import { findEntry, type ProgramMaps } from "./program-maps.ts";
import { STACK } from "./stack.ts";

type MetadataMap = Pick<ProgramMaps, "metadata">;

const TRACKED_BYTES = 8;

/** Where what comes behind the metadata is; bytes of all. */
export const KEPT: Readonly<Record<"slot" | "index" | "transportAt" | "list" | "sizeBytes", number>> = {
  slot: METADATA_BYTES,
  index: METADATA_BYTES + 4,
  transportAt: KEY_BYTES + TRACKED_BYTES,
  list: KEY_BYTES + TRACKED_BYTES + 8,
  sizeBytes: KEY_BYTES + TRACKED_BYTES + 16,
};

/** Copies it from the key to where the next program takes it from, whose address is in `r0` then. */
export function keepMetadata(maps: MetadataMap): Code {
  return [findMetadata(maps), eachWord(0, METADATA_BYTES, (at) => keep(STACK.key + at, at))];
}

/** Copies it to the key; `r0` is the address of what it was in. */
export function takeMetadata(maps: MetadataMap): Code {
  return [findMetadata(maps), eachWord(0, METADATA_BYTES, (at) => take(STACK.key + at, at))];
}

/** As {@link keepMetadata}, with all that was read of the packet, and the slot. */
export function keepAll(maps: MetadataMap): Code {
  return [keepMetadata(maps), eachRead(keep), asm.load(8, "r1", "r10", STACK.slot), asm.store(4, "r0", KEPT.slot, "r1")];
}

/** Copies to the stack what {@link keepAll} has copied. */
export function takeAll(maps: MetadataMap): Code {
  return [takeMetadata(maps), eachRead(take), asm.load(4, "r1", "r0", KEPT.slot), asm.store(8, "r10", STACK.slot, "r1")];
}

/** Its address in `r0`: the only entry there is. */
function findMetadata({ metadata }: MetadataMap): Code {
  return [asm.store(8, "r10", STACK.scratch, 0), findEntry(metadata, STACK.scratch), asm.branch("r0", "==", 0, "done")];
}

/** Of what was read: words of the key, and where the transport header begins. */
function eachRead(copy: (onStack: number, at: number) => Code): Code {
  return [
    eachWord(METADATA_BYTES, KEY_BYTES, (at) => copy(STACK.key + at, at + TRACKED_BYTES)),
    copy(STACK.transportAt, KEPT.transportAt),
  ];
}

function keep(onStack: number, at: number): Code {
  return [asm.load(8, "r1", "r10", onStack), asm.store(8, "r0", at, "r1")];
}

function take(onStack: number, at: number): Code {
  return [asm.load(8, "r1", "r0", at), asm.store(8, "r10", onStack, "r1")];
}

function eachWord(from: number, end: number, copy: (at: number) => Code): Code {
  return Array.from({ length: (end - from) / 8 }, (_, i) => copy(from + 8 * i));
}
