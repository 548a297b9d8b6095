/** A port of a bridge as the pipeline sees it. */

/** How a port treats VLAN tags in NORMAL forwarding. */
export interface PortVlan {
  readonly mode: "access" | "trunk" | "native-tagged" | "native-untagged";
  /** VLAN of untagged packets; 0 for a trunk. */
  readonly tag: number;
  /** VLANs carried; empty = all. */
  readonly trunks: readonly number[];
}

/** A trunk of all VLANs: what a port is unless told otherwise. */
export const TRUNK_ALL: PortVlan = { mode: "trunk", tag: 0, trunks: [] };

/** Where packets sent to a port go. */
export type PortLink =
  | { readonly kind: "datapath"; readonly portNo: number }
  /** `peer` is the name of the other patch interface. */
  | { readonly kind: "patch"; readonly peer: string }
  /** The device could not be opened; packets are dropped. */
  | { readonly kind: "none" };

/** Packet counters that the bridge keeps itself, for patch ports. */
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
  vlan: PortVlan;
  /** 48-bit address. */
  mac: number;
  /** Bits of OpenFlow's port config (1 = down, 4 = no receive, 16 = no flood, 32 = no forward, 64 = no packet-in). */
  config: number;
  /** Whether it can carry packets. */
  isUp: boolean;
  /** Whether its device is switched on. */
  isEnabled: boolean;
  /** How often `isUp` has changed. */
  nLinkChanges: number;
  /** Monotonic ms. */
  readonly createdMs: number;
  readonly patchCounters: PatchCounters;
}

/** OpenFlow port config: leave this port out of floods (OpenFlow 1.0). */
export const NO_FLOOD = 16;
/** OpenFlow port config: drop what is sent to this port, and what comes in. */
export const PORT_DOWN = 1;
/** OpenFlow port config: drop what comes in. */
export const NO_RECV = 4;
/** OpenFlow port config: drop what is sent to this port. */
export const NO_FWD = 32;

/** Whether a port carries packets of a VLAN (0 = none). What has none, on a native port, has the port's. */
export function carriesVlan({ mode, tag, trunks }: PortVlan, vlan: number): boolean {
  if (mode === "access" || (mode !== "trunk" && vlan === 0)) return vlan === tag;
  if (mode !== "trunk" && vlan === tag) return true;
  return trunks.length === 0 || trunks.includes(vlan);
}

/** The sender of a packet-out: no port of the bridge, a trunk of all VLANs. */
export function outside(ofport: number): BridgePort {
  return {
    name: "controller",
    ofport,
    link: { kind: "none" },
    vlan: TRUNK_ALL,
    mac: 0,
    config: 0,
    isUp: true,
    isEnabled: true,
    nLinkChanges: 0,
    createdMs: 0,
    patchCounters: { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0 },
  };
}
