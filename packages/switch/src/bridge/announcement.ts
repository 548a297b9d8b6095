/**
 * What a bond says when another of its members has become active: for each sender that is not behind the bond, a RARP
 * packet in its name, so that the switches out there learn where it is now.
 */
import { buildArp, buildEthernet, buildVlan, ETH_TYPE, MAC_BROADCAST } from "@tenet/net";
import type { Bundle } from "./bridge-port.ts";
import type { MacEntry } from "./mac-table.ts";
import { carriesVlan } from "./port-vlan.ts";

const REVERSE_REQUEST = 3;

/** The frames to send out of a bundle, each with its sender and the VLAN of its tag (0 = none). */
export interface Announcement {
  readonly frame: Uint8Array;
  readonly mac: number;
  readonly vid: number;
}

/** Announces the senders that are elsewhere, in the VLANs that the bundle carries. */
export function* announcementsOf(bundle: Bundle, entries: Iterable<MacEntry>): Generator<Announcement> {
  const { mode, tag } = bundle.vlan;
  for (const { bundle: home, mac, vlan } of entries) {
    if (home === bundle || !carriesVlan(bundle.vlan, vlan, 0)) continue;
    const isHidden = mode === "access" || mode === "dot1q-tunnel" || (mode === "native-untagged" && vlan === tag);
    const vid = isHidden ? 0 : vlan;
    const arp = { operation: REVERSE_REQUEST, senderMac: mac, senderIp: 0, targetMac: mac, targetIp: 0 };
    const frame = buildEthernet({ dst: MAC_BROADCAST, src: mac, type: ETH_TYPE.rarp }, buildArp(arp));
    yield { frame: vid === 0 ? frame : buildVlan({ vid }, frame), mac, vid };
  }
}
