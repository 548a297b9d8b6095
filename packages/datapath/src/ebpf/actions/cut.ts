/** Sends the first bytes of a packet. */
import { asm } from "@tenet/bpf";
import { noteResumption } from "../conntrack/track.ts";
import { POINT_SHIFT } from "../conntrack/track-argument.ts";
import { CONTEXT } from "../program/context.ts";
import { type ActionCode, type ActionOf, type KernelAction, loadArgument, type TranslationContext } from "./action-kind.ts";
import { resumeAt } from "./leave.ts";

/** Actions of this file. */
export type CutActionName = "cut";

const TAG_SHIFT = 2;

/** What they do. */
export const CUT_ACTIONS: Readonly<Record<CutActionName, ActionCode>> = {
  /** Takes away what is beyond a length; a packet whose checksum would be beyond it is left to this process: point to go on at; bytes. */
  cut: () => [
    [loadArgument("r2", "low"), asm.load(4, "r1", "r6", CONTEXT.vlanPresent), asm.lsh("r1", TAG_SHIFT), asm.sub("r2", "r1")],
    [asm.load(4, "r1", "r6", CONTEXT.length), asm.branch("r1", "<=", "r2", "next")],
    [asm.mov("r1", "r6"), asm.mov("r3", 0), asm.call("skb_change_tail"), asm.branch("r0", "==", 0, "next")],
    [noteResumption(), asm.jump("slow-again")],
  ],
};

/** Of a packet that nobody needs behind the output at hand. @returns `undefined` when there are too many points to go on at */
export function cut({ maxLength }: ActionOf<"truncate">, context: TranslationContext): KernelAction<CutActionName> | undefined {
  const point = resumeAt(context);
  return point === undefined ? undefined : { what: "cut", argument: (point << POINT_SHIFT) >>> 0, low: maxLength, high: 0 };
}
