/** A port of a bridge as the pipeline sees it, and the bundle that it is in. */
import type { TunnelConfig } from "../tunnel/tunnel-config.ts";
import type { Bond } from "./bond.ts";
import type { PortVlan } from "./port-vlan.ts";

/** Where packets sent to a port go. */
export type PortLink =
  | { readonly kind: "datapath"; readonly portNo: number }
  /** `peer` is the name of the other patch interface. */
  | { readonly kind: "patch"; readonly peer: string }
  /** `portNo` is the datapath port that tunnels of its kind share. */
  | { readonly kind: "tunnel"; readonly portNo: number; readonly config: TunnelConfig }
  /** The device could not be opened; packets are dropped. */
  | { readonly kind: "none" };

/** Packet counters that the bridge keeps itself, for patch ports and tunnels. */
export interface PatchCounters {
  rxPackets: number;
  rxBytes: number;
  txPackets: number;
  txBytes: number;
}

/** One OpenFlow port. */
export interface BridgePort {
  /** Name of the interface. */
  readonly name: string;
  /** OpenFlow port number. */
  readonly ofport: number;
  link: PortLink;
  /** Whether a network device of this name is behind it. */
  readonly hasDevice: boolean;
  /** Whether that is a device that the switch makes, or memory in the place of one. */
  readonly isInternal: boolean;
  /** What NORMAL knows it by. */
  readonly bundle: Bundle;
  /** 48-bit address. */
  mac: number;
  /** Largest packet of its device, in bytes; `undefined` for patch ports and tunnels. */
  mtu: number | undefined;
  /** Bits of OpenFlow's port config (1 = down, 2 = no STP, 4 = no receive, 8 = no receive of STP, 16 = no flood, 32 = no forward, 64 = no packet-in). */
  config: number;
  /** Whether it can carry packets. */
  isUp: boolean;
  /** Whether its device is switched on. */
  isEnabled: boolean;
  /** The datapath's numbers of meters that limit what comes in; to be changed by `VirtualSwitch.setPolicing`. */
  policers: readonly number[];
  /** How often `isUp` has changed. */
  nLinkChanges: number;
  /** Monotonic ms. */
  readonly createdMs: number;
  readonly patchCounters: PatchCounters;
}

/**
 * A port of the database: one interface, or several that act as one.
 *
 * OpenFlow sees interfaces. NORMAL sees bundles: VLANs, learned addresses and mirrors are theirs.
 */
export interface Bundle {
  readonly name: string;
  /** Its interfaces, by number; changed by adding and removing ports of the bridge. */
  readonly members: BridgePort[];
  vlan: PortVlan;
  /** Protected ports send nothing to each other. */
  isProtected: boolean;
  /** How its interfaces share the traffic; absent when it is made for one. */
  bond: Bond | undefined;
}

/** OpenFlow port config: leave this port out of floods (OpenFlow 1.0). */
export const NO_FLOOD = 16;
/** OpenFlow port config: drop what is sent to this port, and what comes in. */
export const PORT_DOWN = 1;
/** OpenFlow port config: drop what comes in, but for frames of 802.1D. */
export const NO_RECV = 4;
/** OpenFlow port config: drop frames of 802.1D that come in (OpenFlow 1.0). */
export const NO_RECV_STP = 8;
/** OpenFlow port config: drop what is sent to this port. */
export const NO_FWD = 32;
