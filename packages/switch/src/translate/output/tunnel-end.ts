/**
 * Packets at a port whose device has addresses: those that are a tunnel's end there, and others tell of neighbours.
 *
 * What is looked at is in the megaflow, in an order that looks at no more than it takes to say no.
 */
import type { DatapathAction } from "@tenet/datapath";
import { ETH_TYPE, FIELDS, type FieldSpec, getFieldBig, ICMP6_TYPE, IP_PROTO } from "@tenet/net";
import type { BridgePort } from "../../bridge/bridge-port.ts";
import type { DeviceAddress } from "../../tunnel/host-network.ts";
import { addressAt, type TunnelAddress } from "../../tunnel/tunnel-config.ts";
import { isIp } from "../megaflow-mask.ts";
import type { PacketState } from "../packet/packet-state.ts";
import type { Walk } from "../walk.ts";

const ARP_REQUEST = 1;
const ARP_REPLY = 2;

/** What a packet says of a neighbour. */
export interface NeighborSighting {
  readonly address: TunnelAddress;
  readonly mac: number;
}

/** What the datapath does with the packet when it is a tunnel's. */
export function endOfTunnel(walk: Walk, port: BridgePort): DatapathAction | undefined {
  const { packet, bridge, around } = walk;
  if (!around.tunnels.hasNative || !around.underlay.isUsed) return undefined;
  const addresses = around.underlay.addressesAt(port);
  if (addresses.length === 0) return undefined;
  const tunnelPort = isIp(packet.read(FIELDS.eth_type)) && isFor(packet, port, addresses) ? tunnelPortOf(walk) : undefined;
  if (tunnelPort !== undefined) {
    walk.meetNeighbor?.(bridge, senderOf(packet.flow));
    return { type: "tunnelPop", port: tunnelPort };
  }
  const sighting = sightNeighbor(packet, around.underlay.addressesOf(bridge.name));
  if (sighting !== undefined) walk.meetNeighbor?.(bridge, sighting);
  return undefined;
}

/** Whether a packet, which is IP, is for an address of a port. */
function isFor(packet: PacketState, port: BridgePort, own: readonly DeviceAddress[]): boolean {
  if (packet.read(FIELDS.vlan_tci) !== 0 || packet.readMac(FIELDS.eth_dst) !== port.mac) return false;
  return isOneOf(own, addressOf(packet, packet.read(FIELDS.eth_type) === ETH_TYPE.ip4 ? FIELDS.nw_dst : FIELDS.ipv6_dst));
}

/** The datapath port of the tunnels that a packet is for; of fragments the first alone would tell. */
function tunnelPortOf(walk: Walk): number | undefined {
  const { packet, around } = walk;
  const { tunnels } = around;
  const family = packet.read(FIELDS.eth_type) === ETH_TYPE.ip4 ? 4 : 6;
  const isFragment = packet.read(FIELDS.nw_frag) !== 0;
  if (isFragment && family === 6) {
    walk.needsWhole = true; // later ones do not tell their protocol
    return undefined;
  }
  const proto = packet.read(FIELDS.nw_proto);
  if (isFragment) walk.needsWhole ||= proto === IP_PROTO.udp || proto === IP_PROTO.gre;
  else if (proto === IP_PROTO.gre) return tunnels.grePortNo(family);
  else if (proto === IP_PROTO.udp) return tunnels.udpPortNo(packet.read(FIELDS.tp_dst));
  return undefined;
}

/**
 * What an ARP packet or a neighbour advertisement tells: answers to addresses of ours, and ARP that somebody sends unasked.
 *
 * @param own - addresses of the bridge
 */
function sightNeighbor(packet: PacketState, own: readonly DeviceAddress[]): NeighborSighting | undefined {
  const ethType = packet.read(FIELDS.eth_type);
  if (ethType === ETH_TYPE.arp) return sightArp(packet, own);
  if (ethType !== ETH_TYPE.ip6 || packet.read(FIELDS.nw_proto) !== IP_PROTO.icmp6) return undefined;
  if (packet.read(FIELDS.tp_src) !== ICMP6_TYPE.neighborAdvertisement || packet.read(FIELDS.tp_dst) !== 0) return undefined;
  if (!isOneOf(own, addressOf(packet, FIELDS.ipv6_dst))) return undefined;
  const mac = packet.readMac(FIELDS.arp_tha);
  return mac === 0 ? undefined : { address: addressOf(packet, FIELDS.nd_target), mac };
}

function sightArp(packet: PacketState, own: readonly DeviceAddress[]): NeighborSighting | undefined {
  const operation = packet.read(FIELDS.nw_proto);
  if (operation !== ARP_REPLY && operation !== ARP_REQUEST) return undefined;
  const source = addressOf(packet, FIELDS.nw_src);
  const target = addressOf(packet, FIELDS.nw_dst);
  const isUnasked = String(source) === String(target);
  if (!isUnasked && !(operation === ARP_REPLY && isOneOf(own, target))) return undefined;
  const mac = packet.readMac(FIELDS.arp_sha);
  return mac === 0 ? undefined : { address: source, mac };
}

/** Who sent a packet that is IP. Nothing is un-wildcarded: it is noted of the packet in hand alone. */
function senderOf(flow: Uint32Array): NeighborSighting {
  const address = addressAt(flow, FIELDS.nw_src.word, FIELDS.ipv6_src.word);
  return { address, mac: Number(getFieldBig(flow, FIELDS.eth_src)) };
}

function addressOf(packet: PacketState, field: FieldSpec): TunnelAddress {
  const [a = 0, b = 0, c = 0, d = 0] = packet.readWords(field).map((word) => word >>> 0);
  return field.nWords === 1 ? [0, 0, 0xffff, a] : [a, b, c, d];
}

function isOneOf(addresses: readonly DeviceAddress[], wanted: TunnelAddress): boolean {
  return addresses.some(({ address }) => address.every((word, i) => word === wanted[i]));
}
