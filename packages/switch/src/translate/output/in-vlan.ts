/**
 * Sends the packet in hand out of bundles, tagged as each wants it.
 *
 * A packet is in one VLAN of the bridge ({@link InVlan}); its own tag says which, or the port it came in at, whose
 * tunnel may hide the packet's own tag beneath that VLAN. Its tag is as it was again after each output.
 */
import { FIELDS, VLAN_PRESENT } from "@tenet/net";
import type { BridgePort, Bundle } from "../../bridge/bridge-port.ts";
import { carriesVlan, type PortVlan, tunnelEthTypeOf, vlanOfInput } from "../../bridge/port-vlan.ts";
import type { PacketState } from "../packet/packet-state.ts";
import type { Walk } from "../walk.ts";
import { outputCut, outputTo } from "./output-port.ts";

/** Bits of the tag that hold the VLAN. */
const VID_BITS = 0xfff;
/** Bits of the tag that hold the priority. */
const PRIORITY_BITS = 0xe000;
const WITHOUT_PRIORITY = Uint32Array.of((VLAN_PRESENT | VID_BITS) << FIELDS.vlan_tci.shift);

/** The VLAN of the bridge that the packet in hand is in. */
export interface InVlan {
  readonly vlan: number;
  /** The packet's own tag, as {@link readTag} gives it. */
  readonly tci: number;
  /** Whether the packet has a tag, or its port gave it one. */
  readonly isTagged: boolean;
  /** Set when the packet's own tag lies beneath the VLAN: it came in at such a tunnel. */
  readonly tunnel: PortVlan | undefined;
}

/** The packet's tag, without the priority, which is read where it matters; 0 = none. */
export function readTag(packet: PacketState): number {
  const [word = 0] = packet.readWords(FIELDS.vlan_tci, WITHOUT_PRIORITY);
  return word >>> FIELDS.vlan_tci.shift;
}

/** The VLAN of the bridge that a packet of a bundle is in; `undefined` when the bundle refuses it. */
export function vlanAt({ vlan: port }: Bundle, tci: number): InVlan | undefined {
  const vlan = vlanOfInput(port, tci & VID_BITS);
  if (vlan === undefined) return undefined;
  return { vlan, tci, isTagged: tci !== 0 || port.mode !== "trunk", tunnel: port.mode === "dot1q-tunnel" ? port : undefined };
}

/** Whether the packet leaves at a bundle. */
export function isCarriedBy({ vlan: port }: Bundle, { vlan, tci, tunnel }: InVlan): boolean {
  return carriesVlan(port, vlan, tunnel === undefined ? 0 : tci & VID_BITS);
}

/**
 * Sends the packet out of a bundle; nowhere when it is a bond without a member for it.
 *
 * @param maxLength - sends the first bytes alone
 */
export function outputInVlan(walk: Walk, bundle: Bundle, inVlan: InVlan, maxLength?: number): void {
  const { packet, out } = walk;
  const { tunnel } = inVlan;
  const tag = tagAt(bundle.vlan, inVlan);
  const tci = tag.isOwn ? inVlan.tci : completeTag(packet, bundle.vlan, tag, inVlan);
  const member = bundle.bond === undefined ? bundle.members[0] : chooseMember(walk, bundle, tci & VID_BITS);
  if (member === undefined) return;
  const isPushed = tunnel !== undefined && tag.isOver && tci !== 0;
  if (tci === inVlan.tci && !isPushed) return outputAll(walk, member, maxLength);
  const own = inVlan.tci === 0 ? 0 : packet.read(FIELDS.vlan_tci);
  if (!isPushed) packet.writeNumber(FIELDS.vlan_tci, tci);
  else {
    const isBlank = (own & ~VLAN_PRESENT) === 0 && bundle.vlan.priorityTags !== "always";
    if (isBlank) packet.writeNumber(FIELDS.vlan_tci, 0);
    packet.pushVlan(out, tunnelEthTypeOf(tunnel), tci & ~VLAN_PRESENT);
  }
  outputAll(walk, member, maxLength);
  if (isPushed) packet.popVlan(out);
  packet.writeNumber(FIELDS.vlan_tci, own);
}

function outputAll(walk: Walk, port: BridgePort, maxLength: number | undefined): void {
  if (maxLength === undefined) outputTo(walk, port);
  else outputCut(walk, port.ofport, maxLength);
}

/** A tag as a bundle wants it, before the priority is known. */
interface Tag {
  readonly vid: number;
  /** The packet's own is as it should be. */
  readonly isOwn: boolean;
  /** It lies over the packet's own. */
  readonly isOver: boolean;
  /** It has the priority of the packet's own, whether the bundle wants priorities or not. */
  readonly hasPriority: boolean;
  /** There is a tag, even if it would say nothing. */
  readonly isTagged: boolean;
}

const NO_TAG: Tag = { vid: 0, isOwn: false, isOver: false, hasPriority: false, isTagged: false };

function tagAt(port: PortVlan, { vlan, tci, isTagged, tunnel }: InVlan): Tag {
  const ownVid = tci & VID_BITS;
  const isHidden = port.mode === "dot1q-tunnel" || (port.mode === "native-untagged" && vlan === port.tag);
  if (port.mode === "access" || (isHidden && tunnel === undefined)) return NO_TAG;
  if (isHidden) return { vid: ownVid, isOwn: ownVid !== 0, isOver: false, hasPriority: true, isTagged: tci !== 0 };
  if (tunnel !== undefined) return { vid: vlan, isOwn: false, isOver: true, hasPriority: false, isTagged: true };
  return { vid: vlan, isOwn: vlan !== 0 && vlan === ownVid, isOver: false, hasPriority: true, isTagged };
}

/** The tag with the priority that it has; 0 when it would say nothing. */
function completeTag(packet: PacketState, { priorityTags }: PortVlan, tag: Tag, { tci }: InVlan): number {
  const takesPriority = tci !== 0 && (tag.hasPriority || priorityTags !== undefined);
  const content = tag.vid | (takesPriority ? packet.read(FIELDS.vlan_tci) & PRIORITY_BITS : 0);
  const isKept = priorityTags === "always" && tag.isTagged;
  return content === 0 && !isKept ? 0 : VLAN_PRESENT | content;
}

function chooseMember({ packet, effects }: Walk, { bond }: Bundle, vid: number): BridgePort | undefined {
  const hash = bond?.hashOf(packet.readMac(FIELDS.eth_src), vid);
  const member = bond?.choose(hash);
  if (hash !== undefined && member !== undefined) effects.push({ type: "count", counter: hash });
  return member;
}
