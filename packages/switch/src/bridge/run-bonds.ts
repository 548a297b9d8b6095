/** Follows links and delays of bonds, and tells the switches behind one where senders are now. */
import { announcementsOf } from "./announcement.ts";
import type { Bond } from "./bond.ts";
import type { Bridge } from "./bridge.ts";
import type { Bundle } from "./bridge-port.ts";

/** Sends a frame out at a port of a bridge. */
export type SendFrame = (bridge: Bridge, frame: Uint8Array, ofport: number) => void;

/** Runs the bonds of all bridges. @returns whether any forwards otherwise now */
export function runBonds(bridges: Iterable<Bridge>, send: SendFrame): boolean {
  let hasChanged = false;
  for (const bridge of bridges) {
    for (const bundle of bridge.bundles) {
      const { bond } = bundle;
      if (bond === undefined) continue;
      if (bond.run()) hasChanged = true;
      if (bond.takeNewActive()) announce(bridge, bundle, bond, send);
    }
  }
  return hasChanged;
}

function announce(bridge: Bridge, bundle: Bundle, bond: Bond, send: SendFrame): void {
  for (const { frame, mac, vid } of announcementsOf(bundle, bridge.macs.entries())) {
    const member = bond.choose(bond.hashOf(mac, vid));
    if (member !== undefined) send(bridge, frame, member.ofport);
  }
}
