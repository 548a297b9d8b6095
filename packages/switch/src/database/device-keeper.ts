/** Gives the devices of interfaces the settings of their rows: addresses, sizes, limits. */
import { isDeepStrictEqual } from "node:util";
import { type Logger, messageOf } from "@tenet/kit";
import { setMac, setMtu } from "@tenet/linux";
import { PORT } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import type { BridgePort } from "../bridge/bridge-port.ts";
import type { DummyPorts } from "../dummy/dummy-ports.ts";
import type { Work } from "../turns.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import type { InterfaceState } from "./states.ts";
import type { WantedInterface } from "./read/wanted.ts";

/** An interface to be, and the name of its bundle. */
export interface Placed {
  readonly wanted: WantedInterface;
  readonly bundle: string;
}

/** The devices of a switch. */
export class DeviceKeeper {
  readonly #vswitch: VirtualSwitch;
  readonly #dummies: DummyPorts;
  readonly #log: Logger;
  readonly #refusedMtus = new Map<string, number>();
  readonly #policingByPort = new WeakMap<BridgePort, WantedInterface["policing"]>();

  constructor(vswitch: VirtualSwitch, dummies: DummyPorts, log: Logger) {
    this.#vswitch = vswitch;
    this.#dummies = dummies;
    this.#log = log;
  }

  /** Gives an interface its address, limits and options. @throws Error when the kernel refuses, or a file cannot be made */
  apply(bridge: Bridge, port: BridgePort, wanted: WantedInterface): void {
    this.#applyMac(bridge, port, wanted);
    this.#applyPolicing(port, wanted);
    if (isDummy(wanted)) this.#dummies.configure(wanted.name, wanted.dummyOptions);
  }

  /** Only devices are limited, as at the original. */
  #applyPolicing(port: BridgePort, wanted: WantedInterface): void {
    const limits = port.link.kind === "datapath" && !isDummy(wanted) ? wanted.policing : [];
    const known = this.#policingByPort.get(port) ?? [];
    if (isDeepStrictEqual(known, limits)) return;
    this.#policingByPort.set(port, limits);
    this.#vswitch.setPolicing(port, limits);
  }

  /** The switch gives addresses to devices that it makes itself. */
  #applyMac(bridge: Bridge, port: BridgePort, { name, mac, port: opened }: WantedInterface): void {
    const kind = "kind" in opened ? opened.kind : undefined;
    if (mac === undefined || port.mac === mac || (kind !== "internal" && kind !== "memory")) return;
    if (kind === "internal") setMac(name, mac);
    port.mac = mac;
    this.#vswitch.portChanged(bridge, port);
  }

  /** A bridge that asks for none has the lowest address among those that the makers of its devices gave. */
  *applyingBridgeMac(bridge: Bridge, local: WantedInterface | undefined): Work {
    const port = bridge.port(PORT.LOCAL);
    if (local === undefined || port === undefined || local.mac !== undefined) return;
    let mac = Infinity;
    for (const each of bridge.ports()) {
      yield;
      if (each.mac >= mac || !each.hasDevice || !isUniversal(each.mac)) continue;
      if (this.#vswitch.ports.infoOf(each)?.kind === "system") ({ mac } = each);
    }
    if (mac === Infinity) return;
    try {
      this.#applyMac(bridge, port, { ...local, mac });
    } catch (error) {
      this.#log.warn({ bridge: bridge.name, error: messageOf(error) }, "address of the bridge not set");
    }
  }

  /**
   * Internal devices that ask for none have the smallest MTU among the others: the host then sends what all can carry.
   *
   * @param states - of the interfaces, in the same order; dummies get their size there
   */
  *applyingMtus(interfaces: readonly Placed[], states: InterfaceState[]): Work {
    const least = yield* this.#leastMtu(interfaces, states);
    for (const [i, state] of states.entries()) {
      yield;
      const wanted = interfaces[i]?.wanted;
      const mtu = wanted?.mtu ?? (wanted?.isInternal === true ? least : undefined);
      if (wanted === undefined || mtu === undefined || state.port?.mtu === undefined || state.port.mtu === mtu) continue;
      if (isDummy(wanted)) states[i] = { ...state, dummyMtu: mtu };
      else this.#setMtu(state.port.name, mtu);
    }
  }

  /** Of those that are not internal. */
  *#leastMtu(interfaces: readonly Placed[], states: readonly InterfaceState[]): Work<number | undefined> {
    let least: number | undefined;
    for (const [i, { port }] of states.entries()) {
      yield;
      const wanted = interfaces[i]?.wanted;
      const mtu = wanted?.isInternal === true ? undefined : port?.mtu;
      if (mtu !== undefined) least = Math.min(wanted?.mtu ?? mtu, least ?? Infinity);
    }
    return least;
  }

  /** A device that cannot have the size keeps its own, and that is said once. */
  #setMtu(name: string, mtu: number): void {
    try {
      setMtu(name, mtu);
      this.#refusedMtus.delete(name);
    } catch (error) {
      if (this.#refusedMtus.get(name) === mtu) return;
      this.#refusedMtus.set(name, mtu);
      this.#log.warn({ device: name, mtu, error: messageOf(error) }, "MTU not set");
    }
  }
}

/** Whether the maker of a device gave it the address: neither a group's nor locally administered. */
function isUniversal(mac: number): boolean {
  return mac !== 0 && (Math.floor(mac / 0x100_0000_0000) & 3) === 0;
}

function isDummy({ port }: WantedInterface): boolean {
  return "kind" in port && port.kind === "memory";
}
