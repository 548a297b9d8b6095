/**
 * How a port of the database treats VLAN tags in NORMAL forwarding.
 *
 * A packet is in one VLAN of the bridge. What comes in tells the VLAN by its tag, or the port does; what goes out is
 * tagged as the port wants. A `dot1q-tunnel` port puts the customer's packet, tag and all, into the VLAN of the port.
 *
 * @see ovs-vswitchd.conf.db(5), Port table, VLAN configuration
 */

/** VLAN settings of a port. */
export interface PortVlan {
  readonly mode: "access" | "trunk" | "native-tagged" | "native-untagged" | "dot1q-tunnel";
  /** VLAN of untagged packets; of a tunnel, of all; 0 for a trunk. */
  readonly tag: number;
  /** VLANs that a trunk carries; empty = all. */
  readonly trunks: readonly number[];
  /** The customers' VLANs that a tunnel carries; absent = all. */
  readonly customerVlans?: readonly number[];
  /** Ethernet type of the tag that a tunnel's packets have on trunks; absent = 0x88a8. */
  readonly tunnelEthType?: number;
  /** Whether packets in no VLAN leave with a tag for their priority; absent = never. */
  readonly priorityTags?: "if-nonzero" | "always";
}

/** A trunk of all VLANs: what a port is unless told otherwise. */
export const TRUNK_ALL: PortVlan = { mode: "trunk", tag: 0, trunks: [] };

const TUNNEL_ETH_TYPE = 0x88a8;

/** Ethernet type of the tag that packets of a tunnel have on trunks. */
export function tunnelEthTypeOf({ tunnelEthType }: PortVlan): number {
  return tunnelEthType ?? TUNNEL_ETH_TYPE;
}

/** The VLAN of the bridge that a packet belongs to; `undefined` when the port refuses it. `vid` is 0 when there is no tag. */
export function vlanOfInput(port: PortVlan, vid: number): number | undefined {
  switch (port.mode) {
    case "access":
      return vid === 0 ? port.tag : undefined;
    case "dot1q-tunnel":
      return admitsCustomer(port, vid) ? port.tag : undefined;
    case "trunk":
      return isTrunked(port, vid) ? vid : undefined;
    default:
      if (vid === 0) return port.tag;
      return isTrunked(port, vid) ? vid : undefined;
  }
}

/** Whether packets that come in here can be in a VLAN of the bridge: that of the port, or the one that their tag says. */
export function admitsVlan(port: PortVlan, vlan: number): boolean {
  return vlanOfInput(port, vlan) === vlan || (port.mode !== "trunk" && vlan === port.tag);
}

/** Whether packets of a VLAN of the bridge leave here; `customerVid` is the tag beneath, of a packet in a tunnel. */
export function carriesVlan(port: PortVlan, vlan: number, customerVid: number): boolean {
  if (port.mode === "access") return vlan === port.tag && customerVid === 0;
  if (port.mode === "dot1q-tunnel") return vlan === port.tag && admitsCustomer(port, customerVid);
  if (port.mode !== "trunk" && vlan === 0 && port.tag !== 0) return false; // it would come back in the native VLAN
  return isTrunked(port, vlan);
}

/** Whether two ports treat tags alike. */
export function isSameVlan(a: PortVlan, b: PortVlan): boolean {
  return (
    a.mode === b.mode &&
    a.tag === b.tag &&
    a.trunks.join() === b.trunks.join() &&
    a.customerVlans?.join() === b.customerVlans?.join() &&
    a.tunnelEthType === b.tunnelEthType &&
    a.priorityTags === b.priorityTags
  );
}

/** A native port carries its own VLAN, whatever its trunks are, if it has one. */
function isTrunked({ mode, tag, trunks }: PortVlan, vlan: number): boolean {
  return trunks.length === 0 || trunks.includes(vlan) || (mode !== "trunk" && vlan === tag && tag !== 0);
}

function admitsCustomer({ customerVlans }: PortVlan, vid: number): boolean {
  return customerVlans === undefined || customerVlans.includes(vid);
}
