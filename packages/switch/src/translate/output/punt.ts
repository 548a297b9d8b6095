/** Packets for controllers, with what they are told of the pipeline. */
import { FIELDS } from "@tenet/net";
import { type Action, METER, PACKET_IN_REASON } from "@tenet/openflow";
import type { FrozenState } from "../frozen-state.ts";
import { CT_END, NO_OUTPUT } from "../packet/pipeline-flow.ts";
import { EXPLICIT_MISS } from "../translation.ts";
import type { Walk } from "../walk.ts";

type ControllerAction = Extract<Action, { type: "controller" }>;
/** What says which controllers get the packet, and why. */
export type PuntReason = Pick<ControllerAction, "maxLength" | "reason" | "controllerId" | "userdata" | "meter">;

const ACTION_SET_OUTPUT = FIELDS.actset_output.word;
/** `max_len` that asks for the whole packet. */
export const WHOLE_PACKET = 0xffff;

/** Sends the packet to controllers; `paused` is where it goes on when one gives it back. */
export function punt(walk: Walk, reason: PuntReason, paused?: FrozenState): void {
  const { bridge, packet, out, around, table, cookie } = walk;
  packet.commit(out);
  const userdata = around.puntId({
    bridge,
    maxLength: reason.maxLength,
    reason: reasonOf(walk, reason),
    controllerId: reason.controllerId,
    userdata: reason.userdata,
    meter: bridge.pipeline.meters.get(reason.meter ?? METER.CONTROLLER)?.datapathMeter,
    table,
    cookie,
    paused,
    isTracked: walk.isTracked,
    metadata: metadataOf(packet.flow),
  });
  out.push({ type: "userspace", userdata });
}

/** Where the walk is says more than that an action said so; one with more to say than the port `controller` is told as it is. */
function reasonOf(walk: Walk, { reason, controllerId, userdata }: PuntReason): number {
  if (reason !== PACKET_IN_REASON.ACTION) return reason;
  if (controllerId === 0 && userdata === undefined) {
    if (walk.isPacketOut) return PACKET_IN_REASON.PACKET_OUT;
    if (walk.isInBucket) return PACKET_IN_REASON.GROUP;
    if (walk.isInActionSet) return PACKET_IN_REASON.ACTION_SET;
  }
  return walk.rule?.isTableMiss === true ? EXPLICIT_MISS : reason;
}

/** The pipeline fields of a flow, without packet headers and what the connection tracker says of each packet anew. */
function metadataOf(flow: Uint32Array): Uint32Array {
  const metadata = flow.slice();
  metadata.fill(0, FIELDS.ct_state.word, CT_END);
  metadata.fill(0, FIELDS.eth_dst.word);
  if (metadata[ACTION_SET_OUTPUT] === NO_OUTPUT) metadata[ACTION_SET_OUTPUT] = 0;
  return metadata;
}
