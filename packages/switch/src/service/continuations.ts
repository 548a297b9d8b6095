/**
 * Packets that a controller holds: where they go on travels with them, and comes back.
 *
 * So the switch keeps nothing of them, a controller may hold them as long as it likes, and a change of the tables does not
 * matter. What a packet-in tells of the pipeline (registers, metadata, the ingress port) may come back changed.
 */
import { createHash } from "node:crypto";
import { FIELDS, FLOW_WORDS, getField } from "@tenet/net";
import type { Continuation, PacketIn } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import { RefusedError } from "../table/refused-error.ts";
import type { FrozenState } from "../translate/frozen-state.ts";
import { CT_END, OF_THE_DATAPATH } from "../translate/packet/pipeline-flow.ts";

const ID_BYTES = 16;

/** What goes along with a packet for a controller to hold. */
export function toContinuation({ bridge, frames, stack, actionSet, isTracked, mirrored }: FrozenState): Continuation {
  const mirrors = bridge.mirrors.reduce((bits, mirror, i) => (mirrored.includes(mirror) ? bits | (1 << i) : bits), 0);
  return { bridge: idOf(bridge), stack, mirrors: mirrors >>> 0, isTracked, lists: frames, actionSet };
}

/** Where a packet goes on that comes back. @throws RefusedError when it was not paused by this bridge */
export function fromContinuation(bridge: Bridge, { match, continuation }: PacketIn): FrozenState {
  if (continuation === undefined || Buffer.compare(continuation.bridge, idOf(bridge)) !== 0) {
    throw new RefusedError("NXR_STALE", "the packet was paused by another bridge");
  }
  const { lists, stack, actionSet, isTracked, mirrors } = continuation;
  const metadata = match.key.slice(0, FIELDS.eth_dst.word);
  const written = new Uint32Array(FLOW_WORDS).fill(0xffff_ffff, 0, FIELDS.eth_dst.word);
  written.fill(0, FIELDS.ct_state.word, CT_END);
  for (const word of OF_THE_DATAPATH) written[word] = metadata[word] === 0 ? 0 : 0xffff_ffff;
  return {
    bridge,
    frames: lists.length > 0 ? lists : [{ table: 0, cookie: 0n, actions: [] }],
    table: 0,
    inPort: getField(match.key, FIELDS.in_port),
    packet: { metadata, written: written.slice(0, FIELDS.eth_dst.word), hiddenTags: [] },
    stack,
    actionSet,
    isTracked,
    mirrored: bridge.mirrors.filter((_, i) => ((mirrors >>> i) & 1) !== 0),
  };
}

/** The same for a bridge of the same name, so that packets outlive a restart. */
function idOf({ name }: Bridge): Uint8Array {
  return createHash("sha256").update(name).digest().subarray(0, ID_BYTES);
}
