/**
 * NORMAL: what a learning switch does.
 *
 * Learns the source address in the packet's VLAN, sends to where the destination was seen, and else floods.
 * Reads Ethernet source and destination and the VLAN, so they are in the megaflow; the priority only where it shows.
 */
import { ETH_TYPE, FIELDS, formatMac, isMulticastMac, MAC_BROADCAST } from "@tenet/net";
import { PORT } from "@tenet/openflow";
import type { Bridge } from "../../bridge/bridge.ts";
import type { BridgePort, Bundle } from "../../bridge/bridge-port.ts";
import { isFloodable, outside } from "../../bridge/bundle.ts";
import { isReservedMac } from "../../bridge/reserved-mac.ts";
import { keyOf } from "../../bridge/mac-table.ts";
import type { PacketState } from "../packet/packet-state.ts";
import type { Walk } from "../walk.ts";
import { type InVlan, isCarriedBy, outputInVlan, readTag, VID_BITS, vlanAt } from "./in-vlan.ts";

/** Ethernet types that announce a tag. */
const TAG_TYPES: ReadonlySet<number> = new Set([0x8100, 0x88a8]);
const ARP_REQUEST = 1;
const ARP_REPLY = 2;

/** Forwards the packet in hand as a learning switch. */
export function forwardNormally(walk: Walk): void {
  const { bridge, packet, observer, inPort: ofport } = walk;
  const isOutside = ofport === PORT.NONE || ofport === PORT.CONTROLLER;
  const inPort = bridge.port(ofport) ?? (isOutside ? outside(ofport) : undefined);
  const src = packet.readMac(FIELDS.eth_src);
  const dst = packet.readMac(FIELDS.eth_dst);
  if (inPort === undefined) {
    observer?.failure(`received packet on unknown port ${ofport}`);
    return observer?.warning("no input bundle, dropping");
  }
  const tci = readTag(packet);
  if (tci === 0 && TAG_TYPES.has(packet.read(FIELDS.eth_type))) {
    return observer?.note(`dropping packet with partial VLAN tag received on port ${inPort.bundle.name}`);
  }
  const inVlan = vlanAt(inPort.bundle, packet);
  if (inVlan === undefined) {
    observer?.failure(whyNotAdmitted(inPort.bundle, tci & VID_BITS));
    return observer?.warning("disallowed VLAN VID for this input port, dropping");
  }
  if (!bridge.forwardsReserved && isReservedMac(dst)) return observer?.note("packet has reserved destination MAC, dropping");
  const { vlan } = inVlan;
  const source = { vlan, mac: src, isGratuitous: bridge.hasBond && isGratuitousArp(packet, dst) };
  const refusal = refusalOfBond(walk, inPort, dst, source);
  if (refusal !== undefined) return observer?.note(refusal);
  if (!isOutside) learnSource(walk, inPort, source);
  const target = bridge.floodVlans.has(vlan) || isMulticastMac(dst) ? undefined : lookUpMac(walk, vlan, dst);
  if (target === undefined) {
    observer?.note("no learned MAC for destination, flooding");
    return flood(walk, inPort, inVlan);
  }
  if (target === inPort.bundle) return observer?.note("learned port is input port, dropping");
  if (isForMirrors(bridge, target)) return observer?.note("learned port is a mirror port, dropping");
  observer?.note("forwarding to learned port");
  outputInVlan(walk, target, inVlan);
}

/** What is wrong with a packet of a VLAN that a bundle does not take. */
function whyNotAdmitted({ name, vlan: { mode, tag } }: Bundle, vid: number): string {
  if (mode === "access")
    return `dropping VLAN ${vid} tagged packet received on port ${name} configured as VLAN ${tag} access port`;
  if (mode === "dot1q-tunnel") return `dropping VLAN ${vid} packet received on dot1q-tunnel port ${name} that excludes this VLAN`;
  return `dropping VLAN ${vid} packet received on port ${name} not configured for trunking VLAN ${vid}`;
}

function lookUpMac({ bridge, macLookups }: Walk, vlan: number, mac: number): Bundle | undefined {
  macLookups.push({ bridge, name: keyOf(vlan, mac) });
  return bridge.macs.lookup(vlan, mac);
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
function refusalOfBond(walk: Walk, inPort: BridgePort, dst: number, source: Source): string | undefined {
  const admission = inPort.bundle.bond?.admits(inPort, dst) ?? "accept";
  if (admission === "drop") return "bonding refused admissibility, dropping";
  if (admission === "accept") return undefined;
  const { vlan, mac, isGratuitous } = source;
  const known = lookUpMac(walk, vlan, mac);
  const isElsewhere = known !== undefined && known !== inPort.bundle;
  if (!isElsewhere || (isGratuitous && !walk.bridge.macs.isLocked(vlan, mac))) return undefined;
  return "SLB bond thinks this packet looped back, dropping";
}

function learnSource(
  { bridge, effects, learn, observer }: Walk,
  { bundle }: BridgePort,
  { vlan, mac, isGratuitous }: Source,
): void {
  if (isMulticastMac(mac) || bridge.floodVlans.has(vlan)) return;
  if (isGratuitous && bundle.bond !== undefined && bridge.macs.isLocked(vlan, mac)) return;
  const sighting = { vlan, mac, bundle, locks: isGratuitous && bundle.bond === undefined };
  effects.push({ type: "learn", bridge, sighting });
  if (learn?.(bridge, sighting) !== true) return;
  observer?.note(`learned that ${formatMac(mac)} is on port ${bundle.name} in VLAN ${vlan}`);
}

function flood(walk: Walk, inPort: BridgePort, inVlan: InVlan): void {
  const { bridge } = walk;
  for (const bundle of bridge.bundles) {
    const isTarget =
      bundle !== inPort.bundle && isCarriedBy(bundle, inVlan) && isFloodable(bundle) && !isForMirrors(bridge, bundle);
    if (isTarget) outputInVlan(walk, bundle, inVlan);
  }
}

/** Whether a bundle carries copies for a mirror, and nothing else. */
function isForMirrors({ mirrors }: Bridge, bundle: Bundle): boolean {
  return mirrors.some((mirror) => mirror.isReserved(bundle));
}
