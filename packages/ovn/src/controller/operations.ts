/**
 * What the controller writes, as RFC 7047 operations: its bridge, its chassis, its claims and its reports.
 *
 * Pure functions from rows to operations; none of them writes what is already so.
 *
 * @see ovn-controller(8); ovn-sb(5), tables Chassis, Chassis_Private, Encap, Port_Binding, FDB
 */
import type { Json } from "@tenet/kit";
import type { FarEnd, PendingWrites } from "./controller.ts";

/** One RFC 7047 operation. */
export type Operation = { readonly [key: string]: Json };

/** How this machine presents itself to the others. */
export interface ChassisDescription {
  readonly systemId: string;
  readonly hostname: string;
  readonly encapType: string;
  readonly encapIp: string;
  readonly datapathType: string;
}

/** Abilities that northd asks a chassis for before it emits flows that need them. */
const ABILITIES: Readonly<Record<string, string>> = {
  "ct-no-masked-label": "true",
  "is-interconn": "false",
  "mac-binding-timestamp": "true",
  "ovn-ct-lb-related": "true",
  "port-up-notif": "true",
};

/** Creates the integration bridge: secure, so that nothing passes before its flows are there. */
export function createBridgeOperations(bridge: string, rootUuid: string, datapathType: string): Operation[] {
  return [
    { op: "insert", table: "Interface", "uuid-name": "local", row: { name: bridge, type: "internal" } },
    { op: "insert", table: "Port", "uuid-name": "port", row: { name: bridge, interfaces: ["named-uuid", "local"] } },
    {
      op: "insert",
      table: "Bridge",
      "uuid-name": "bridge",
      row: {
        name: bridge,
        ports: ["named-uuid", "port"],
        fail_mode: "secure",
        datapath_type: datapathType,
        other_config: map({ "disable-in-band": "true" }),
      },
    },
    mutate("Open_vSwitch", rootUuid, [["bridges", "insert", ["named-uuid", "bridge"]]]),
    comment(`tenet controller: create ${bridge}`),
  ];
}

/** Registers a new chassis with its tunnel endpoint; a tunnel endpoint left behind by an earlier one of the same name goes. */
export function registerChassisOperations(chassis: ChassisDescription): Operation[] {
  const { systemId, hostname, encapType, encapIp, datapathType } = chassis;
  const byName = [["chassis_name", "==", systemId]];
  return [
    { op: "delete", table: "Encap", where: byName },
    {
      op: "insert",
      table: "Encap",
      "uuid-name": "encap",
      row: { type: encapType, ip: encapIp, chassis_name: systemId, options: map({ csum: "true" }) },
    },
    {
      op: "insert",
      table: "Chassis",
      "uuid-name": "chassis",
      row: {
        name: systemId,
        hostname,
        encaps: ["named-uuid", "encap"],
        other_config: map({ ...ABILITIES, "datapath-type": datapathType }),
      },
    },
    { op: "delete", table: "Chassis_Private", where: [["name", "==", systemId]] },
    { op: "insert", table: "Chassis_Private", row: { name: systemId, chassis: ["named-uuid", "chassis"] } },
    comment(`tenet controller: register chassis ${systemId}`),
  ];
}

/** Takes the chassis out again; what it had claimed becomes free. */
export function removeChassisOperations(systemId: string, bindings: readonly string[]): Operation[] {
  return [
    ...bindings.map((uuid) => update("Port_Binding", uuid, { chassis: ["set", []], up: false })),
    { op: "delete", table: "Chassis_Private", where: [["name", "==", systemId]] },
    { op: "delete", table: "Chassis", where: [["name", "==", systemId]] },
    comment(`tenet controller: remove chassis ${systemId}`),
  ];
}

/** Claims and releases of port bindings. */
export function bindingOperations({ claim, release }: PendingWrites, chassis: string): Operation[] {
  return [
    ...claim.map((uuid) => update("Port_Binding", uuid, { chassis: ["uuid", chassis] })),
    ...release.map((uuid) => update("Port_Binding", uuid, { chassis: ["set", []], up: false })),
  ];
}

/** Reports that flows are installed: ports are up, and the configuration number has been reached. */
export function reportOperations(
  up: readonly string[],
  progress: { row: string; nbCfg: number; nowMs: number } | undefined,
): Operation[] {
  const operations = up.map((uuid) => update("Port_Binding", uuid, { up: true }));
  if (progress === undefined) return operations;
  return [...operations, update("Chassis_Private", progress.row, { nb_cfg: progress.nbCfg, nb_cfg_timestamp: progress.nowMs })];
}

const INSTALLED_KEYS = ["set", ["ovn-installed", "ovn-installed-ts"]] as const;

/** Marks interfaces whose flows are installed. */
export function markOperations(interfaces: readonly string[], nowMs: number): Operation[] {
  return interfaces.map((uuid) =>
    mutate("Interface", uuid, [
      ["external_ids", "delete", INSTALLED_KEYS],
      ["external_ids", "insert", map({ "ovn-installed": "true", "ovn-installed-ts": String(nowMs) })],
    ]),
  );
}

/** Takes the mark off interfaces that carry no logical port any more. */
export function unmarkOperations(interfaces: readonly string[]): Operation[] {
  return interfaces.map((uuid) => mutate("Interface", uuid, [["external_ids", "delete", INSTALLED_KEYS]]));
}

/** Writes down on the bridge which port has which zone of connection tracking. */
export function zoneOperations({ noteZones, forgetZones }: PendingWrites, bridgeUuid: string): Operation[] {
  const keys = [...noteZones.map(({ port }) => port), ...forgetZones].map((port) => `ct-zone-${port}`);
  if (keys.length === 0) return [];
  const zones = Object.fromEntries(noteZones.map(({ port, zone }) => [`ct-zone-${port}`, String(zone)]));
  return [
    mutate("Bridge", bridgeUuid, [
      ["external_ids", "delete", ["set", keys]],
      ["external_ids", "insert", map(zones)],
    ]),
  ];
}

/** Adds ports of tunnels to the bridge and takes others off; the names are the original's, other ports have `taken`. */
export function tunnelOperations(
  { openTunnels, closeTunnels }: PendingWrites,
  bridgeUuid: string,
  taken: ReadonlySet<string>,
): Operation[] {
  const used = new Set(taken);
  const added = openTunnels.flatMap((end, i) => addTunnel(end, freeName(`ovn-${end.chassis.slice(0, 6)}`, used), i));
  const mutations: Json[] = [];
  if (openTunnels.length > 0) mutations.push(["ports", "insert", ["set", openTunnels.map((_, i) => ["named-uuid", `port${i}`])]]);
  if (closeTunnels.length > 0) mutations.push(["ports", "delete", ["set", closeTunnels.map((uuid) => ["uuid", uuid])]]);
  return mutations.length === 0 ? [] : [...added, mutate("Bridge", bridgeUuid, mutations)];
}

function addTunnel({ chassis, ip, csum }: FarEnd, name: string, i: number): Operation[] {
  const options = map({ csum, key: "flow", remote_ip: ip });
  const marks = map({ "ovn-chassis-id": `${chassis}@${ip}` });
  const interfaces = ["named-uuid", `interface${i}`];
  return [
    { op: "insert", table: "Interface", "uuid-name": `interface${i}`, row: { name, type: "geneve", options } },
    { op: "insert", table: "Port", "uuid-name": `port${i}`, row: { name, interfaces, external_ids: marks } },
  ];
}

/** `stem-0`, or the next number that is free. */
function freeName(stem: string, used: Set<string>): string {
  for (let n = 0; ; n++) {
    const name = `${stem}-${n.toString(16)}`;
    if (used.has(name)) continue;
    used.add(name);
    return name;
  }
}

/** Remembers behind which port an address was seen. */
export function learnOperations(
  learned: { mac: string; datapathKey: number; portKey: number },
  existing: string | undefined,
): Operation[] {
  if (existing !== undefined) return [update("FDB", existing, { port_key: learned.portKey })];
  return [{ op: "insert", table: "FDB", row: { mac: learned.mac, dp_key: learned.datapathKey, port_key: learned.portKey } }];
}

function update(table: string, uuid: string, row: { readonly [column: string]: Json }): Operation {
  return { op: "update", table, where: [["_uuid", "==", ["uuid", uuid]]], row };
}

function mutate(table: string, uuid: string, mutations: readonly Json[]): Operation {
  return { op: "mutate", table, where: [["_uuid", "==", ["uuid", uuid]]], mutations };
}

function comment(text: string): Operation {
  return { op: "comment", comment: text };
}

function map(pairs: Readonly<Record<string, string>>): Json {
  return ["map", Object.entries(pairs)];
}
