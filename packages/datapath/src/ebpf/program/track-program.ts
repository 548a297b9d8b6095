/**
 * The program that tracks a packet of a flow, and then goes on with the flow's actions. It is one of its own since the kernel
 * verifies it once, where the tracking inside of the loop over actions would be verified anew for each place that it may have in a list.
 */
import { asm, type Code, VERDICT } from "@tenet/bpf";
import { type ActionName, carryOutFrom, groupsReadFor } from "../actions/actions.ts";
import { unlearnConnection } from "../actions/recirculation.ts";
import { noteResumption, restore, track } from "../conntrack/track.ts";
import { TRACKING } from "../conntrack/tracking-stack.ts";
import { METADATA_BYTES } from "../key-layout.ts";
import { SLOT, SLOTS_PER_PIECE } from "../slot.ts";
import { clear, unlearnRead } from "./flow-program.ts";
import { goUpAgain } from "./go-up.ts";
import { takeMetadata, KEPT } from "./metadata.ts";
import { PacketParser } from "./parse-packet.ts";
import { type ConnectionReferences, findInPieces, type ProgramMaps } from "./program-maps.ts";
import { STACK } from "./stack.ts";

/** Assembles the program for flows with these actions. */
export function trackProgram(actions: ReadonlySet<ActionName>, maps: ProgramMaps, connections: ConnectionReferences): Code {
  return [
    [asm.mov("r6", "r1"), takeMetadata(maps)],
    [asm.load(4, "r8", "r0", KEPT.index), asm.branch("r8", ">=", SLOT.maxActions, "done")],
    [asm.load(4, "r1", "r0", KEPT.slot), asm.store(8, "r10", STACK.slot, "r1"), clear(METADATA_BYTES)],
    [findInPieces(maps.slots, SLOTS_PER_PIECE, STACK.scratch, "done"), asm.mov("r9", "r0")],
    [asm.mov("r7", "r8"), asm.mul("r7", SLOT.actionBytes), asm.add("r7", "r9")],
    track(connections, { translates: actions.has("trackNat"), choosesAnswers: actions.has("trackRange") }),
    [asm.label("tracked"), unlearnConnection()],
    readAgain(actions),
    // So that the verifier knows the index, and does not try every action at every place.
    Array.from({ length: SLOT.maxActions }, (_, i) => asm.branch("r8", "==", i, "next")),
    asm.jump("done"),
    [asm.label("slow-again"), goUpAgain(maps)],
    carryOutFrom(actions, maps),
    [asm.label("done"), asm.mov("r0", VERDICT.drop), asm.exit()],
  ];
}

/** What actions ask for; when the packet cannot be read, this process goes on behind the tracking. */
function readAgain(actions: ReadonlySet<ActionName>): Code {
  const groups = new Set(groupsReadFor(actions));
  if (groups.size === 0) return [];
  return [
    [new PacketParser(groups.add("type"), STACK.key, STACK.transportAt).code(), asm.jump("read-again")],
    [asm.label("slow"), asm.load(8, "r7", "r10", TRACKING.action), noteResumption(1), asm.jump("slow-again")],
    [asm.label("read-again"), unlearnRead(actions), restore()],
  ];
}
