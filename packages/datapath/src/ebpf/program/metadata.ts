/**
 * What is known of a packet besides its bytes, on its way from one program to the next.
 *
 *  | metadata, as in the key | slot 4 | index of the action 4 |    the latter for the program that tracks
 */
import { asm, type Code } from "@tenet/bpf";
import { METADATA_BYTES } from "../key-layout.ts";
import { findEntry, type ProgramMaps } from "./program-maps.ts";
import { STACK } from "./stack.ts";

type MetadataMap = Pick<ProgramMaps, "metadata">;

/** Where the slot and the action's index are, for the program that tracks; bytes of all. */
export const TRACKED: Readonly<Record<"slot" | "index" | "sizeBytes", number>> = {
  slot: METADATA_BYTES,
  index: METADATA_BYTES + 4,
  sizeBytes: METADATA_BYTES + 8,
};

/** Copies it from the key to where the next program takes it from, whose address is in `r0` then. */
export function keepMetadata(maps: MetadataMap): Code {
  return [findMetadata(maps), eachWord((at) => [asm.load(8, "r1", "r10", STACK.key + at), asm.store(8, "r0", at, "r1")])];
}

/** Copies it to the key; `r0` is the address of what it was in. */
export function takeMetadata(maps: MetadataMap): Code {
  return [findMetadata(maps), eachWord((at) => [asm.load(8, "r1", "r0", at), asm.store(8, "r10", STACK.key + at, "r1")])];
}

/** Its address in `r0`: the only entry there is. */
function findMetadata({ metadata }: MetadataMap): Code {
  return [asm.store(8, "r10", STACK.scratch, 0), findEntry(metadata, STACK.scratch), asm.branch("r0", "==", 0, "done")];
}

function eachWord(copy: (at: number) => Code): Code {
  return Array.from({ length: METADATA_BYTES / 8 }, (_, i) => copy(8 * i));
}
