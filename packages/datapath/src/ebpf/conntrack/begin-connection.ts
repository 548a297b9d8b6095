/**
 * Assembly that makes a connection: it takes a free entry, fills it in, and leads both tuples to it. When another processor was
 * faster, or there is no room, the packet goes up, and the entry to who gave it.
 *
 * Leaves the entry in `r9`.
 */
import { asm, type Code } from "@tenet/bpf";
import { IP_PROTO } from "@tenet/net";
import { END_WORDS, STATUS } from "../../conntrack/connection-entry.ts";
import { PHASE } from "../../conntrack/phase.ts";
import { TUPLE } from "../../conntrack/tuple.ts";
import { loadArgument } from "../actions/action-kind.ts";
import type { ConnectionReferences } from "../program/program-maps.ts";
import { chooseAnswer, readRange } from "./choose-answer.ts";
import { claimTuple, releaseTuple } from "./claim-tuple.ts";
import { CONTROL, N_FREE_IDS } from "./control-layout.ts";
import { beginTcp } from "./follow-tcp.ts";
import { reverseTuple } from "./reverse-tuple.ts";
import { TRACK_FLAG } from "./track-argument.ts";
import { entryAt, findConnectionEntry, keep, recall, swapBytes, TRACKING, tupleAt } from "./tracking-stack.ts";

/** Tries to get an id, while other processors get some, too. */
const MAX_TRIES = 4;

/** Goes to `ct-up`, or on with a connection of which the packet is the first. */
export function beginConnection(maps: ConnectionReferences, choosesAnswers: boolean): Code {
  const ifChosen = (label: string): Code => [loadArgument("r1", "argument"), asm.branch("r1", "&", TRACK_FLAG.range, label)];
  return [
    requireRoom(maps),
    choosesAnswers ? [ifChosen("ct-range"), asm.jump("ct-no-range"), asm.label("ct-range"), requireRange(maps)] : [],
    asm.label("ct-no-range"),
    [recall("r1", TRACKING.isOver), asm.branch("r1", "!=", 0, "ct-entry")],
    [takeId(maps), keep(TRACKING.id, "r1"), keep(TRACKING.direction, 0), asm.label("ct-entry")],
    findConnectionEntry(maps.entries),
    [recall("r1", TRACKING.isOver), asm.branch("r1", "!=", 0, "ct-again")],
    asm.store(4, "r9", entryAt("status"), STATUS.beginning),
    copyTuple("original"),
    reverseTuple("reply"),
    copyTuple("reply"),
    reverseTuple("original"),
    [asm.jump("ct-fill"), asm.label("ct-again"), takeAgain(), asm.label("ct-fill")],
    [asm.store(4, "r9", entryAt("flags"), 0), asm.store(4, "r9", entryAt("mark"), 0)],
    Array.from({ length: 4 }, (_, i) => asm.store(4, "r9", entryAt("label", i), 0)),
    [asm.mov("r7", "r9"), asm.add("r7", entryAt("ends")), asm.mov("r8", "r7"), asm.add("r8", 4 * END_WORDS)],
    [recall("r1", TRACKING.proto), asm.branch("r1", "==", IP_PROTO.tcp, "ct-begins-tcp"), asm.mov("r2", PHASE.icmpFirst)],
    [asm.branch("r1", "==", IP_PROTO.icmp, "ct-begun"), asm.branch("r1", "==", IP_PROTO.icmp6, "ct-begun")],
    [
      asm.mov("r2", PHASE.otherFirst),
      asm.jump("ct-begun"),
      asm.label("ct-begins-tcp"),
      beginTcp(),
      asm.mov("r2", PHASE.tcpFirst),
    ],
    [asm.label("ct-begun"), asm.store(4, "r9", entryAt("phase"), "r2"), touch(maps)],
    [recall("r1", TRACKING.isOver), asm.branch("r1", "!=", 0, "ct-again-counted")],
    [
      recall("r1", TRACKING.id),
      asm.lsh("r1", 1),
      claimTuple(maps),
      asm.branch("r0", "!=", 0, "ct-abandon"),
      reverseTuple("again"),
    ],
    choosesAnswers ? [asm.load(8, "r7", "r10", TRACKING.action), ifChosen("ct-choose")] : [],
    [recall("r1", TRACKING.id), asm.lsh("r1", 1), asm.or("r1", 1), claimTuple(maps)],
    [asm.mov("r8", "r0"), reverseTuple("back"), asm.branch("r8", "==", 0, "ct-inserted")],
    releaseTuple(maps),
    [asm.label("ct-abandon"), asm.store(4, "r9", entryAt("status"), STATUS.abandoned), asm.jump("ct-up")],
    choosesAnswers ? choose(maps) : [],
    [
      asm.label("ct-inserted"),
      countConnection(maps),
      asm.label("ct-again-counted"),
      asm.store(4, "r9", entryAt("status"), STATUS.live),
    ],
  ];
}

/** Reads the range; a connection that is over is begun again without translation, or by this process, as one of SCTP is. */
function requireRange(maps: ConnectionReferences): Code {
  return [
    [recall("r1", TRACKING.isOver), asm.branch("r1", "!=", 0, "ct-up")],
    [recall("r1", TRACKING.proto), asm.branch("r1", "==", IP_PROTO.sctp, "ct-up"), readRange(maps)],
  ];
}

function choose(maps: ConnectionReferences): Code {
  return [
    [asm.label("ct-choose"), chooseAnswer(maps), recallOriginal(), asm.jump("ct-inserted")],
    [asm.label("ct-none-left"), recallOriginal(), releaseTuple(maps)],
    [asm.store(4, "r9", entryAt("status"), STATUS.abandoned), asm.jump("ct-up-range")],
  ];
}

/** Takes the entry of a connection that is over, when the packet comes from the side that began that, and nothing was translated. */
function takeAgain(): Code {
  return [
    [recall("r1", TRACKING.direction), asm.branch("r1", "!=", 0, "ct-up")],
    [asm.load(4, "r1", "r9", entryAt("flags")), asm.branch("r1", "!=", 0, "ct-up")],
    [asm.mov("r0", STATUS.over), asm.mov("r1", STATUS.beginning), asm.atomic("cmpxchg", 4, "r9", entryAt("status"), "r1")],
    asm.branch32("r0", "!=", STATUS.over, "ct-up"),
  ];
}

/** Sets the time at which the entry in `r9`, whose phase is in `r2`, is over; uses `r1` to `r3`. */
export function touch({ control }: ConnectionReferences): Code {
  return [
    [asm.and("r2", 15), asm.lsh("r2", 3), asm.mapValue("r1", control, CONTROL.timeouts), asm.add("r1", "r2")],
    [asm.load(8, "r1", "r1", 0), asm.load(8, "r3", "r10", TRACKING.nowNs), asm.add("r3", "r1")],
    asm.store(8, "r9", entryAt("expires"), "r3"),
  ];
}

/** Goes to `ct-stranger` when there are as many connections in the zone, or in all, as there may be; one that is over is counted, and makes room for this one. */
function requireRoom({ control }: ConnectionReferences): Code {
  const compare: Code = [recall("r1", TRACKING.isOver), asm.sub32("r3", "r1"), asm.branch32("r3", ">=", "r2", "ct-stranger")];
  return [
    [findZone(control, CONTROL.zoneLimits), asm.load(4, "r2", "r1", 0)],
    [findZone(control, CONTROL.zoneCounts), asm.load(4, "r3", "r1", 0), compare],
    [asm.mapValue("r1", control), asm.load(4, "r2", "r1", CONTROL.limit), asm.load(4, "r3", "r1", CONTROL.count), compare],
  ];
}

function countConnection({ control }: ConnectionReferences): Code {
  return [
    [findZone(control, CONTROL.zoneCounts), asm.mov("r2", 1), asm.atomic("add", 4, "r1", 0, "r2")],
    [asm.mapValue("r1", control, CONTROL.count), asm.atomic("add", 4, "r1", 0, "r2")],
  ];
}

/** Sets `r1` to the address of the zone's word; the zone is the lower half of the tuple's head. */
function findZone(control: ConnectionReferences["control"], at: number): Code {
  return [asm.load(2, "r4", "r10", tupleAt("head")), asm.lsh("r4", 2), asm.mapValue("r1", control, at), asm.add("r1", "r4")];
}

/** Leaves a free id in `r1`. */
function takeId({ control }: ConnectionReferences): Code {
  return [
    asm.mapValue("r4", control),
    Array.from({ length: MAX_TRIES }, () => [
      [asm.load(4, "r0", "r4", CONTROL.taken), asm.load(4, "r2", "r4", CONTROL.given), asm.branch("r0", "==", "r2", "ct-up")],
      [asm.mov("r2", "r0"), asm.and("r2", N_FREE_IDS - 1), asm.lsh("r2", 2), asm.mapValue("r3", control, CONTROL.freeIds)],
      [asm.add("r3", "r2"), asm.load(4, "r1", "r3", 0), asm.mov("r5", "r0"), asm.mov("r3", "r0"), asm.add32("r3", 1)],
      [asm.atomic("cmpxchg", 4, "r4", CONTROL.taken, "r3"), asm.branch32("r0", "==", "r5", "ct-id")],
    ]),
    [asm.jump("ct-up"), asm.label("ct-id")],
  ];
}

/** Copies the tuple at hand into the entry. */
function copyTuple(to: "original" | "reply"): Code {
  return [
    [recall("r1", tupleAt("head")), asm.store(4, "r9", entryAt(to), "r1")],
    Array.from({ length: TUPLE.ports }, (_, i) => [
      [recall("r1", tupleAt("src", i)), swapBytes("r1")],
      asm.store(4, "r9", entryAt(to, TUPLE.src + i), "r1"),
    ]),
  ];
}

/** Copies the entry's original tuple to that at hand. */
function recallOriginal(): Code {
  return Array.from({ length: TUPLE.ports }, (_, i) => [
    [asm.load(4, "r1", "r9", entryAt("original", TUPLE.src + i)), swapBytes("r1")],
    keep(tupleAt("src", i), "r1"),
  ]);
}
