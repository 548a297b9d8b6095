/** Keeps the bundles and mirrors of one bridge as the database says. */
import { isDeepStrictEqual } from "node:util";
import type { Clock, Logger } from "@tenet/kit";
import { Bond } from "../bridge/bond.ts";
import type { Bridge } from "../bridge/bridge.ts";
import type { Bundle } from "../bridge/bridge-port.ts";
import { makeBundle } from "../bridge/bundle.ts";
import { isSameVlan } from "../bridge/port-vlan.ts";
import { inSteps, type Work } from "../turns.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import type { PortState } from "./states.ts";
import type { WantedMirror, WantedPort } from "./read/wanted.ts";

/** The bundles of a bridge. */
export class BundleKeeper {
  readonly #bridge: Bridge;
  readonly #vswitch: VirtualSwitch;
  readonly #clock: Clock;
  readonly #log: Logger;
  #bundleByName = new Map<string, Bundle>();
  #ports: readonly PortState[] = [];
  #mirrors: readonly WantedMirror[] = [];

  constructor(bridge: Bridge, vswitch: VirtualSwitch, clock: Clock, log: Logger) {
    this.#log = log;
    this.#bridge = bridge;
    this.#vswitch = vswitch;
    this.#clock = clock;
  }

  get ports(): readonly PortState[] {
    return this.#ports;
  }

  /** In the order of `bridge.mirrors`. */
  get mirrors(): readonly WantedMirror[] {
    return this.#mirrors;
  }

  /** The bundle of a port. */
  bundle(name: string): Bundle | undefined {
    return this.#bundleByName.get(name);
  }

  /** Gives the bundles of ports the settings of their rows, and forgets those of others. */
  *applyingPorts(wanted: readonly WantedPort[]): Work {
    const bundleByName = new Map<string, Bundle>();
    this.#ports = yield* inSteps(wanted, (each) => {
      const bundle = this.#apply(each);
      bundleByName.set(each.name, bundle);
      return { uuid: each.uuid, bundle };
    });
    this.#bundleByName = bundleByName;
  }

  /** Copies packets as wanted. */
  applyMirrors(wanted: readonly WantedMirror[]): void {
    const known = new Map(this.#mirrors.map((mirror) => [mirror.uuid, mirror]));
    const mirrors = wanted.map((each) => {
      const old = known.get(each.uuid);
      return old !== undefined && isDeepStrictEqual(old.spec, each.spec) ? old : each;
    });
    const isSame = mirrors.length === this.#mirrors.length && mirrors.every((each, i) => each === this.#mirrors[i]);
    this.#mirrors = mirrors;
    const specs = mirrors.map(({ spec }) => spec);
    if (!isSame) this.#vswitch.setMirrors(this.#bridge, specs);
  }

  /** Learns nothing in these VLANs. */
  applyFloodVlans(wanted: readonly number[]): void {
    const bridge = this.#bridge;
    if (wanted.length === bridge.floodVlans.size && wanted.every((vlan) => bridge.floodVlans.has(vlan))) return;
    bridge.floodVlans = new Set(wanted);
    this.#vswitch.floodVlansChanged(bridge);
  }

  #apply({ name, vlan, isProtected, bond }: WantedPort): Bundle {
    const known = this.#bundleByName.get(name);
    const bundle = known ?? makeBundle(name, vlan);
    const hadBond = bundle.bond !== undefined;
    this.#applyBond(bundle, bond);
    const hasVlan = isSameVlan(bundle.vlan, vlan);
    const isSame = hasVlan && bundle.isProtected === isProtected && hadBond === (bond !== undefined);
    if (!hasVlan) bundle.vlan = vlan;
    bundle.isProtected = isProtected;
    if (known !== undefined && !isSame) this.#vswitch.bundleChanged(this.#bridge, bundle);
    return bundle;
  }

  #applyBond(bundle: Bundle, wanted: WantedPort["bond"]): void {
    if (isDeepStrictEqual(bundle.bond?.settings, wanted)) return;
    if (wanted === undefined) bundle.bond = undefined;
    else if (bundle.bond !== undefined) {
      bundle.bond.configure(wanted);
      this.#vswitch.bondsChanged();
    } else {
      bundle.bond = new Bond(wanted, this.#clock, (news) =>
        this.#log.info(
          { bond: bundle.name, ...news },
          news.isEnabled === undefined ? "bond has another active member" : "bond member changed",
        ),
      );
      for (const port of bundle.members) bundle.bond.add(port);
    }
  }
}
