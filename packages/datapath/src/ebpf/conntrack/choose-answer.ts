/**
 * Assembly that chooses what the answers of a connection look like that is to be translated, as `chooseReply` does in this process: the
 * same candidates in the same order, see conntrack/nat.ts. One that nobody has is claimed by leading its tuple to the connection.
 */
import { asm, type Code } from "@tenet/bpf";
import { IP_PROTO } from "@tenet/net";
import { ENTRY_FLAG } from "../../conntrack/connection-entry.ts";
import { TUPLE, TUPLE_MIX } from "../../conntrack/tuple.ts";
import { loadArgument } from "../actions/action-kind.ts";
import type { ConnectionReferences } from "../program/program-maps.ts";
import { SLOT } from "../slot.ts";
import { claimTuple } from "./claim-tuple.ts";
import { CONTROL } from "./control-layout.ts";
import { RANGE_ACTIONS, RANGE_COUNT_SHIFT, RANGE_FAMILY_SHIFT, RANGE_FLAG, RANGE_WORD } from "./nat-range.ts";
import { LABEL_ACTIONS, TRACK_FLAG, wordBehind } from "./track-argument.ts";
import { CHOICE, entryAt, keep, recall, swapBytes, TRACKING, tupleAt } from "./tracking-stack.ts";

/** Candidates that are tried. */
const MAX_TRIES = 16;

type Side = "src" | "dst";

/** Reads the range behind the action at `r7`, and hashes the tuple at hand; goes to `ct-up` with a packet of another family than the range's. */
export function readRange({ control }: ConnectionReferences): Code {
  const load = (word: number): Code => asm.load(4, "r1", "r3", wordBehind(word));
  return [
    [loadArgument("r1", "argument"), asm.and("r1", TRACK_FLAG.label), asm.rsh("r1", Math.log2(TRACK_FLAG.label))],
    [asm.mul("r1", LABEL_ACTIONS), asm.load(8, "r2", "r10", TRACKING.index), asm.add("r1", "r2")],
    [asm.branch("r1", ">=", SLOT.maxActions - RANGE_ACTIONS, "ct-up"), asm.mul("r1", SLOT.actionBytes)],
    [asm.load(8, "r3", "r10", TRACKING.slot), asm.add("r3", "r1"), load(RANGE_WORD.flags), keep(CHOICE.flags, "r1")],
    [asm.mov("r2", "r1"), asm.rsh("r2", RANGE_FAMILY_SHIFT), asm.and("r2", 0xff), recall("r4", tupleAt("head"))],
    [asm.rsh("r4", 24), asm.branch("r2", "!=", "r4", "ct-up"), asm.rsh("r1", RANGE_COUNT_SHIFT), keep(CHOICE.nAddresses, "r1")],
    [load(RANGE_WORD.ports), asm.mov("r2", "r1"), asm.and("r2", 0xffff), keep(CHOICE.portBase, "r2")],
    [asm.rsh("r1", 16), asm.add("r1", 1), keep(CHOICE.nPorts, "r1")],
    [0, 1, 2, 3].map((i) => [load(RANGE_WORD.address + i), keep(CHOICE.address + 4 * i, "r1")]),
    [asm.mapValue("r1", control, CONTROL.seed), asm.load(4, "r1", "r1", 0), hashTuple(), keep(CHOICE.hash, "r1")],
  ];
}

/** From the seed to the hash of the tuple at hand, in `r1`; without its ports when the choice is not to depend on them. */
function hashTuple(): Code {
  const { word, rotation, last } = TUPLE_MIX;
  return [
    Array.from({ length: TUPLE.ports + 1 }, (_, i) => [
      [recall("r2", TRACKING.tuple + 4 * i), i === TUPLE.head ? [] : swapBytes("r2"), i === TUPLE.ports ? forgetPorts() : []],
      [asm.xor32("r1", "r2"), asm.mul32("r1", word), asm.mov32("r2", "r1")],
      [asm.lsh32("r1", rotation), asm.rsh32("r2", 32 - rotation), asm.or32("r1", "r2")],
    ]),
    [asm.mov32("r2", "r1"), asm.rsh32("r2", 16), asm.xor32("r1", "r2"), asm.mul32("r1", last)],
    [asm.mov32("r2", "r1"), asm.rsh32("r2", 13), asm.xor32("r1", "r2")],
  ];
}

function forgetPorts(): Code {
  const label = "ct-hash-ports";
  return [
    recall("r3", CHOICE.flags),
    asm.and("r3", RANGE_FLAG.isPersistent),
    asm.branch("r3", "==", 0, label),
    asm.mov("r2", 0),
    asm.label(label),
  ];
}

/**
 * Claims a tuple of answers for the entry in `r9`, which has that without translation, as the tuple at hand is; notes it in the entry. When
 * nothing is left, or all that was tried is taken, it goes to `ct-none-left`.
 */
export function chooseAnswer(maps: ConnectionReferences): Code {
  return [
    [recall("r1", CHOICE.flags), asm.branch("r1", "&", ENTRY_FLAG.sourceNat, "ct-choose-src")],
    [choosePorts("dst"), tryCandidates("dst", maps), asm.label("ct-choose-src"), choosePorts("src"), tryCandidates("src", maps)],
    [asm.label("ct-chosen"), noteAnswer()],
  ];
}

/** Where the port of that side is in the tuple at hand, which is that of answers. */
function portAt(side: Side): number {
  return tupleAt("ports") + (side === "src" ? 2 : 0);
}

/** Which port is the first, and where the others begin. */
function choosePorts(side: Side): Code {
  const [some, hashed, begun, own] = [`ct-ports-${side}`, `ct-hashed-${side}`, `ct-ports-begin-${side}`, `ct-own-${side}`];
  return [
    [asm.load(2, "r5", "r10", portAt(side)), asm.toBigEndian(16, "r5"), recall("r1", TRACKING.proto)],
    [asm.branch("r1", "==", IP_PROTO.tcp, some), asm.branch("r1", "==", IP_PROTO.udp, some), keep(CHOICE.nPorts, 1)],
    [recall("r1", CHOICE.flags), asm.or("r1", RANGE_FLAG.keepsOwnPort), keep(CHOICE.flags, "r1"), asm.label(some)],
    [recall("r1", CHOICE.flags), asm.and("r1", RANGE_FLAG.isRandom), asm.branch("r1", "==", 0, hashed)],
    [asm.mov("r8", "r5"), asm.call("get_prandom_u32"), asm.mov("r5", "r8"), asm.mov32("r1", "r0"), asm.jump(begun)],
    [asm.label(hashed), asm.mov32("r1", "r5"), recall("r2", CHOICE.portBase), asm.sub32("r1", "r2"), recall("r3", CHOICE.nPorts)],
    [asm.branch("r1", "<", "r3", begun), recall("r1", CHOICE.hash), asm.label(begun), recall("r3", CHOICE.nPorts)],
    [
      asm.mod("r1", "r3"),
      keep(CHOICE.start, "r1"),
      recall("r2", CHOICE.portBase),
      asm.add("r1", "r2"),
      recall("r2", CHOICE.flags),
    ],
    [asm.and("r2", RANGE_FLAG.keepsOwnPort), asm.branch("r2", "==", 0, own), asm.mov("r1", "r5"), asm.label(own)],
    keep(CHOICE.firstPort, "r1"),
  ];
}

function tryCandidates(side: Side, maps: ConnectionReferences): Code {
  const [first, claim, six, candidate] = [
    `ct-first-port-${side}`,
    `ct-claim-${side}`,
    `ct-candidate-6-${side}`,
    `ct-candidate-${side}`,
  ];
  const part = side === "src" ? "dst" : "src"; // of answers
  const load = (i: number): Code => recall("r3", CHOICE.address + 4 * i);
  return [
    [asm.mov("r8", 0), asm.label(candidate)],
    [asm.mov("r1", "r8"), asm.mov("r2", "r8"), recall("r3", CHOICE.nPorts), asm.div("r1", "r3"), asm.mod("r2", "r3")],
    [recall("r4", CHOICE.nAddresses), asm.branch("r1", ">=", "r4", "ct-none-left")],
    [recall("r5", CHOICE.hash), asm.add("r1", "r5"), asm.mod("r1", "r4"), recall("r5", CHOICE.firstPort)],
    [asm.branch("r2", "==", 0, first), recall("r5", CHOICE.start), asm.add("r5", "r2"), asm.mod("r5", "r3")],
    [
      recall("r2", CHOICE.portBase),
      asm.add("r5", "r2"),
      asm.label(first),
      asm.toBigEndian(16, "r5"),
      asm.store(2, "r10", portAt(side), "r5"),
    ],
    [recall("r2", tupleAt("head")), asm.rsh("r2", 24), asm.branch("r2", "==", 6, six)],
    [load(0), asm.add("r1", "r3"), swapBytes("r1"), keep(tupleAt(part), "r1"), asm.jump(claim), asm.label(six)],
    [0, 1, 2, 3].map((i) => [
      [load(i), asm.add("r1", "r3"), asm.mov("r2", "r1"), swapBytes("r2"), keep(tupleAt(part, 3 - i), "r2"), asm.rsh("r1", 32)],
    ]),
    [asm.label(claim), recall("r1", TRACKING.id), asm.lsh("r1", 1), asm.or("r1", 1), claimTuple(maps)],
    [
      asm.branch("r0", "==", 0, "ct-chosen"),
      asm.add("r8", 1),
      asm.branch("r8", "<", MAX_TRIES, candidate),
      asm.jump("ct-none-left"),
    ],
  ];
}

/** Puts the tuple at hand into the entry, and which side it translates when it is another than without. */
function noteAnswer(): Code {
  return [
    asm.mov("r4", 0),
    Array.from({ length: TUPLE.ports }, (_, i) => [
      [
        recall("r1", tupleAt("src", i)),
        swapBytes("r1"),
        asm.load(4, "r2", "r9", entryAt("reply", TUPLE.src + i)),
        asm.xor("r2", "r1"),
      ],
      [asm.or("r4", "r2"), asm.store(4, "r9", entryAt("reply", TUPLE.src + i), "r1")],
    ]),
    [asm.branch("r4", "==", 0, "ct-as-untranslated"), recall("r1", CHOICE.flags)],
    [asm.and("r1", ENTRY_FLAG.sourceNat | ENTRY_FLAG.destinationNat), asm.store(4, "r9", entryAt("flags"), "r1")],
    asm.label("ct-as-untranslated"),
  ];
}
