/** Who is where: logical ports with their hosts, switches and addresses, and where they are plugged in here. */
import { parseLogicalAddress, type LogicalAddress } from "@tenet/ovn";
import type { Row } from "@tenet/ovsdb";
import { entryOf, numberOf, textOf, textsOf } from "../rows.ts";
import type { Tables } from "../sources.ts";

/** A logical switch port. */
export interface Port {
  readonly row: Row;
  readonly name: string;
  /** `external_ids:host`, else the port's name. */
  readonly host: string;
  /** Its logical switch; absent for a row that no switch lists. */
  readonly switch: Row | undefined;
  readonly addresses: readonly LogicalAddress[];
  /** Whether any address may be behind it. */
  readonly hasUnknown: boolean;
}

/** Where an interface carries a logical port. */
export interface Plug {
  readonly interface: string;
  /** OpenFlow port; absent when the switch could not open it. */
  readonly ofport: number | undefined;
  readonly error: string;
}

/** A view over the databases as they are at one moment. */
export class Network {
  readonly ports: readonly Port[];
  readonly #vswitch: Tables;

  constructor(nb: Tables, vswitch: Tables) {
    this.#vswitch = vswitch;
    const switchByPort = new Map<string, Row>();
    for (const ls of nb.table("Logical_Switch").values()) for (const uuid of textsOf(ls, "ports")) switchByPort.set(uuid, ls);
    this.ports = [...nb.table("Logical_Switch_Port").values()].map((row) => portOf(row, switchByPort.get(row._uuid)));
  }

  /** Ports of that name; when there is none, those whose host has it. */
  named(name: string): readonly Port[] {
    const ports = this.ports.filter((port) => port.name === name);
    return ports.length > 0 ? ports : this.ports.filter((port) => port.host === name);
  }

  /** Everything that a place may be called. */
  names(): string[] {
    return [...new Set(this.ports.flatMap(({ host, name }) => [host, name]))].sort();
  }

  /** Ports with an Ethernet address, those of the switch `near` first. */
  withMac(mac: string, near?: Row): Port[] {
    return nearFirst(
      this.ports.filter(({ addresses }) => addresses.some((address) => address.mac === mac)),
      near,
    );
  }

  /** Ports with an IP address in canonical text, those of the switch `near` first. */
  withIp(ip: string, near?: Row): Port[] {
    return nearFirst(
      this.ports.filter(({ addresses }) => addresses.some(({ ip4s, ip6s }) => ip4s.includes(ip) || ip6s.includes(ip))),
      near,
    );
  }

  /** Interfaces of a bridge that carry a logical port; `undefined` when there is no such bridge. */
  plugs(bridge: string, port: string): Plug[] | undefined {
    const row = this.#vswitch.find("Bridge", (each) => each["name"] === bridge);
    if (row === undefined) return undefined;
    const ports = textsOf(row, "ports").flatMap((uuid) => this.#vswitch.table("Port").get(uuid) ?? []);
    const interfaces = ports.flatMap((each) => textsOf(each, "interfaces"));
    return interfaces
      .flatMap((uuid) => this.#vswitch.table("Interface").get(uuid) ?? [])
      .filter((each) => entryOf(each, "external_ids", "iface-id") === port)
      .map(plugOf)
      .sort((a, b) => (a.ofport ?? Infinity) - (b.ofport ?? Infinity));
  }

  /** OpenFlow ports of all interfaces by name, for flows that name their port. */
  portNumbers(): ReadonlyMap<string, number> {
    const rows = [...this.#vswitch.table("Interface").values()];
    return new Map(
      rows.flatMap((row) => (plugOf(row).ofport === undefined ? [] : [[textOf(row, "name"), plugOf(row).ofport ?? 0]])),
    );
  }
}

function portOf(row: Row, ls: Row | undefined): Port {
  const name = textOf(row, "name");
  const texts = [...textsOf(row, "addresses"), ...textsOf(row, "dynamic_addresses")];
  return {
    row,
    name,
    host: entryOf(row, "external_ids", "host") ?? name,
    switch: ls,
    addresses: texts.flatMap((text) => parseLogicalAddress(text) ?? []),
    hasUnknown: texts.includes("unknown"),
  };
}

function plugOf(row: Row): Plug {
  const ofport = numberOf(row, "ofport");
  return {
    interface: textOf(row, "name"),
    ofport: ofport !== undefined && ofport > 0 ? ofport : undefined,
    error: textOf(row, "error"),
  };
}

function nearFirst(ports: Port[], near: Row | undefined): Port[] {
  if (near === undefined) return ports;
  return ports.sort((a, b) => Number(b.switch === near) - Number(a.switch === near));
}
