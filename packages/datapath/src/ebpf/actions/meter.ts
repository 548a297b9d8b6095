/** Runs packets through meters whose buckets this process draws from, too: see meter.ts and token-bucket.ts, which do the same. */
import { asm, type Code } from "@tenet/bpf";
import { ETH_TYPE } from "@tenet/net";
import { MAX_SHARED_BANDS, METER_STATE, METER_WORD, PRECEDENCE_SHIFT } from "../../meter/token-bucket.ts";
import { countPacket } from "../program/counters.ts";
import { CONTEXT } from "../program/context.ts";
import { findEntry, type ProgramMaps } from "../program/program-maps.ts";
import { STACK } from "../program/stack.ts";
import { type ActionCode, type ActionOf, type KernelAction, loadArgument, type TranslationContext } from "./action-kind.ts";
import { remark, remarkArgument } from "./remark.ts";

/** Actions of this file. */
export type MeterActionName = "meter";

const NS_PER_MS = 1_000_000;
const STATE_BITS = 0xff;
/** On the stack, 8 bytes each: the band's number, where it is, the time, bands that may yet come, and one more than the number of the band exceeded. */
const BAND = STACK.scratch;
const PLACE = BAND + 8;
const NOW = PLACE + 8;
const LEFT = NOW + 8;
const EXCEEDED = LEFT + 8;

/** What they do. */
export const METER_ACTIONS: Readonly<Record<MeterActionName, ActionCode>> = {
  /** Drops or re-marks the packet when it is above the meter's rates: number; `remarkArgument`. */
  meter: (maps) => [
    [loadArgument("r1", "argument"), asm.store(8, "r10", BAND, "r1"), findBand(maps, "next")],
    [asm.load(4, "r1", "r0", at("state")), asm.branch("r1", "==", METER_STATE.absent, "next")],
    [countPacket("r0", at("packets"), at("bytes")), asm.load(8, "r3", "r10", PLACE), asm.load(4, "r1", "r3", at("state"))],
    [METER_STATE.counts, METER_STATE.isForUserSpace].map((state) => asm.branch("r1", "==", state, "next")),
    [asm.call("ktime_get_ns"), asm.div("r0", NS_PER_MS), asm.mov32("r1", "r0"), asm.store(8, "r10", NOW, "r1")],
    [asm.mov("r1", 0), asm.store(8, "r10", EXCEEDED, "r1"), asm.mov("r1", MAX_SHARED_BANDS), asm.store(8, "r10", LEFT, "r1")],
    drawFromBands(maps),
    [asm.load(8, "r1", "r10", EXCEEDED), asm.branch("r1", "==", 0, "next")],
    [asm.sub("r1", 1), asm.store(8, "r10", BAND, "r1"), findBand(maps, "next")],
    [countPacket("r0", at("exceedingPackets"), at("exceedingBytes")), asm.load(8, "r3", "r10", PLACE)],
    [asm.load(4, "r2", "r3", at("state")), asm.mov("r1", "r2"), asm.and("r1", STATE_BITS)],
    [asm.branch("r1", "!=", METER_STATE.remarks, "done"), asm.rsh("r2", PRECEDENCE_SHIFT), remark(), asm.jump("next")],
  ],
};

/** @returns `undefined` when the program cannot run it */
export function translateMeter(
  { meter }: ActionOf<"meter">,
  { canMeter, layout }: TranslationContext,
): KernelAction<MeterActionName>[] | undefined {
  const { networkType: type, networkAt, isNetworkRead } = layout;
  const isIp = type === ETH_TYPE.ip4 || type === ETH_TYPE.ip6;
  const canRemark = type !== undefined && networkAt !== undefined && (isNetworkRead || !isIp);
  if (!canMeter(meter, canRemark)) return undefined;
  const low = canRemark && isIp ? remarkArgument(networkAt, type === ETH_TYPE.ip4 ? 4 : 6) : 0;
  return [{ what: "meter", argument: meter, low, high: 0 }];
}

/** From each band, whether one before is exceeded or not; notes the first one that is. */
function drawFromBands(maps: ProgramMaps): Code {
  return [
    [asm.label("meter-band"), findBand(maps, "meter-drawn"), asm.mov("r3", "r0"), asm.load(8, "r1", "r10", NOW)],
    fill(),
    take("meter-within"),
    [asm.load(8, "r1", "r10", EXCEEDED), asm.branch("r1", "!=", 0, "meter-within")],
    [asm.load(8, "r1", "r10", BAND), asm.add("r1", 1), asm.store(8, "r10", EXCEEDED, "r1")],
    [asm.label("meter-within"), asm.load(4, "r1", "r3", at("next")), asm.branch("r1", "==", 0, "meter-drawn")],
    [asm.store(8, "r10", BAND, "r1"), asm.load(8, "r1", "r10", LEFT), asm.sub("r1", 1), asm.store(8, "r10", LEFT, "r1")],
    [asm.branch("r1", "!=", 0, "meter-band"), asm.label("meter-drawn")],
  ];
}

/** Sets `r0` to the address of the band on the stack, and notes it; or goes to `absent`. */
function findBand({ meters }: ProgramMaps, absent: string): Code {
  return [findEntry(meters, BAND), asm.branch("r0", "==", 0, absent), asm.store(8, "r10", PLACE, "r0")];
}

/** Adds the tokens of the time until `r1` to the band at `r3`, if nobody else does. */
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

/** Goes to `within` with the packet's tokens taken from the band at `r3`, or on with none. */
function take(within: string): Code {
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
    [asm.branch32("r5", "s>=", "r4", within), asm.atomic("add", 4, "r3", at("tokens"), "r4")],
  ];
}

function at(word: keyof typeof METER_WORD): number {
  return METER_WORD[word] * 4;
}
