/** Runs packets through meters whose buckets this process draws from, too: see token-bucket.ts, which does the same. */
import { asm, type Code } from "@tenet/bpf";
import { METER_STATE, METER_WORD } from "../../meter/token-bucket.ts";
import { countPacket } from "../program/counters.ts";
import { CONTEXT } from "../program/context.ts";
import { findEntry } from "../program/program-maps.ts";
import { STACK } from "../program/stack.ts";
import { type ActionCode, type ActionOf, type KernelAction, loadArgument, type TranslationContext } from "./action-kind.ts";

/** Actions of this file. */
export type MeterActionName = "meter";

const NS_PER_MS = 1_000_000;
/** On the stack: where the meter is. */
const METER = STACK.scratch + 8;

/** What they do. */
export const METER_ACTIONS: Readonly<Record<MeterActionName, ActionCode>> = {
  /** Drops the packet when it is above the meter's rate: number. */
  meter: ({ meters }) => [
    [loadArgument("r1", "argument"), asm.store(8, "r10", STACK.scratch, "r1")],
    [findEntry(meters, STACK.scratch), asm.branch("r0", "==", 0, "next"), asm.store(8, "r10", METER, "r0")],
    [asm.load(4, "r1", "r0", at("state")), asm.branch("r1", "==", METER_STATE.absent, "next")],
    countPacket("r0", at("packets"), at("bytes")),
    [asm.load(4, "r1", "r0", at("state")), asm.branch("r1", "!=", METER_STATE.drops, "next")],
    [asm.call("ktime_get_ns"), asm.div("r0", NS_PER_MS), asm.mov32("r1", "r0"), asm.load(8, "r3", "r10", METER)],
    fill(),
    take(),
    [asm.mov("r0", "r3"), countPacket("r0", at("droppedPackets"), at("droppedBytes")), asm.jump("done")],
  ],
};

/** @returns `undefined` when the program cannot run it */
export function translateMeter(
  { meter }: ActionOf<"meter">,
  { canMeter }: TranslationContext,
): KernelAction<MeterActionName>[] | undefined {
  return canMeter(meter) ? [{ what: "meter", argument: meter, low: 0, high: 0 }] : undefined;
}

/** Adds the tokens of the time until `r1` to the meter at `r3`, if nobody else does. */
function fill(): Code {
  return [
    [asm.load(4, "r0", "r3", at("filledMs")), asm.mov32("r2", "r0"), asm.mov32("r4", "r1"), asm.sub32("r4", "r2")],
    asm.branch32("r4", "s<=", 0, "filled"),
    [asm.atomic("cmpxchg", 4, "r3", at("filledMs"), "r1"), asm.branch32("r0", "!=", "r2", "filled")],
    [asm.load(4, "r1", "r3", at("rate")), asm.mul("r4", "r1"), asm.load(4, "r1", "r3", at("capacity"))],
    [asm.branch("r4", "<=", "r1", "gained"), asm.mov("r4", "r1"), asm.label("gained")],
    [asm.mov("r5", "r4"), asm.atomic("add", 4, "r3", at("tokens"), "r5", true)],
    [asm.mov32("r2", "r1"), asm.sub32("r2", "r4"), asm.sub32("r2", "r5"), asm.branch32("r2", "s>=", 0, "filled")],
    [asm.atomic("add", 4, "r3", at("tokens"), "r2"), asm.label("filled")],
  ];
}

/** Goes to `next` with the packet's tokens taken, or on with none. */
function take(): Code {
  return [
    [asm.load(4, "r4", "r3", at("packetCost")), asm.branch("r4", "!=", 0, "priced")],
    [
      asm.load(4, "r4", "r6", CONTEXT.length),
      asm.load(4, "r1", "r6", CONTEXT.vlanPresent),
      asm.lsh("r1", 2),
      asm.add("r4", "r1"),
    ],
    [asm.lsh("r4", 3), asm.label("priced")],
    [asm.load(4, "r1", "r3", at("shift")), asm.and("r1", 31), asm.rsh("r4", "r1")],
    [asm.mov32("r5", 0), asm.sub32("r5", "r4"), asm.atomic("add", 4, "r3", at("tokens"), "r5", true)],
    [asm.branch32("r5", "s>=", "r4", "next"), asm.atomic("add", 4, "r3", at("tokens"), "r4")],
  ];
}

function at(word: keyof typeof METER_WORD): number {
  return METER_WORD[word] * 4;
}
