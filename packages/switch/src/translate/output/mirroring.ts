/**
 * Copies packets for the mirrors of a bridge: as they came in, and as they go out.
 *
 * Of one packet, one copy goes to each place.
 */
import { FIELDS } from "@tenet/net";
import type { Bridge } from "../../bridge/bridge.ts";
import type { Bundle } from "../../bridge/bridge-port.ts";
import type { Mirror } from "../../bridge/mirror.ts";
import { isReservedMac } from "../../bridge/reserved-mac.ts";
import type { Walk } from "../walk.ts";
import { type InVlan, isCarriedBy, outputInVlan, vlanAt } from "./in-vlan.ts";

/** Copies one packet, on its way through one bridge. */
export class Mirroring {
  readonly #bridge: Bridge;
  readonly #walk: Walk;
  readonly #served: Set<Mirror>;

  /** @param served - mirrors that have their copy already */
  constructor(walk: Walk, served: readonly Mirror[] = []) {
    this.#bridge = walk.bridge;
    this.#walk = walk;
    this.#served = new Set(served);
  }

  /** Mirrors that have their copy. */
  get served(): Mirror[] {
    return [...this.#served];
  }

  /** The packet came in at a bundle. @returns whether it goes on: ports that mirrors send to take nothing in */
  takeIn(bundle: Bundle): boolean {
    if (this.#bridge.mirrors.some((mirror) => mirror.isReserved(bundle))) {
      this.#walk.observer?.failure(
        `dropping packet received on port ${bundle.name}, which is reserved exclusively for mirroring`,
      );
      return false;
    }
    this.#copy(bundle, (mirror) => mirror.copiesFrom(bundle));
    return true;
  }

  /** The packet went out, as it is now, at a bundle. */
  copyOutput(bundle: Bundle): void {
    this.#copy(bundle, (mirror) => mirror.copiesTo(bundle));
  }

  #copy(bundle: Bundle, isSelected: (mirror: Mirror) => boolean): void {
    const { mirrors } = this.#bridge;
    if (!mirrors.some((mirror) => isSelected(mirror) && !this.#served.has(mirror))) return;
    const inVlan = vlanAt(bundle, this.#walk.packet);
    if (inVlan === undefined) return;
    for (const mirror of mirrors) {
      if (!isSelected(mirror) || this.#served.has(mirror)) continue;
      if (mirror.spec.vlans?.has(inVlan.vlan) === false) continue;
      for (const other of mirrors) if (other.sharesOutput(mirror)) this.#served.add(other);
      this.#walk.effects.push({ type: "count", counter: mirror });
      this.#output(mirror, inVlan);
    }
  }

  #output({ spec: { output, snapLength } }: Mirror, inVlan: InVlan): void {
    if ("bundle" in output) {
      const bundle = this.#bridge.bundles.find(({ name }) => name === output.bundle);
      if (bundle !== undefined) outputInVlan(this.#walk, bundle, inVlan, snapLength);
      return;
    }
    if (output.vlan === inVlan.vlan || this.#isForNeighbours()) return;
    const moved = { ...inVlan, vlan: output.vlan };
    for (const bundle of this.#bridge.bundles) {
      const isReserved = this.#bridge.mirrors.some((mirror) => mirror.isReserved(bundle));
      if (isCarriedBy(bundle, moved) && !isReserved) outputInVlan(this.#walk, bundle, moved, snapLength);
    }
  }

  /** What is not to leave its link is not copied into another VLAN. */
  #isForNeighbours(): boolean {
    return isReservedMac(this.#walk.packet.readMac(FIELDS.eth_dst));
  }
}
