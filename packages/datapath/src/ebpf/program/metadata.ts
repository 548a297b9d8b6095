/** What is known of a packet besides its bytes, on its way from one program to the next. */
import { asm, type Code } from "@tenet/bpf";
import { METADATA_BYTES } from "../key-layout.ts";
import { findEntry, type ProgramMaps } from "./program-maps.ts";
import { STACK } from "./stack.ts";

type MetadataMap = Pick<ProgramMaps, "metadata">;

/** Copies it from the key to where the next program takes it from. */
export function keepMetadata(maps: MetadataMap): Code {
  return [findMetadata(maps), eachWord((at) => [asm.load(8, "r1", "r10", STACK.key + at), asm.store(8, "r0", at, "r1")])];
}

/** Copies it to the key. */
export function takeMetadata(maps: MetadataMap): Code {
  return [findMetadata(maps), eachWord((at) => [asm.load(8, "r1", "r0", at), asm.store(8, "r10", STACK.key + at, "r1")])];
}

/** Its address in `r0`: the only entry there is. */
function findMetadata({ metadata }: MetadataMap): Code {
  return [asm.store(4, "r10", STACK.scratch, 0), findEntry(metadata, STACK.scratch), asm.branch("r0", "==", 0, "done")];
}

function eachWord(copy: (at: number) => Code): Code {
  return Array.from({ length: METADATA_BYTES / 8 }, (_, i) => copy(8 * i));
}
