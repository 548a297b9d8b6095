/** Assembly that leads tuples to entries in the index of connections; the tuple is that on the stack. */
import { asm, type Code } from "@tenet/bpf";
import type { ConnectionReferences } from "../program/program-maps.ts";
import { keep, TRACKING } from "./tracking-stack.ts";

const ONLY_IF_NEW = 1;

type IndexReference = Pick<ConnectionReferences, "index">;

/** Leads the tuple to what is in `r1`; `r0` is 0 when nobody else has it. */
export function claimTuple({ index }: IndexReference): Code {
  return [
    [keep(TRACKING.value, "r1"), asm.mapAddress("r1", index), asm.mov("r2", "r10"), asm.add("r2", TRACKING.tuple)],
    [asm.mov("r3", "r10"), asm.add("r3", TRACKING.value), asm.mov("r4", ONLY_IF_NEW), asm.call("map_update_elem")],
  ];
}

/** Leads the tuple nowhere. */
export function releaseTuple({ index }: IndexReference): Code {
  return [asm.mapAddress("r1", index), asm.mov("r2", "r10"), asm.add("r2", TRACKING.tuple), asm.call("map_delete_elem")];
}
