/** Leaves packets to this process in the middle of their list: what the program does not do itself, this process does. */
import { asm } from "@tenet/bpf";
import { noteResumption } from "../conntrack/track.ts";
import { POINT_SHIFT } from "../conntrack/track-argument.ts";
import { MAX_POINTS } from "../resumption.ts";
import type { ActionCode, KernelAction, TranslationContext } from "./action-kind.ts";

/** Actions of this file. */
export type LeaveActionName = "leave";

/** What they do. */
export const LEAVE_ACTIONS: Readonly<Record<LeaveActionName, ActionCode>> = {
  /** Ends: point to go on at. */
  leave: () => [noteResumption(), asm.jump("slow-again")],
};

/** Leaves a packet to this process, which goes on with the action at hand. @returns as {@link resumeAt} */
export function leave(context: TranslationContext): KernelAction<LeaveActionName>[] | undefined {
  const point = resumeAt(context);
  return point === undefined ? undefined : [{ what: "leave", argument: (point << POINT_SHIFT) >>> 0, low: 0, high: 0 }];
}

/** What an action is in the middle of. */
export type PlaceInList = Pick<TranslationContext, "list" | "place" | "outer" | "cut" | "besides">;

/**
 * Lets this process go on with the action at hand, or so many behind it.
 *
 * @returns the number of the point, one more than the last; `undefined` when there are too many
 */
export function resumeAt({ list, place, outer, cut, besides }: PlaceInList, nBehind: 0 | 1 = 0): number | undefined {
  const { resumptions } = besides;
  if (resumptions.length === MAX_POINTS) return undefined;
  const notYet = [outer, cut].filter((action) => action !== undefined); // they do not go along with the packet
  const first = place + nBehind;
  resumptions.push(notYet.length === 0 ? { actions: list, first } : { actions: [...notYet, ...list.slice(first)], first: 0 });
  return resumptions.length - 1;
}
