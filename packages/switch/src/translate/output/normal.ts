/**
 * NORMAL: what a learning switch does.
 *
 * Learns the source address in the packet's VLAN, sends to where the destination was seen, and else floods.
 * Reads Ethernet source and destination and the VLAN, so they are in the megaflow; the priority only where it shows.
 */
import { ETH_TYPE, FIELDS, isMulticastMac, MAC_BROADCAST } from "@tenet/net";
import type { Bridge } from "../../bridge/bridge.ts";
import type { BridgePort, Bundle } from "../../bridge/bridge-port.ts";
import { isFloodable } from "../../bridge/bundle.ts";
import type { Sighting } from "../../bridge/mac-table.ts";
import { type Forwarding, type InVlan, isCarriedBy, outputInVlan, readTag, vlanAt } from "./in-vlan.ts";
import { isReservedMac } from "./mirroring.ts";
import type { PacketState } from "../packet/packet-state.ts";

/** Ethernet types that announce a tag. */
const TAG_TYPES: ReadonlySet<number> = new Set([0x8100, 0x88a8]);
const ARP_REQUEST = 1;
const ARP_REPLY = 2;

/** How NORMAL reaches the rest of the translation. */
export interface NormalContext extends Forwarding {
  readonly bridge: Bridge;
  readonly inPort: BridgePort;
  learn(sighting: Sighting): void;
  lookUp(vlan: number, mac: number): Bundle | undefined;
  note(text: string): void;
}

/** Forwards the packet in hand as a learning switch. */
export function forwardNormally(context: NormalContext): void {
  const { bridge, inPort, packet } = context;
  const src = packet.readMac(FIELDS.eth_src);
  const dst = packet.readMac(FIELDS.eth_dst);
  const tci = readTag(packet);
  if (tci === 0 && TAG_TYPES.has(packet.read(FIELDS.eth_type))) {
    return context.note(`dropping packet with partial VLAN tag received on port ${inPort.bundle.name}`);
  }
  const inVlan = vlanAt(inPort.bundle, tci);
  if (inVlan === undefined) return context.note("disallowed VLAN VID for this input port, dropping");
  if (isReservedMac(dst)) return context.note("packet has reserved destination MAC, dropping");
  const { vlan } = inVlan;
  const isGratuitous = bridge.hasBond && isGratuitousArp(packet, dst);
  const refusal = refusalOfBond(context, dst, { vlan, mac: src, isGratuitous });
  if (refusal !== undefined) return context.note(refusal);
  learnSource(context, { vlan, mac: src, isGratuitous });
  const target = bridge.floodVlans.has(vlan) || isMulticastMac(dst) ? undefined : context.lookUp(vlan, dst);
  if (target === undefined) {
    context.note("no learned MAC for destination, flooding");
    return flood(context, inVlan);
  }
  if (target === inPort.bundle) return context.note("learned port is input port, dropping");
  if (isForMirrors(bridge, target)) return context.note("learned port is a mirror port, dropping");
  context.note("forwarding to learned port");
  outputInVlan(context, target, inVlan);
}

interface Source {
  readonly vlan: number;
  readonly mac: number;
  readonly isGratuitous: boolean;
}

/** Whether a host tells everyone where it is. */
function isGratuitousArp(packet: PacketState, dst: number): boolean {
  if (packet.read(FIELDS.eth_type) !== ETH_TYPE.arp || dst !== MAC_BROADCAST) return false;
  const operation = packet.read(FIELDS.nw_proto);
  if (operation === ARP_REPLY) return true;
  return operation === ARP_REQUEST && packet.read(FIELDS.nw_src) === packet.read(FIELDS.nw_dst);
}

/**
 * Why a bond does not take a packet in. A network behind a `balance-slb` bond reflects what one member sent to the
 * others: what comes from an address that was seen elsewhere is such a reflection, unless its host says by gratuitous
 * ARP that it has moved.
 */
function refusalOfBond({ bridge, inPort, lookUp }: NormalContext, dst: number, source: Source): string | undefined {
  const admission = inPort.bundle.bond?.admits(inPort, dst) ?? "accept";
  if (admission === "drop") return "bonding refused admissibility, dropping";
  if (admission === "accept") return undefined;
  const { vlan, mac, isGratuitous } = source;
  const known = lookUp(vlan, mac);
  const isElsewhere = known !== undefined && known !== inPort.bundle;
  if (!isElsewhere || (isGratuitous && !bridge.macs.isLocked(vlan, mac))) return undefined;
  return "SLB bond thinks this packet looped back, dropping";
}

function learnSource({ bridge, inPort, learn }: NormalContext, { vlan, mac, isGratuitous }: Source): void {
  if (isMulticastMac(mac) || bridge.floodVlans.has(vlan)) return;
  const { bundle } = inPort;
  if (isGratuitous && bundle.bond !== undefined && bridge.macs.isLocked(vlan, mac)) return;
  learn({ vlan, mac, bundle, locks: isGratuitous && bundle.bond === undefined });
}

function flood(context: NormalContext, inVlan: InVlan): void {
  const { bridge, inPort } = context;
  for (const bundle of bridge.bundles) {
    const isTarget =
      bundle !== inPort.bundle && isCarriedBy(bundle, inVlan) && isFloodable(bundle) && !isForMirrors(bridge, bundle);
    if (isTarget) outputInVlan(context, bundle, inVlan);
  }
}

/** Whether a bundle carries copies for a mirror, and nothing else. */
function isForMirrors({ mirrors }: Bridge, bundle: Bundle): boolean {
  return mirrors.some((mirror) => mirror.isReserved(bundle));
}
