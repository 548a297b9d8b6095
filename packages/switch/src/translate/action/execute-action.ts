/** Executes one action: finds out who does it. */
import { type Action, formatActions, PORT } from "@tenet/openflow";
import { FIELDS } from "@tenet/net";
import { freeze } from "../freeze.ts";
import { enqueue, outputAction, outputField, outputToMember } from "../output/output-action.ts";
import { punt } from "../output/punt.ts";
import type { Walk } from "../walk.ts";
import { mergeActionSet, orderedActionSet } from "./action-set.ts";
import { changePacket, storeAndNote } from "./change-packet.ts";
import { chooseLink } from "./choose-link.ts";
import { clearConnection, track } from "./connection-tracking.ts";
import { teach } from "./learn.ts";
import { runGroup } from "./run-group.ts";

/** Actions that decide where the walk goes; the others change the packet. */
export function executeAction(walk: Walk, action: Action): void {
  switch (action.type) {
    case "output":
      return outputAction(walk, action);
    case "outputField":
      return outputField(walk, action.source);
    case "enqueue":
      return enqueue(walk, action);
    case "setQueue":
    case "popQueue":
      return setQueue(walk, action);
    case "controller":
      return action.pauses === true ? freeze(walk, { frames: [], pause: action }) : punt(walk, action);
    case "resubmit":
      return resubmit(walk, action);
    case "group":
      return runGroup(walk, action.group);
    case "meter":
      return meter(walk, action.meter);
    case "ct":
      return track(walk, action);
    case "ctClear":
      return clearConnection(walk);
    case "clone":
      return clone(walk, action.actions);
    case "exit":
      walk.isOver = true;
      return;
    case "multipath":
      return storeAndNote(walk, action.target, BigInt(chooseLink(action, walk.packet)));
    case "bundle":
      return outputToMember(walk, action);
    case "learn":
      return teach(walk, action);
    case "finTimeout":
      return lowerTimeouts(walk, action);
    case "clearActions":
      noteActionSet(walk, "was");
      walk.actionSet = [];
      return;
    case "writeActions":
      walk.actionSet = mergeActionSet(walk.actionSet, action.actions);
      return noteActionSet(walk, "is");
    default:
      changePacket(walk, action);
  }
}

function setQueue({ packet, observer }: Walk, action: Extract<Action, { type: "setQueue" | "popQueue" }>): void {
  if (action.type === "popQueue" && packet.queue !== 0) observer?.note("queue = 0");
  packet.queue = action.type === "setQueue" ? action.queue : 0;
}

/** Going back to a table may go on for ever, which the depth of the walk limits. */
function resubmit(walk: Walk, { table = walk.table, port, usesCtTuple }: Extract<Action, { type: "resubmit" }>): void {
  const inPort = port === PORT.IN_PORT ? undefined : port;
  walk.lookUp(table, table <= walk.table ? 1 : 0, inPort, usesCtTuple, true);
}

/** A meter that is not there (in a bucket of a group) lets everything pass. */
function meter({ bridge, out }: Walk, id: number): void {
  const number = bridge.pipeline.meters.get(id)?.datapathMeter;
  if (number !== undefined) out.push({ type: "meter", meter: number });
}

/** As at the original, the action set is executed on the copy too. */
function clone(walk: Walk, actions: readonly Action[]): void {
  const { actionSet, stack } = walk;
  walk.stack = [...stack];
  walk.apart(() => {
    walk.execute(actions);
    walk.executeActionSet();
  });
  walk.actionSet = actionSet;
  walk.stack = stack;
}

/** Whether a packet ends a connection is not in the megaflow: its statistics tell. */
function lowerTimeouts(walk: Walk, { idleTimeout, hardTimeout }: Extract<Action, { type: "finTimeout" }>): void {
  const { bridge, rule, packet, effects } = walk;
  packet.read(FIELDS.nw_proto);
  if (rule !== undefined) effects.push({ type: "finTimeout", bridge, rule, idleTimeout, hardTimeout });
}

/** @param verb - "is", or "was" when it is no more */
function noteActionSet({ actionSet, observer }: Walk, verb: "is" | "was"): void {
  if (observer === undefined) return;
  const set = orderedActionSet(actionSet);
  observer.note(set.length === 0 ? `action set ${verb} empty` : `action set ${verb}: ${formatActions(set)}`);
}
