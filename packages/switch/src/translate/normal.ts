/**
 * NORMAL: what a learning switch does.
 *
 * Learns the source address in the packet's VLAN, sends to where the destination was seen, and else floods.
 * Reads Ethernet source and destination and the tag, so they are in the megaflow.
 */
import { FIELDS, formatMac, isMulticastMac, VLAN_PRESENT } from "@tenet/net";
import type { Bridge } from "../bridge/bridge.ts";
import { type BridgePort, carriesVlan, NO_FLOOD } from "../bridge/bridge-port.ts";
import { keyOf } from "../bridge/mac-table.ts";
import type { PacketState } from "./packet-state.ts";

/** Ethernet types that announce a tag. */
const TAG_TYPES: ReadonlySet<number> = new Set([0x8100, 0x88a8]);
/** Bits of the tag that hold the VLAN. */
const VID_BITS = 0xfff;
/** Bits of the tag that hold the priority. */
const PRIORITY_BITS = 0xe000;
/** 01:80:c2:00:00:00 to :0f are for neighbouring bridges alone (IEEE 802.1Q, table 8-1). */
const RESERVED_MAC_BASE = 0x0180c2000000;

/** How NORMAL reaches the rest of the translation. */
export interface NormalContext {
  readonly bridge: Bridge;
  readonly inPort: BridgePort;
  readonly packet: PacketState;
  output(port: BridgePort): void;
  learn(vlan: number, mac: number, port: number): void;
  lookUp(vlan: number, mac: number): number | undefined;
  note(text: string): void;
}

/** Forwards the packet in hand as a learning switch. */
export function forwardNormally(context: NormalContext): void {
  const { bridge, inPort, packet } = context;
  const src = packet.readMac(FIELDS.eth_src);
  const dst = packet.readMac(FIELDS.eth_dst);
  const tci = packet.read(FIELDS.vlan_tci);
  const isCut = tci === 0 && TAG_TYPES.has(packet.read(FIELDS.eth_type));
  if (isCut) return context.note("dropping packet whose VLAN tag is cut off");
  const vlan = inputVlan(inPort, tci);
  if (vlan === undefined) return context.note("dropping packet whose VLAN the port does not carry");
  if (dst - RESERVED_MAC_BASE >= 0 && dst - RESERVED_MAC_BASE <= 0xf) {
    return context.note(`dropping packet to reserved address ${formatMac(dst)}`);
  }
  if (!isMulticastMac(src)) context.learn(vlan, src, inPort.ofport);
  const send = (port: BridgePort): void => outputInVlan(context, port, vlan, tci);
  if (isMulticastMac(dst)) {
    context.note("forwarding to all ports (multicast or broadcast)");
    return flood(bridge, inPort, vlan, send);
  }
  const learned = context.lookUp(vlan, dst);
  const target = learned === undefined ? undefined : bridge.port(learned);
  if (target === undefined) {
    context.note("no learned MAC for destination, flooding");
    return flood(bridge, inPort, vlan, send);
  }
  if (target === inPort) return context.note("learned port is input port, dropping");
  context.note(`forwarding to learned port ${target.name}`);
  if (carriesVlan(target.vlan, vlan)) send(target);
}

/** The name under which a lookup of NORMAL is remembered. */
export const macLookupName: (vlan: number, mac: number) => string = keyOf;

function inputVlan({ vlan: portVlan }: BridgePort, tci: number): number | undefined {
  const vid = tci & VID_BITS;
  if (portVlan.mode === "access") return vid === 0 ? portVlan.tag : undefined;
  if (vid === 0) return portVlan.tag;
  return carriesVlan(portVlan, vid) ? vid : undefined;
}

function flood(bridge: Bridge, inPort: BridgePort, vlan: number, send: (port: BridgePort) => void): void {
  for (const port of bridge.ports()) {
    if (port !== inPort && (port.config & NO_FLOOD) === 0 && carriesVlan(port.vlan, vlan)) send(port);
  }
}

function outputInVlan({ packet, output }: NormalContext, port: BridgePort, vlan: number, tci: number): void {
  const { mode, tag } = port.vlan;
  const isUntagged = mode === "access" || (mode === "native-untagged" && vlan === tag);
  const content = (tci & PRIORITY_BITS) | vlan; // a tag that would say nothing is left out
  const wanted = isUntagged || content === 0 ? 0 : VLAN_PRESENT | content;
  if (wanted === tci) return output(port);
  packet.writeNumber(FIELDS.vlan_tci, wanted);
  output(port);
  packet.writeNumber(FIELDS.vlan_tci, tci);
}
