/** Follows links and delays of bonds, and tells the switches behind one where senders are now. */
import { announcementsOf } from "./announcement.ts";
import type { Bond } from "./bond.ts";
import type { Bridge } from "./bridge.ts";
import type { Bundle } from "./bridge-port.ts";
import type { Work } from "../turns.ts";

/** Sends a frame out at a port of a bridge. */
export type SendFrame = (bridge: Bridge, frame: Uint8Array, ofport: number) => void;

/**
 * Runs the bonds of all bridges.
 *
 * @param begin - carries out in turns what there is to send
 * @returns whether any forwards otherwise now
 */
export function runBonds(bridges: Iterable<Bridge>, send: SendFrame, begin: (work: Work) => void): boolean {
  let hasChanged = false;
  for (const bridge of bridges) {
    for (const bundle of bridge.bundles) {
      const { bond } = bundle;
      if (bond === undefined) continue;
      if (bond.run()) hasChanged = true;
      if (bond.takeNewActive()) begin(announcing(bridge, bundle, bond, send));
    }
  }
  return hasChanged;
}

function* announcing(bridge: Bridge, bundle: Bundle, bond: Bond, send: SendFrame): Work {
  for (const { frame, mac, vid } of announcementsOf(bundle, bridge.macs.entries())) {
    const member = bond.choose(bond.hashOf(mac, vid));
    if (member !== undefined) send(bridge, frame, member.ofport);
    yield;
  }
}
