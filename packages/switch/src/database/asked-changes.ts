/** Which changes of rows ask something of the switch: what it says there itself, and what the server does, is no reason to look again. */
import type { RowChange } from "@tenet/ovsdb";

/** Columns that tell what became of what the others ask for. */
const STATUS_COLUMNS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries({
    Open_vSwitch: [
      "cur_cfg",
      "statistics",
      "ovs_version",
      "db_version",
      "datapath_types",
      "iface_types",
      "dpdk_initialized",
      "dpdk_version",
    ],
    Bridge: ["datapath_id", "datapath_version"],
    Port: ["bond_active_slave"],
    Interface: [
      "ofport",
      "error",
      "mac_in_use",
      "mtu",
      "admin_state",
      "link_state",
      "link_resets",
      "ifindex",
      "duplex",
      "link_speed",
      "status",
      "statistics",
    ],
    Mirror: ["statistics"],
    Controller: ["is_connected", "role", "status"],
    Manager: ["is_connected", "status"],
  }).map(([table, columns]) => [table, new Set(["_version", ...columns])]),
);
const NONE: ReadonlySet<string> = new Set();

/**
 * Whether a row came or went, or asks for something else than before.
 *
 * Columns that are as they were are the same objects, unless the server knows nothing but `monitor`, which tells rows whole: then it is
 * looked once more than needed.
 */
export function asksForOther({ table, old, new: row }: RowChange): boolean {
  if (old === undefined || row === undefined) return true;
  const ignored = STATUS_COLUMNS.get(table) ?? NONE;
  for (const column in row) if (old[column] !== row[column] && !ignored.has(column)) return true;
  return false;
}
