/**
 * The network that outer packets travel, where it is behind a bridge of ours: which port they start from, who is the next
 * hop, and which ports have addresses that tunnels end at.
 */
import type { Clock } from "@tenet/kit";
import type { Bridge } from "../bridge/bridge.ts";
import type { BridgePort } from "../bridge/bridge-port.ts";
import type { DeviceAddress, HostNetwork, HostRoute } from "./host-network.ts";
import { NeighborTable } from "./neighbor-table.ts";
import { RouteTable } from "./route-table.ts";
import { isMapped, isSamePrefix, type TunnelAddress } from "./tunnel-config.ts";
import type { PortHome } from "./tunnel-table.ts";

/** A way of outer packets out of a bridge of ours. */
export interface NativeRoute extends PortHome {
  readonly nextHop: TunnelAddress;
  /** What outer packets start from when nothing else is said. */
  readonly source: TunnelAddress;
}

/** An address that tunnels end at, and the Ethernet address of its port. */
export interface Endpoint {
  readonly mac: number;
  readonly address: TunnelAddress;
}

/** Where outer packets go. */
export class Underlay {
  readonly routes: RouteTable;
  readonly neighbors: NeighborTable;
  /** Whether outer packets may go through bridges of ours; else they are left to the host. To be followed by a revalidation. */
  isUsed = true;
  readonly #host: HostNetwork;
  readonly #bridges: ReadonlyMap<string, Bridge>;
  /** Addresses of devices that the host does not know: dummies. */
  readonly #dummyAddresses = new Map<string, DeviceAddress[]>();
  /** What was found out since the last change. */
  readonly #routeByTarget = new Map<string, NativeRoute | undefined>();
  readonly #addressesByPort = new Map<BridgePort, readonly DeviceAddress[]>();

  constructor(host: HostNetwork, clock: Clock, bridges: ReadonlyMap<string, Bridge>) {
    this.#host = host;
    this.#bridges = bridges;
    this.routes = new RouteTable(host);
    this.neighbors = new NeighborTable(clock);
  }

  /** The way to an address, when it starts at a port of ours. */
  route(to: TunnelAddress, mark: number): NativeRoute | undefined {
    const name = `${mark}/${to.join()}`;
    if (this.#routeByTarget.has(name)) return this.#routeByTarget.get(name);
    const found = this.#findRoute(to, mark);
    this.#routeByTarget.set(name, found);
    return found;
  }

  /** Addresses of a port's device. */
  addressesAt(port: BridgePort): readonly DeviceAddress[] {
    let addresses = this.#addressesByPort.get(port);
    if (addresses === undefined) this.#addressesByPort.set(port, (addresses = this.addressesOf(port.name)));
    return addresses;
  }

  addressesOf(device: string): readonly DeviceAddress[] {
    return this.#dummyAddresses.get(device) ?? this.#host.addressesOf(device);
  }

  /** Everywhere that tunnels end. */
  endpoints(): Endpoint[] {
    const ports = [...this.#bridges.values()].flatMap((bridge) => bridge.ports());
    return ports.flatMap((port) => this.addressesAt(port).map(({ address }) => ({ mac: port.mac, address })));
  }

  /** The address of a device from which packets to a neighbour start; that of the narrowest network. */
  sourceAt(device: string, neighbor: TunnelAddress): TunnelAddress | undefined {
    const fits = this.addressesOf(device).filter(
      ({ address, length }) => isMapped(address) === isMapped(neighbor) && isSamePrefix(address, neighbor, length),
    );
    return fits.reduce<DeviceAddress | undefined>((best, each) => (each.length > (best?.length ?? -1) ? each : best), undefined)
      ?.address;
  }

  /** The Ethernet address that the host sends to for an address; `undefined` as long as that is not known. */
  nextHopMac(to: TunnelAddress): number | undefined {
    const route = this.routes.lookup(to, 0);
    return route === undefined ? undefined : this.#host.macOf(route.gateway ?? to);
  }

  /** What packets that take a route start from. */
  sourceOf({ source, device, destination, gateway }: HostRoute): TunnelAddress | undefined {
    return source ?? this.sourceAt(device, destination) ?? (gateway && this.sourceAt(device, gateway));
  }

  /** Gives a dummy an address. */
  addDummyAddress(device: string, address: DeviceAddress): void {
    this.#dummyAddresses.set(device, [...(this.#dummyAddresses.get(device) ?? []), address]);
    this.forget();
  }

  /** Forgets a device that is gone: what neighbours were behind it, and the addresses that it was given as a dummy. */
  removeDevice(device: string): void {
    this.neighbors.flush(device);
    this.#dummyAddresses.delete(device);
  }

  /** To be called when ports or routes have changed. */
  forget(): void {
    this.#routeByTarget.clear();
    this.#addressesByPort.clear();
  }

  /** Looks whether the host's routes or addresses have changed. */
  hasChanged(): boolean {
    const isChanged = this.#host.hasChanged();
    if (isChanged) this.forget();
    return isChanged;
  }

  #findRoute(to: TunnelAddress, mark: number): NativeRoute | undefined {
    const route = this.routes.lookup(to, mark);
    const home = route === undefined ? undefined : this.#homeOf(route.device);
    if (route === undefined || home === undefined) return undefined;
    const nextHop = route.gateway ?? to;
    const source = this.sourceOf(route);
    return source === undefined ? undefined : { ...home, nextHop, source };
  }

  /** The port of a device. */
  #homeOf(device: string): PortHome | undefined {
    for (const bridge of this.#bridges.values()) {
      const port = bridge.portNamed(device);
      if (port?.link.kind === "datapath") return { bridge, port };
    }
    return undefined;
  }
}
