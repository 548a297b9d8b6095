/** What the switch reports back: the status columns of the Open_vSwitch database. */
import type { Json } from "@tenet/kit";
import { formatMac } from "@tenet/net";
import { type ColumnInput, type Datum, isMap, isSet, type Operations, type Row, type RowInput } from "@tenet/ovsdb";
import { DATAPATH_TYPES } from "../bridge/bridge.ts";
import type { ControllerStatus } from "../controller/controller-spec.ts";
import type { Controllers } from "../controller/controllers.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";
import { interfaceColumns } from "./interface-status.ts";
import type { Reconciler } from "./reconcile.ts";
import type { InterfaceState } from "./states.ts";
import { systemStatistics } from "./system-statistics.ts";
import { TUNNEL_TYPES } from "./read/read-tunnel.ts";
import { numberOf, optionOf } from "./read/row-values.ts";
import type { TableReader } from "./read/wanted.ts";

/** The Open vSwitch whose interfaces these are; scripts compare it. */
const COMPATIBLE_VERSION = "3.1.0";
const INTERFACE_TYPES = ["dummy", "internal", "patch", "system", "tap", ...TUNNEL_TYPES].sort();

/** Which columns to write. */
export interface StatusParts {
  /** Also packet counters, which change all the time. */
  readonly hasStatistics: boolean;
}

/** Who knows what became of what was asked for. */
export interface StatusSources {
  readonly vswitch: VirtualSwitch;
  readonly reconciler: Reconciler;
  readonly controllers: Controllers;
  /** Root rows as they were when what they ask for was read. */
  readonly roots: readonly Row[];
  /** Where the daemons of this machine have their pid files. */
  readonly runDir: string;
}

/** Operations that bring the status columns up to date, one after the other, the root's last; `undefined` for rows that are. */
export function* statusOperations(
  operations: Operations,
  table: TableReader,
  { vswitch, reconciler, controllers, roots, runDir }: StatusSources,
  { hasStatistics }: StatusParts,
): Generator<Json | undefined> {
  const set = (name: string, uuid: string, wanted: RowInput): Json | undefined => {
    const row = table(name).get(uuid);
    const changed = row === undefined ? [] : Object.entries(wanted).filter(([column, value]) => !isSame(row[column], value));
    return changed.length === 0 ? undefined : operations.update(name, uuid, Object.fromEntries(changed));
  };
  for (const state of reconciler.interfaces) {
    const old = table("Interface").get(state.uuid);
    if (hasStatistics) vswitch.counts.netdev_get_stats++;
    const isNew = isMap(old?.["statistics"]) && old["statistics"].size === 0;
    const { port } = state;
    const counted = port !== undefined && (hasStatistics || isNew) ? { info: vswitch.ports.infoOf(port) } : undefined;
    yield set("Interface", state.uuid, interfaceColumns(state, problemOf(state, vswitch), counted));
  }
  for (const { uuid, bridge, ports, mirrors, controllers: bridgeControllers } of reconciler.bridges) {
    const datapath_id = bridge.datapathId.toString(16).padStart(16, "0");
    yield set("Bridge", uuid, { datapath_id, datapath_version: "<built-in>" });
    for (const port of ports) {
      const active = port.bundle.bond?.active;
      yield set("Port", port.uuid, { bond_active_slave: active === undefined ? [] : formatMac(active.port.mac) });
    }
    for (const { uuid: controller } of bridgeControllers) {
      const columns = controllerColumns(
        table("Controller").get(controller),
        controllers.statusOf(bridge, controller),
        hasStatistics,
      );
      yield set("Controller", controller, columns);
    }
    if (!hasStatistics) continue;
    for (const [i, mirror] of mirrors.entries()) {
      const { nPackets = 0, nBytes = 0 } = bridge.mirrors[i] ?? {};
      yield set("Mirror", mirror.uuid, { statistics: { tx_packets: nPackets, tx_bytes: nBytes } });
    }
  }
  for (const root of roots) {
    const statistics = hasStatistics ? { statistics: machineStatistics(root, runDir) } : {};
    yield set("Open_vSwitch", root._uuid, { ...rootColumns(root), ...statistics });
  }
}

function machineStatistics(root: Row, runDir: string): Record<string, string> {
  return optionOf(root, "other_config", "enable-statistics") === "true" ? systemStatistics(runDir) : {};
}

/** What is wrong with an interface that was opened. */
function problemOf({ port, bridge }: InterfaceState, vswitch: VirtualSwitch): string | undefined {
  if (port?.link.kind !== "patch" || vswitch.ports.peerOf(port) !== undefined) return undefined;
  return `No usable peer '${port.link.peer}' exists in '${bridge.datapathType}' datapath.`;
}

function rootColumns(root: Row): RowInput {
  return {
    cur_cfg: numberOf(root, "next_cfg") ?? 0,
    ovs_version: COMPATIBLE_VERSION,
    db_version: "8.3.1",
    datapath_types: DATAPATH_TYPES,
    iface_types: INTERFACE_TYPES,
    dpdk_initialized: false,
    dpdk_version: "none",
  };
}

/** Seconds pass all the time: the state is written when it changes, and with the statistics. */
function controllerColumns(row: Row | undefined, status: ControllerStatus | undefined, hasStatistics: boolean): RowInput {
  if (row === undefined || status === undefined) return {};
  const isSameState = optionOf(row, "status", "state") === status.status["state"];
  const columns = { is_connected: status.isConnected, role: status.role ?? [] };
  return isSameState && !hasStatistics ? columns : { ...columns, status: status.status };
}

/** Whether a column holds a value already. */
function isSame(datum: Datum | undefined, value: ColumnInput | undefined): boolean {
  if (isMap(datum)) {
    const pairs = Object.entries(value ?? {});
    return pairs.length === datum.size && pairs.every(([key, each]) => datum.get(key) === each);
  }
  if (isSet(datum)) {
    const values = Array.isArray(value) ? [...value].sort() : [value];
    return values.length === datum.length && datum.every((each, i) => each === values[i]);
  }
  return datum === value;
}
