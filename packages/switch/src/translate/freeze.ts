/**
 * Leaving off: the packet goes to the datapath or to a controller, and the walk goes on where it was when the packet is back.
 *
 * The walk unwinds, and each list of actions that it was in leaves a frame with what remained of it. Where the packet comes
 * back, those frames are executed, the innermost first.
 */
import { FIELDS } from "@tenet/net";
import type { Action } from "@tenet/openflow";
import type { FrozenFrame, FrozenState } from "./frozen-state.ts";
import { punt } from "./output/punt.ts";
import type { Walk } from "./walk.ts";

type ControllerAction = Extract<Action, { type: "controller" }>;

/** A translation that leaves off. */
export interface Freezing {
  readonly frames: FrozenFrame[];
  /** Basis of the hash that the datapath is to make first. */
  readonly hashBasis?: number;
  /** The action by which a controller is to hold the packet. */
  readonly pause?: ControllerAction;
}

/** Leaves off: what is left of every list that is being executed is done when the packet is back. */
export function freeze(walk: Walk, freezing: Freezing): void {
  walk.freezing = freezing;
  walk.isOver = true;
}

/** Gives the packet away, when the walk left off. */
export function leaveOff(walk: Walk): void {
  const { freezing } = walk;
  if (freezing === undefined) return;
  walk.goOn();
  walk.packet.commit(walk.out);
  const { hashBasis, pause: action, frames } = freezing;
  if (action !== undefined) return pause(walk, action, frames);
  if (hashBasis !== undefined) walk.out.push({ type: "hash", basis: hashBasis });
  recirculate(walk, walk.table, leftIn(frames));
}

/** Has the datapath look the packet up again; then it goes on with `frames`, or in the table. */
export function recirculate(walk: Walk, table: number, frames: readonly FrozenFrame[] = []): void {
  walk.out.push({ type: "recirc", id: walk.around.recircId(frozenState(walk, table, frames), walk.packet.flow) });
}

/** Goes on where a translation left off. */
export function resume(walk: Walk, { frames, table, inPort, packet, stack, actionSet, isTracked }: FrozenState): void {
  walk.packet.thaw(packet);
  walk.packet.writeNumber(FIELDS.in_port, inPort);
  walk.isTracked = isTracked;
  if (!isTracked) walk.packet.clearConnection();
  walk.stack = [...stack];
  walk.actionSet = actionSet;
  walk.observer?.thaw(table);
  if (frames.length === 0) walk.lookUp(table);
  else for (const [i, frame] of frames.entries()) executeFrame(walk, frame, frames.slice(i + 1));
  walk.executeActionSet();
}

/** Goes on with what was left of a list; when that leaves off in turn, `others` are left too. */
function executeFrame(walk: Walk, { table, cookie, actions }: FrozenFrame, others: readonly FrozenFrame[]): void {
  if (walk.isOver) return;
  walk.table = table;
  walk.cookie = cookie;
  walk.executeRest(actions);
  walk.freezing?.frames.push(...others);
}

/** Gives the packet to a controller, as from the rule whose actions were begun first. */
function pause(walk: Walk, action: ControllerAction, frames: readonly FrozenFrame[]): void {
  const { table, cookie } = walk;
  ({ table: walk.table, cookie: walk.cookie } = frames.at(-1) ?? walk);
  const left = leftIn(frames);
  punt(walk, action, frozenState(walk, walk.table, left.length > 0 ? left : frames));
  walk.table = table;
  walk.cookie = cookie;
}

/** What to go on with. */
function frozenState(walk: Walk, table: number, frames: readonly FrozenFrame[]): FrozenState {
  const { bridge, around, inPort, packet, stack, actionSet, isTracked, mirroring } = walk;
  return {
    bridge,
    frames,
    table,
    inPort,
    packet: packet.freeze(around.vlanLimit),
    stack: [...stack],
    actionSet,
    isTracked,
    mirrored: mirroring?.served ?? [],
  };
}

/** The lists of which something is left. */
function leftIn(frames: readonly FrozenFrame[]): FrozenFrame[] {
  return frames.filter(({ actions }) => actions.length > 0);
}
