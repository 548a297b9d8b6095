/** Sends packets through the connection tracker. */
import { asm } from "@tenet/bpf";
import type { DatapathAction } from "../../datapath.ts";
import { rangeWords } from "../conntrack/nat-range.ts";
import { noteResumption } from "../conntrack/track.ts";
import { PLACE_SHIFT, TRACK_FLAG, WORDS_PER_ACTION } from "../conntrack/track-argument.ts";
import { keepMetadata, TRACKED } from "../program/metadata.ts";
import { STACK } from "../program/stack.ts";
import type { ActionCode, ActionOf, KernelAction, TranslationContext } from "./action-kind.ts";

/** Actions of this file. */
export type TrackActionName = "track" | "trackLabel" | "trackRange";

/** What they do. */
export const TRACK_ACTIONS: Readonly<Record<TrackActionName, ActionCode>> = {
  /** Tracks the packet, in a program of its own, which then goes on with the list: zone, `TRACK_FLAG` and place in the list; bits to set in the mark; bits of it that are replaced. */
  track: (maps) => [
    [keepMetadata(maps), asm.load(8, "r1", "r10", STACK.slot), asm.store(4, "r0", TRACKED.slot, "r1")],
    [asm.store(4, "r0", TRACKED.index, "r8"), asm.mov("r1", "r6"), asm.mapAddress("r2", maps.tracker)],
    [asm.mov("r3", 0), asm.call("tail_call"), noteResumption(), asm.jump("slow-again")],
  ],
  /** Words for the action before. */
  trackLabel: () => asm.jump("next"),
  trackRange: () => asm.jump("next"),
};

/** Actions whose effect goes along when the packet goes up to this process in the middle of its list. */
const GO_ALONG: ReadonlySet<DatapathAction["type"]> = new Set([
  "output",
  "setMasked",
  "pushVlan",
  "popVlan",
  "ct",
  "ctClear",
  "clone",
  "checkLength",
  "meter",
  "hash",
  "setPriority",
  "setMark",
]);
const MAX_PLACE = 255;

/** Where in its list this process goes on with a packet that is left to it here; `undefined` when it cannot. */
export function resumptionPlace(before: TranslationContext["before"]): number | undefined {
  const canGoOn = before !== undefined && before.length <= MAX_PLACE && before.every(({ type }) => GO_ALONG.has(type));
  return canGoOn ? before.length : undefined;
}

/**
 * How a `ct` action is written down; what it begins is up to this process when it is to be followed by a helper, or translated from a range
 * that the program does not choose from.
 *
 * @returns `undefined` when the program has no way to leave the packet to this process here
 */
export function translateTrack(
  action: ActionOf<"ct">,
  { before }: Pick<TranslationContext, "before">,
): KernelAction<TrackActionName>[] | undefined {
  const place = resumptionPlace(before);
  if (place === undefined) return undefined;
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
    (place << PLACE_SHIFT);
  return [
    { what: "track", argument: argument >>> 0, low: (mark & markMask) >>> 0, high: markMask },
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
