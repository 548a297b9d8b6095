/**
 * Sends the packet in hand out of bundles, tagged as each wants it.
 *
 * A packet is in one VLAN of the bridge ({@link InVlan}); its own tag says which, or the port it came in at, whose
 * tunnel may hide the packet's own tag beneath that VLAN. Its tags are as they were again after each output.
 */
import { ETH_TYPE, FIELDS, VLAN_PRESENT } from "@tenet/net";
import type { BridgePort, Bundle } from "../../bridge/bridge-port.ts";
import { carriesVlan, type PortVlan, tunnelEthTypeOf, vlanOfInput } from "../../bridge/port-vlan.ts";
import type { PacketState } from "../packet/packet-state.ts";
import type { Walk } from "../walk.ts";
import { outputCut, outputTo } from "./output-port.ts";

/** Bits of the tag that hold the VLAN. */
export const VID_BITS = 0xfff;
const N_VID_BITS = 12;
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
  /** The VLAN beneath that: the customer's own, in a network of tunnels; 0 when there is none in sight. */
  readonly customerVid: number;
  /** Set when the packet's own tag lies beneath the VLAN: it came in at such a tunnel. */
  readonly tunnel: PortVlan | undefined;
}

/** The packet's tag, without the priority, which is read where it matters; 0 = none. */
export function readTag(packet: PacketState): number {
  const [word = 0] = packet.readWords(FIELDS.vlan_tci, WITHOUT_PRIORITY);
  return word >>> FIELDS.vlan_tci.shift;
}

/** The VLAN of the bridge that a packet of a bundle is in; `undefined` when the bundle refuses it. */
export function vlanAt({ vlan: port }: Bundle, packet: PacketState): InVlan | undefined {
  const tci = readTag(packet);
  const vlan = vlanOfInput(port, tci & VID_BITS);
  if (vlan === undefined) return undefined;
  const tunnel = port.mode === "dot1q-tunnel" ? port : undefined;
  const customerVid = tunnel === undefined ? readInnerVid(packet, tci) : tci & VID_BITS;
  return { vlan, tci, customerVid, isTagged: tci !== 0 || port.mode !== "trunk", tunnel };
}

function readInnerVid(packet: PacketState, tci: number): number {
  return tci === 0 ? 0 : Number(packet.load({ field: FIELDS.vlan_tci1, start: 0, nBits: N_VID_BITS }));
}

/** Whether the packet leaves at a bundle. */
export function isCarriedBy({ vlan: port }: Bundle, { vlan, customerVid }: InVlan): boolean {
  return carriesVlan(port, vlan, customerVid);
}

/**
 * Sends the packet out of a bundle; nowhere when it is a bond without a member for it.
 *
 * @param maxLength - sends the first bytes alone
 */
export function outputInVlan(walk: Walk, bundle: Bundle, inVlan: InVlan, maxLength?: number): void {
  const { packet } = walk;
  const { tunnel } = inVlan;
  const tag = tagAt(bundle.vlan, inVlan);
  const tci = tag.isOwn ? inVlan.tci : completeTag(packet, bundle.vlan, tag, inVlan);
  const member = bundle.bond === undefined ? bundle.members[0] : chooseMember(walk, bundle, tci & VID_BITS);
  if (member === undefined) return;
  const isPushed = tunnel !== undefined && tag.isOver && tci !== 0;
  const hasInner = bundle.vlan.mode === "access" && inVlan.customerVid !== 0;
  if (tci === inVlan.tci && !isPushed && !hasInner) return outputAll(walk, member, maxLength);
  packet.keepingTags(() => {
    const own = inVlan.tci === 0 ? 0 : packet.read(FIELDS.vlan_tci);
    const isBlank = (own & ~VLAN_PRESENT) === 0 && bundle.vlan.priorityTags !== "always";
    const isReplaced = tag === NO_TAG || own === 0;
    if (bundle.vlan.mode === "access") packet.popVlans();
    else if (own !== 0 && (isReplaced || tci === 0 || (isPushed && isBlank))) packet.popVlan();
    if (isPushed) packet.pushVlan(tunnelEthTypeOf(tunnel), tci);
    else if (isReplaced && tci !== 0) packet.pushVlan(ETH_TYPE.vlan, tci);
    else if (tci !== 0) packet.writeNumber(FIELDS.vlan_tci, tci);
    outputAll(walk, member, maxLength);
  });
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

/** The tag with the priority that it has; 0 when it would say nothing, or the customer's tag comes to light instead. */
function completeTag(packet: PacketState, { mode, priorityTags }: PortVlan, tag: Tag, { tci, customerVid }: InVlan): number {
  if (tag === NO_TAG && mode !== "access" && customerVid !== 0) return 0;
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
