/** The actions that send the packet to a port, real or reserved. */
import { type Action, type BundleAction, PACKET_IN_REASON, PORT, type SubField } from "@tenet/openflow";
import { NO_FLOOD } from "../../bridge/bridge-port.ts";
import { chooseMember } from "../action/choose-link.ts";
import { livenessOf } from "../action/liveness.ts";
import { storeAndNote } from "../action/change-packet.ts";
import type { Walk } from "../walk.ts";
import { forwardNormally } from "./normal.ts";
import { outputCut, outputTo } from "./output-port.ts";
import { punt, WHOLE_PACKET } from "./punt.ts";

/** Reserved ports that a member of a bundle may be. */
const ALWAYS_ALIVE: ReadonlySet<number> = new Set([PORT.IN_PORT, PORT.TABLE, PORT.NORMAL, PORT.FLOOD, PORT.ALL, PORT.NONE]);

/** Sends the packet, or where that is said its first bytes. */
export function outputAction(walk: Walk, { port, maxLength }: Extract<Action, { type: "output" }>): void {
  if (maxLength === undefined) output(walk, port);
  else outputCut(walk, port, maxLength);
}

/** Sends the packet to a port. */
function output(walk: Walk, port: number): void {
  switch (port) {
    case PORT.IN_PORT:
      return outputTo(walk, walk.bridge.port(walk.inPort));
    case PORT.TABLE:
      return walk.lookUp(0);
    case PORT.NORMAL:
      return forwardNormally(walk);
    case PORT.FLOOD:
    case PORT.ALL:
      return flood(walk, port === PORT.FLOOD ? NO_FLOOD : 0);
    case PORT.CONTROLLER:
      return punt(walk, { maxLength: WHOLE_PACKET, reason: PACKET_IN_REASON.ACTION, controllerId: 0 });
    case PORT.NONE:
      return;
    default:
      if (port === walk.inPort) return walk.observer?.warning("skipping output to input port");
      outputTo(walk, walk.bridge.port(port));
  }
}

/** Sends the packet to the port whose number is in a field. */
export function outputField(walk: Walk, source: SubField): void {
  const port = Number(walk.packet.load(source));
  walk.observer?.note(`output port is ${port}`);
  output(walk, port);
}

/** Sends the packet through a queue of a port. */
export function enqueue(walk: Walk, { port, queue }: Extract<Action, { type: "enqueue" }>): void {
  const { packet } = walk;
  const outer = packet.queue;
  packet.queue = queue;
  output(walk, port);
  packet.queue = outer;
}

/** `bundle`: sends the packet to one of several ports, or notes which it is. */
export function outputToMember(walk: Walk, action: BundleAction): void {
  const { isPortLive } = livenessOf(walk);
  const isAlive = (port: number): boolean =>
    port >= PORT.IN_PORT ? ALWAYS_ALIVE.has(port) || (port === PORT.LOCAL && isPortLive(port)) : isPortLive(port);
  const port = chooseMember(action, walk.packet, isAlive);
  if (action.target === undefined) output(walk, port);
  else storeAndNote(walk, action.target, BigInt(port));
}

function flood(walk: Walk, exceptConfig: number): void {
  const { bridge, inPort } = walk;
  for (const port of bridge.ports()) {
    if (port.ofport !== inPort && (port.config & exceptConfig) === 0) outputTo(walk, port);
  }
}
