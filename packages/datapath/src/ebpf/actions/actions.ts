/** All actions of the kernel's program: how a flow's actions become its, and the code that carries them out one by one. */
import { asm, type Code } from "@tenet/bpf";
import type { DatapathAction, Megaflow } from "../../datapath.ts";
import type { WordGroup } from "../key-layout.ts";
import type { ProgramMaps } from "../program/program-maps.ts";
import { SLOT } from "../slot.ts";
import type { ResumptionPoint } from "../resumption.ts";
import type { ActionCode, ActionOf, Destinations, KernelAction, TranslationContext } from "./action-kind.ts";
import { clone, CLONE_ACTIONS, type CloneActionName, layOut } from "./clone.ts";
import { cut, CUT_ACTIONS, type CutActionName } from "./cut.ts";
import { CHECK_LENGTH_ACTIONS, type CheckLengthActionName, leaveLonger } from "./check-length.ts";
import { FrameLayout } from "./frame-layout.ts";
import { HASH_ACTIONS, HASH_GROUPS, type HashActionName, translateHash } from "./hash.ts";
import { leave, LEAVE_ACTIONS, type LeaveActionName } from "./leave.ts";
import { METER_ACTIONS, type MeterActionName, translateMeter } from "./meter.ts";
import { MPLS_ACTIONS, type MplsActionName, translatePopMpls, translatePushMpls } from "./mpls.ts";
import { OUTPUT_ACTIONS, type OutputActionName, translateOutput } from "./output.ts";
import { RECIRCULATION_ACTIONS, type RecirculationActionName, translateRecirc } from "./recirculation.ts";
import { SET_FIELD_ACTIONS, type SetFieldActionName, translateSetMasked } from "./set-field.ts";
import { SET_SCTP_ACTIONS } from "./set-sctp.ts";
import { SET_WORD_ACTIONS } from "./set-word.ts";
import { TRACK_ACTIONS, type TrackActionName, translateTrack } from "./track.ts";
import { TUNNEL_ACTIONS, type TunnelActionName } from "./tunnel.ts";
import { translatePopVlan, translatePushVlan, VLAN_ACTIONS, type VlanActionName } from "./vlan.ts";

/** An action of the program. */
export type ActionName =
  | OutputActionName
  | VlanActionName
  | SetFieldActionName
  | RecirculationActionName
  | CheckLengthActionName
  | MeterActionName
  | MplsActionName
  | TrackActionName
  | HashActionName
  | CloneActionName
  | LeaveActionName
  | CutActionName
  | TunnelActionName;

const CODES: Readonly<Record<ActionName, ActionCode>> = {
  ...OUTPUT_ACTIONS,
  ...VLAN_ACTIONS,
  ...SET_FIELD_ACTIONS,
  ...RECIRCULATION_ACTIONS,
  ...TRACK_ACTIONS,
  ...TUNNEL_ACTIONS,
  ...CHECK_LENGTH_ACTIONS,
  ...METER_ACTIONS,
  ...MPLS_ACTIONS,
  ...HASH_ACTIONS,
  ...CLONE_ACTIONS,
  ...LEAVE_ACTIONS,
  ...CUT_ACTIONS,
};

/** In the order in which slots number them. */
export const ACTION_NAMES: readonly ActionName[] = Object.keys(CODES) as ActionName[];

const NUMBERS: ReadonlyMap<ActionName, number> = new Map(ACTION_NAMES.map((name, i) => [name, i + 1]));

/** How a slot names an action; 0 names none. */
export function actionNumber(name: ActionName): number {
  return NUMBERS.get(name) ?? 0;
}

/** What has to be read of each packet for these actions, whatever the masks look at: lengths are right then. */
export function groupsReadFor(names: ReadonlySet<ActionName>): readonly WordGroup[] {
  if (names.has("hash")) return HASH_GROUPS;
  const readers = { ...SET_WORD_ACTIONS, ...SET_SCTP_ACTIONS, ...CHECK_LENGTH_ACTIONS };
  if ([...names].some((name) => name in readers)) return ["transport"];
  return names.has("meter") ? ["ip"] : [];
}

/** What the program is to do for a flow. */
export interface Translation {
  readonly actions: readonly KernelAction<ActionName>[];
  /** Where this process goes on with packets that the program leaves to it. */
  readonly resumptions: readonly ResumptionPoint[];
}

/**
 * What the program is to do for a flow's actions.
 *
 * @returns why the program cannot do it, in words, when it cannot
 */
export function toKernelActions(
  { key, mask, actions }: Pick<Megaflow, "key" | "mask" | "actions">,
  destinations: Destinations,
): Translation | string {
  const besides = { lists: [], resumptions: [] };
  const around = { ...destinations, layout: new FrameLayout(key, mask), outer: undefined, before: [], besides };
  const first = translateList(actions, { ...around, isLast: true });
  if (typeof first === "string") return first;
  const all = layOut(first, besides.lists);
  return all.length <= SLOT.maxActions ? { actions: all, resumptions: besides.resumptions } : "too many actions";
}

/** What surrounds a list. */
type Surroundings = Omit<TranslationContext, "list" | "place" | "cut">;

/** @param around - of the action that these are carried out for */
function translateList(actions: readonly DatapathAction[], around: Surroundings): KernelAction<ActionName>[] | string {
  const list = around.isLast ? withoutLastClone(actions) : actions;
  const out: KernelAction<ActionName>[] = [];
  let { outer } = around;
  let next: ActionOf<"truncate"> | undefined;
  for (const [place, action] of list.entries()) {
    if (action.type === "setTunnel") outer = action;
    if (action.type === "truncate") next = action;
    const isLast = around.isLast && place === list.length - 1;
    const before = [...around.before, ...list.slice(0, place)];
    const translated = translate(action, { ...around, outer, isLast, before, list, place, cut: next });
    if (typeof translated === "string") return translated;
    if (translated === undefined) return action.type === "output" ? "a port outside the kernel's reach" : `action ${action.type}`;
    out.push(...translated);
    if (action.type === "output" || action.type === "clone") next = undefined;
  }
  return out;
}

/** Nobody needs the packet behind the last action: what that does to a copy may be done to the packet. */
function withoutLastClone(actions: readonly DatapathAction[]): readonly DatapathAction[] {
  const last = actions.at(-1);
  return last?.type === "clone" ? [...actions.slice(0, -1), ...withoutLastClone(last.actions)] : actions;
}

function translate(action: DatapathAction, context: TranslationContext): KernelAction<ActionName>[] | string | undefined {
  switch (action.type) {
    case "output":
      if (context.cut !== undefined) return translateCut(context.cut, action, context);
      return translateOutput(action, context);
    case "setTunnel":
    case "truncate":
      return [];
    case "pushVlan":
      return translatePushVlan(action, context.layout);
    case "popVlan":
      return translatePopVlan(context.layout);
    case "pushMpls":
      return translatePushMpls(action, context);
    case "popMpls":
      return translatePopMpls(action, context);
    case "recirc":
      return context.isLast ? translateRecirc(action, context) : onCopy([action], context);
    case "userspace":
      return context.isLast ? leave(context) : onCopy([action], context);
    case "ctClear":
      return [{ what: "ctClear", argument: 0, low: 0, high: 0 }];
    case "hash":
      return translateHash(action, context);
    case "ct":
      return context.layout.isNetworkRead ? translateTrack(action, context) : undefined;
    case "setMasked":
      return translateSetMasked(action, context.layout);
    case "clone": {
      const list = context.cut === undefined ? action.actions : [context.cut, ...action.actions];
      return isOutputAlone(list) ? translateList(list, { ...context, isLast: false }) : onCopy(list, context);
    }
    case "meter":
      return translateMeter(action, context);
    case "checkLength":
      return context.isLast ? translateCheckLength(action, context) : onCopy([action], context);
    case "setPriority":
    case "setMark":
      return []; // as in this process: ports have no queues, and pass no marks on
    default:
      return undefined;
  }
}

/** A list that is carried out on a copy, when the packet is needed behind it. */
function onCopy(actions: readonly DatapathAction[], context: TranslationContext): KernelAction<ActionName>[] | string {
  const { lists } = context.besides;
  const list = translateList(actions, { ...context, isLast: true, layout: context.layout.copy() });
  return typeof list === "string" ? list : [clone(lists.push(list))];
}

/** The first bytes of the packet go out. */
function translateCut(
  truncate: ActionOf<"truncate">,
  output: ActionOf<"output">,
  context: TranslationContext,
): KernelAction<ActionName>[] | string | undefined {
  if (!context.isLast) return onCopy([truncate, output], context);
  const first = cut(truncate, context);
  const second = first && translateOutput(output, context);
  return first === undefined || second === undefined ? undefined : [first, ...second];
}

function translateCheckLength(
  { sizeBytes, lessOrEqual }: ActionOf<"checkLength">,
  context: TranslationContext,
): KernelAction<ActionName>[] | string | undefined {
  const first = leaveLonger(sizeBytes, context);
  const others = first && translateList(lessOrEqual, context);
  return first === undefined || others === undefined || typeof others === "string" ? others : [first, ...others];
}

/** Whether a list leaves the packet as it is. */
function isOutputAlone(actions: readonly DatapathAction[]): boolean {
  return actions.every(({ type }) => type === "output");
}

/** Carries out the actions of the slot in `r9`; only these are in the program. */
export function carryOut(names: ReadonlySet<ActionName>, maps: ProgramMaps): Code {
  return [asm.mov("r8", 0), carryOutFrom(names, maps)];
}

/** As {@link carryOut}, from the one with the index in `r8` on; at `next`, from the one behind it. */
export function carryOutFrom(names: ReadonlySet<ActionName>, maps: ProgramMaps): Code {
  const used = ACTION_NAMES.filter((name) => names.has(name));
  return [
    asm.label("act"),
    asm.load(2, "r1", "r9", SLOT.nActions),
    asm.branch("r8", ">=", "r1", "done"),
    asm.branch("r8", ">=", SLOT.maxActions, "done"),
    [asm.mov("r7", "r8"), asm.mul("r7", SLOT.actionBytes), asm.add("r7", "r9")],
    asm.load(1, "r1", "r7", SLOT.actions),
    used.map((name) => asm.branch("r1", "==", actionNumber(name), `action-${name}`)),
    asm.jump("done"),
    used.map((name) => [asm.label(`action-${name}`), CODES[name](maps)]),
    [asm.label("next"), asm.add("r8", 1), asm.jump("act")],
  ];
}
