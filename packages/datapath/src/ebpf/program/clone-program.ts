/** The program that carries out a list of a flow's on a copy of the packet, see actions/clone.ts. */
import { asm, type Code, type MapReference, VERDICT } from "@tenet/bpf";
import { type ActionName, carryOutFrom } from "../actions/actions.ts";
import { SLOT, SLOTS_PER_PIECE } from "../slot.ts";
import { CONTEXT } from "./context.ts";
import { goUpAgain } from "./go-up.ts";
import { KEPT, takeAll } from "./metadata.ts";
import { findInPieces, type ProgramMaps } from "./program-maps.ts";
import { STACK } from "./stack.ts";

/** Assembles the program for flows with these actions. What the host itself sends by the pair is dropped. */
export function cloneProgram(actions: ReadonlySet<ActionName>, maps: ProgramMaps): Code {
  return [
    [
      asm.mov("r6", "r1"),
      asm.mov("r1", 1),
      asm.store(4, "r6", CONTEXT.isLeaving, "r1"),
      takeAll(maps),
      asm.load(8, "r8", "r0", KEPT.list),
      asm.store(8, "r0", KEPT.list, 0),
    ],
    asm.branch("r8", "==", 0, "done"),
    asm.load(8, "r1", "r10", STACK.slot),
    [findInPieces(maps.slots, SLOTS_PER_PIECE, STACK.scratch, "done"), asm.mov("r9", "r0")],
    // So that the verifier knows the index, and does not try every action at every place.
    Array.from({ length: SLOT.maxActions }, (_, i) => asm.branch("r8", "==", i, "act")),
    asm.jump("done"),
    [asm.label("slow-again"), goUpAgain(maps)],
    carryOutFrom(actions, maps),
    [asm.label("done"), asm.mov("r0", VERDICT.drop), asm.exit()],
  ];
}

/** The program on the device that copies are sent by: it goes on with that of {@link cloneProgram} at once. */
export function copierProgram(entry: MapReference): Code {
  return [asm.mapAddress("r2", entry), asm.mov("r3", 0), asm.call("tail_call"), asm.mov("r0", VERDICT.drop), asm.exit()];
}
