/** What the host's network knows and outer packets need: routes, and addresses of devices. */
import { readFileSync } from "node:fs";
import { findRoute, findRouteEntry, listAddresses, listRoutes, type RouteInfo, RouteMonitor } from "@tenet/linux";
import { parseMac } from "@tenet/net";
import { addressOfBytes, bytesOfAddress, formatAddress, isMapped, type TunnelAddress } from "./tunnel-config.ts";

/** An address of a device and how many of its bits, of 128, are its network's. */
export interface DeviceAddress {
  readonly address: TunnelAddress;
  readonly length: number;
}

/** A way to a destination. */
export interface HostRoute {
  readonly destination: TunnelAddress;
  /** Bits of `destination` that count, of 128. */
  readonly length: number;
  readonly isLocal: boolean;
  readonly device: string;
  /** Absent: the destination is a neighbour. */
  readonly gateway: TunnelAddress | undefined;
  readonly source: TunnelAddress | undefined;
}

/** The network of a host. */
export interface HostNetwork extends Disposable {
  addressesOf(device: string): readonly DeviceAddress[];
  /** How the host sends to an address. */
  route(to: TunnelAddress): HostRoute | undefined;
  /** Bits of the entry of the routing table that decides that, of 128; -1 when there is none. */
  routeLength(to: TunnelAddress): number;
  routes(): readonly HostRoute[];
  /** The Ethernet address of a neighbour; `undefined` when the host has not found out, or it is none of IPv4. */
  macOf(neighbor: TunnelAddress): number | undefined;
  /** Whether anything changed since the last time. */
  hasChanged(): boolean;
}

/** A host that has none. */
export const NO_NETWORK: HostNetwork = {
  addressesOf: () => [],
  route: () => undefined,
  routeLength: () => -1,
  routes: () => [],
  macOf: () => undefined,
  hasChanged: () => false,
  [Symbol.dispose]: () => undefined,
};

/** The network of this machine, in the namespace of the thread; nothing is opened before it is asked. */
export class LinuxNetwork implements HostNetwork {
  #monitor: RouteMonitor | undefined;
  #addresses: ReadonlyMap<string, readonly DeviceAddress[]> | undefined;

  addressesOf(device: string): readonly DeviceAddress[] {
    this.#watch();
    this.#addresses ??= readAddresses();
    return this.#addresses.get(device) ?? [];
  }

  route(to: TunnelAddress): HostRoute | undefined {
    this.#watch();
    const found = findRoute(bytesOfAddress(to));
    return found === undefined ? undefined : toRoute(found);
  }

  routeLength(to: TunnelAddress): number {
    const entry = findRouteEntry(bytesOfAddress(to));
    return entry === undefined ? -1 : toRoute(entry).length;
  }

  routes(): readonly HostRoute[] {
    return listRoutes().map(toRoute);
  }

  macOf(neighbor: TunnelAddress): number | undefined {
    const lines = readFileSync("/proc/thread-self/net/arp", "utf8").split("\n");
    const [, , , mac] = lines.find((line) => line.startsWith(`${formatAddress(neighbor)} `))?.split(/ +/) ?? [];
    return mac === undefined ? undefined : parseMac(mac) || undefined;
  }

  hasChanged(): boolean {
    const isChanged = this.#monitor?.hasChanged() === true;
    if (isChanged) this.#addresses = undefined;
    return isChanged;
  }

  [Symbol.dispose](): void {
    this.#monitor?.close();
  }

  #watch(): void {
    this.#monitor ??= new RouteMonitor();
  }
}

function readAddresses(): Map<string, DeviceAddress[]> {
  const addressesByDevice = new Map<string, DeviceAddress[]>();
  for (const { device, address, length } of listAddresses()) {
    const known = addressesByDevice.get(device) ?? [];
    known.push({ address: addressOfBytes(address), length: length + (address.length === 4 ? 96 : 0) });
    addressesByDevice.set(device, known);
  }
  return addressesByDevice;
}

function toRoute({ destination, length, isLocal, device, gateway, source }: RouteInfo): HostRoute {
  const to = addressOfBytes(destination);
  return {
    destination: to,
    length: isMapped(to) ? length + 96 : length,
    isLocal,
    device,
    gateway: gateway === undefined ? undefined : addressOfBytes(gateway),
    source: source === undefined ? undefined : addressOfBytes(source),
  };
}
