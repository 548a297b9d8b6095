/** Making bundles, and what follows from their interfaces. */
import { type BridgePort, type Bundle, NO_FLOOD } from "./bridge-port.ts";
import { type PortVlan, TRUNK_ALL } from "./port-vlan.ts";

/** A bundle without interfaces yet. */
export function makeBundle(name: string, vlan: PortVlan = TRUNK_ALL): Bundle {
  return { name, members: [], vlan, isProtected: false, bond: undefined };
}

/** Whether floods go to a bundle. */
export function isFloodable({ members }: Bundle): boolean {
  return members.every(({ config }) => (config & NO_FLOOD) === 0);
}

/** The sender of a packet-out: no port of the bridge, a trunk of all VLANs. */
export function outside(ofport: number): BridgePort {
  return {
    name: "controller",
    ofport,
    link: { kind: "none" },
    bundle: makeBundle("controller"),
    mac: 0,
    mtu: undefined,
    config: 0,
    isUp: true,
    isEnabled: true,
    policers: [],
    nLinkChanges: 0,
    createdMs: 0,
    hasDevice: false,
    isInternal: false,
    patchCounters: { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0 },
  };
}
