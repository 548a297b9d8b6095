/**
 * MPLS labels of a packet under translation: pushed, popped and set as the datapath will do it.
 *
 * A label hides what is beneath it. When the last one is popped, what comes to light was never parsed; an action that
 * needs it has the packet looked up again.
 *
 *   entry of the stack: | label 20 | traffic class 3 | bottom 1 | TTL 8 |
 *
 * @see RFC 3032; OpenFlow 1.5.1, section 7.2.6.6
 */
import type { DatapathAction } from "@tenet/datapath";
import { ETH_TYPE, FIELDS, STAGE_ENDS } from "@tenet/net";
import type { Action } from "@tenet/openflow";
import { isIp, isMpls } from "../megaflow-mask.ts";
import type { PacketState } from "./packet-state.ts";

const BOTTOM = 0x100;
const DEFAULT_TTL = 64;
/** RFC 3032, section 2.1: no label, what follows is IPv4, or IPv6. */
const EXPLICIT_NULL = { ip4: 0, ip6: 2 } as const;
const [, FIRST_L3_WORD = 0] = STAGE_ENDS;
const STACK = [FIELDS.mpls_lse, FIELDS.mpls_lse1, FIELDS.mpls_lse2] as const;

/** The label to push: a copy of the outermost, or of the IP header's class and TTL. */
export function entryToPush(packet: PacketState): number {
  const ethType = packet.read(FIELDS.eth_type);
  if (isMpls(ethType)) return packet.read(FIELDS.mpls_lse) & ~BOTTOM;
  if (!isIp(ethType)) return BOTTOM | DEFAULT_TTL;
  const label = ethType === ETH_TYPE.ip6 ? EXPLICIT_NULL.ip6 : EXPLICIT_NULL.ip4;
  const trafficClass = (packet.read(FIELDS.nw_tos) >>> 2) & 7;
  return (label << 12) | (trafficClass << 9) | BOTTOM | (packet.read(FIELDS.nw_ttl) || DEFAULT_TTL);
}

/** The labels as they are, outermost first, to the last of the stack; all of them then count, and beneath there is none. */
export function stackOf(packet: PacketState): number[] {
  return isMpls(packet.read(FIELDS.eth_type)) ? readEntries(packet, 0) : STACK.map(() => 0);
}

/** The labels beneath the outermost, of which nothing counts but whether it is the last. */
export function stackBeneath(packet: PacketState): number[] {
  const [outer = 0] = packet.readWords(FIELDS.mpls_lse, Uint32Array.of(BOTTOM));
  return (outer & BOTTOM) !== 0 ? STACK.map(() => 0) : [...readEntries(packet, 1).slice(1), 0];
}

/** The entries from the `first` on, in their places. */
function readEntries(packet: PacketState, first: number): number[] {
  const stack = STACK.map(() => 0);
  for (const [i, field] of STACK.entries()) {
    if (i < first) continue;
    const entry = packet.read(field);
    stack[i] = entry;
    if ((entry & BOTTOM) !== 0) break;
  }
  return stack;
}

/** Lets a label that is pushed last be this one from the start. @returns false when none is */
export function relabelPush(actions: DatapathAction[], entry: number): boolean {
  const last = actions.at(-1);
  if (last?.type !== "pushMpls") return false;
  actions[actions.length - 1] = { ...last, entry };
  return true;
}

/** Whether an action needs what a label hid. */
export function needsParsing(action: Action): boolean {
  switch (action.type) {
    case "output":
    case "outputField":
    case "enqueue":
    case "group":
    case "setQueue":
    case "setVlanVid":
    case "setVlanPcp":
      return false;
    case "setField":
      return action.field.word >= FIRST_L3_WORD || action.field.name === "mpls_lse";
    default:
      return true;
  }
}
