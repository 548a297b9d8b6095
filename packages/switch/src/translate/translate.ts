/**
 * Translation: walks a packet through the flow tables and yields datapath actions and a megaflow mask.
 *
 * Lookups and actions that read the packet un-wildcard what they read (packet/); outputs first commit what was rewritten;
 * crossing a patch port is a nested walk with fresh registers. Nothing is kept between two translations, and nothing is changed
 * but what the {@link TranslateOptions} allow.
 */
import type { Action, FlowSpec } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { Sighting } from "../bridge/mac-table.ts";
import { leaveOff, resume } from "./freeze.ts";
import type { FrozenState } from "./frozen-state.ts";
import { finishMask, startMask } from "./megaflow-mask.ts";
import { deliverDhcpReply } from "./output/dhcp-reply.ts";
import type { NeighborSighting } from "./output/tunnel-end.ts";
import type { PacketState } from "./packet/packet-state.ts";
import type { Surroundings, Translation, TranslationObserver } from "./translation.ts";
import { Walk } from "./walk.ts";

/**
 * Sees to it that a flow is there that a packet teaches.
 *
 * @returns whether it is; `undefined` when that cannot be told, and then the answer is not cacheable
 */
export type LearnFlow = (bridge: Bridge, flow: FlowSpec, limit: number) => boolean | undefined;

/** Notes where a neighbour is that a packet comes from, or tells of. */
export type MeetNeighbor = (bridge: Bridge, sighting: NeighborSighting) => void;

/** What a translation may do besides answering. */
export interface TranslateOptions {
  /** Called when NORMAL sees a source address; absent: nothing is learned. @returns whether it was not known to be there */
  readonly learn?: (bridge: Bridge, sighting: Sighting) => boolean;
  /** Called when `learn` teaches a flow; absent: it teaches nothing. */
  readonly learnFlow?: LearnFlow;
  /** Called when a packet shows where a neighbour of a tunnel's end is; absent: nothing is noted. */
  readonly meetNeighbor?: MeetNeighbor;
  readonly observer?: TranslationObserver;
  /** Executes these instead of looking up table 0 (packet-out). */
  readonly actions?: readonly Action[];
  /** Goes on with this instead of looking up table 0 (the packet was recirculated). */
  readonly frozen?: FrozenState;
  /** Used for the packet; the answer's `mask` and `finalFlow` are then its own, good until it is used again. Absent: a new one. */
  readonly packet?: PacketState;
}

/** Translates a packet that came in at a bridge; `key.in_port` is an OpenFlow port of it. */
export function translate(bridge: Bridge, key: Uint32Array, around: Surroundings, options: TranslateOptions = {}): Translation {
  const { observer, frozen, actions } = options;
  const walk = new Walk(bridge, key, around, options);
  const { wildcards, flow } = walk.packet;
  startMask(wildcards, key);
  observer?.start(wildcards, flow);
  observer?.enterBridge(bridge);
  walk.startMirroring(frozen?.mirrored);
  if (frozen !== undefined) resume(walk, frozen);
  else if (actions === undefined) {
    walk.enterBridge();
    if (bridge.pipeline.table(0).hidden !== undefined) deliverDhcpReply(walk);
  } else {
    walk.mirrorInput();
    walk.execute(actions);
  }
  leaveOff(walk);
  observer?.leaveBridge();
  finishMask(wildcards, key, around.vlanLimit);
  return walk.translation;
}
