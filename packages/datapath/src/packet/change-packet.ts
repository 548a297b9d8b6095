/** Actions that change the bytes of a packet, which must be its own. */
import type { DatapathAction } from "../datapath.ts";
import { popMpls, pushMpls } from "./mpls.ts";
import type { Packet } from "./packet.ts";
import type { Rewriter } from "./rewrite.ts";
import { popVlan, pushVlan } from "./vlan-tag.ts";

/** Actions that change the packet in hand. */
export type ChangeAction = Extract<DatapathAction, { type: "setMasked" | "pushVlan" | "popVlan" | "pushMpls" | "popMpls" }>;

/** Carries out an action. @returns false when the packet has to be dropped: it has no room in front */
export function changePacket(packet: Packet, action: ChangeAction, rewriter: Rewriter): boolean {
  const { bytes } = packet.arena;
  if (action.type === "pushVlan") return pushVlan(bytes, packet, action.tpid, action.tci);
  if (action.type === "pushMpls") return pushMpls(bytes, packet, action.ethType, action.entry);
  if (action.type === "setMasked") rewriter.apply(bytes, packet.headerAt, packet.at, packet.length, action.key, action.mask);
  else if (action.type === "popMpls") popMpls(bytes, packet, action.ethType);
  else popVlan(bytes, packet);
  return true;
}
