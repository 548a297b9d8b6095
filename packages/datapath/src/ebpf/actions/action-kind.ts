/**
 * What an action of the kernel's program is: 16 bytes in a flow's slot, and code that carries it out.
 *
 *  | what 1 | number of the flow's points (see resumption.ts) 3 | argument 4 | low 4 | high 4 |
 *
 * Registers of its code: `r6` context, `r7` address of the 16 bytes, `r8` index of the action, `r9` slot; `r0` to `r5` and the stack's
 * scratch are free. The packet's key on the stack is its metadata. No pointer into the packet is left from action to action. The code ends
 * by going to `next` (the action after it) or `done` (no more), or it ends the program.
 */
import { asm, type Code } from "@tenet/bpf";
import type { DatapathAction, SetTunnelAction } from "../../datapath.ts";
import type { ResumptionPoint } from "../resumption.ts";
import type { ActionName } from "./actions.ts";
import type { ProgramMaps } from "../program/program-maps.ts";
import { SLOT } from "../slot.ts";
import type { FrameLayout } from "./frame-layout.ts";

/** Code of an action. */
export type ActionCode = (maps: ProgramMaps) => Code;

/** One action as a slot has it. */
export interface KernelAction<Name extends string = string> {
  readonly what: Name;
  readonly argument: number;
  readonly low: number;
  readonly high: number;
}

/** Where a port's packets go. */
export interface KernelPort {
  readonly ifindex: number;
  /** A device that the host's stack is behind: what is sent to it, it receives. */
  readonly isInternal: boolean;
}

/** What the translation of a list of actions may ask. */
export interface Destinations {
  portOf(portNo: number): KernelPort | undefined;
  /** The number of a path into a tunnel port, which is in use from now on; `undefined` when there is none. */
  pathInto(portNo: number, outer: SetTunnelAction): number | undefined;
  /** Whether the program can run this meter, for packets of which it can or cannot change the DSCP. */
  canMeter(id: number, canRemark: boolean): boolean;
}

/** What a flow has besides the list that packets begin with; both are made while its actions are translated. */
export interface Besides {
  /** Lists that are carried out on copies; the number of one is its place, from 1. */
  readonly lists: KernelAction<ActionName>[][];
  /** Where this process may have to go on. */
  readonly resumptions: ResumptionPoint[];
}

/** What the translation of an action may ask. */
export interface TranslationContext extends Destinations {
  /** Whether nobody needs the packet behind it. */
  readonly isLast: boolean;
  /** What was done to the packet before it. */
  readonly before: readonly DatapathAction[];
  /** The list that it is in, and its place there. */
  readonly list: readonly DatapathAction[];
  readonly place: number;
  readonly besides: Besides;
  /** What is known of the flow's packets after the actions before this one; an action that changes it says so. */
  readonly layout: FrameLayout;
  /** The outer headers that packets go into tunnels with. */
  readonly outer: SetTunnelAction | undefined;
  /** What cuts the next packet that is sent. */
  readonly cut: ActionOf<"truncate"> | undefined;
}

/** An action of a flow, of one type. */
export type ActionOf<Type extends DatapathAction["type"]> = Extract<DatapathAction, { type: Type }>;

/** Sets a register to what the action says. */
export function loadArgument(to: "r1" | "r2" | "r3" | "r4", field: "argument" | "low" | "high"): Code {
  return asm.load(4, to, "r7", SLOT.actions + { argument: 4, low: 8, high: 12 }[field]);
}
