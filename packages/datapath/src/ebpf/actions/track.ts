/** Sends packets through the connection tracker. */
import { asm, type Code } from "@tenet/bpf";
import { rangeWords } from "../conntrack/nat-range.ts";
import { noteResumption } from "../conntrack/track.ts";
import { POINT_SHIFT, TRACK_FLAG, WORDS_PER_ACTION } from "../conntrack/track-argument.ts";
import { keepMetadata, KEPT } from "../program/metadata.ts";
import type { ProgramMaps } from "../program/program-maps.ts";
import { STACK } from "../program/stack.ts";
import { type PlaceInList, resumeAt } from "./leave.ts";
import type { ActionCode, ActionOf, KernelAction } from "./action-kind.ts";

/** Actions of this file. */
export type TrackActionName = "track" | "trackNat" | "trackLabel" | "trackRange";

/** Those that track; what translates is in the program when there is the latter. */
export const TRACKS: readonly TrackActionName[] = ["track", "trackNat"];

/** What they do. */
export const TRACK_ACTIONS: Readonly<Record<TrackActionName, ActionCode>> = {
  track: goOnInTracker,
  trackNat: goOnInTracker,
  /** Words for the action before. */
  trackLabel: () => asm.jump("next"),
  trackRange: () => asm.jump("next"),
};

/** Tracks the packet, in a program of its own, which then goes on with the list: zone, `TRACK_FLAG` and point to go on at; bits to set in the mark; bits of it that are replaced. */
function goOnInTracker(maps: ProgramMaps): Code {
  return [
    [keepMetadata(maps), asm.load(8, "r1", "r10", STACK.slot), asm.store(4, "r0", KEPT.slot, "r1")],
    [asm.store(4, "r0", KEPT.index, "r8"), asm.mov("r1", "r6"), asm.mapAddress("r2", maps.tracker)],
    [asm.mov("r3", 0), asm.call("tail_call"), noteResumption(), asm.jump("slow-again")],
  ];
}

/**
 * How a `ct` action is written down; what it begins is up to this process when it is to be followed by a helper, or translated from a range
 * that the program does not choose from.
 *
 * @returns `undefined` when there are too many points where this process may have to go on
 */
export function translateTrack(action: ActionOf<"ct">, context: PlaceInList): KernelAction<TrackActionName>[] | undefined {
  const point = resumeAt(context);
  if (point === undefined || resumeAt(context, 1) === undefined) return undefined;
  const { isCommit, isForce, zone, mark, markMask, label, labelMask, nat, helper } = action;
  const hasLabel = isCommit && label !== undefined && labelMask !== undefined;
  const isChosen = isCommit && nat?.side !== undefined;
  const range = isChosen ? rangeWords(nat) : undefined;
  const argument =
    zone |
    (isForce ? TRACK_FLAG.force : 0) |
    (nat === undefined ? 0 : TRACK_FLAG.translate) |
    (isCommit ? TRACK_FLAG.commit : 0) |
    (hasLabel ? TRACK_FLAG.label : 0) |
    (helper === undefined && (!isChosen || range !== undefined) ? TRACK_FLAG.begin : 0) |
    (range === undefined ? 0 : TRACK_FLAG.range) |
    (point << POINT_SHIFT);
  const what = nat === undefined ? "track" : "trackNat";
  return [
    { what, argument: argument >>> 0, low: (mark & markMask) >>> 0, high: markMask },
    ...(hasLabel
      ? behind("trackLabel", [...labelMask.map((bits) => ~bits), ...label.map((bits, i) => bits & (labelMask[i] ?? 0))])
      : []),
    ...(range === undefined ? [] : behind("trackRange", range)),
  ];
}

/** Actions that hold words for the one before them. */
function behind(what: TrackActionName, words: readonly number[]): KernelAction<TrackActionName>[] {
  return Array.from({ length: Math.ceil(words.length / WORDS_PER_ACTION) }, (_, i) => {
    const [argument = 0, low = 0, high = 0] = words.slice(WORDS_PER_ACTION * i);
    return { what, argument, low, high };
  });
}
