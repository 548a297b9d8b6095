/** The status columns of Interface rows. */
import type { PortInfo, PortStats } from "@tenet/datapath";
import { driverInfo, linkSettings } from "@tenet/linux";
import { formatMac } from "@tenet/net";
import type { RowInput } from "@tenet/ovsdb";
import type { PatchCounters } from "../bridge/bridge-port.ts";
import { deviceCounters, readDeviceNumber } from "../bridge/device-counters.ts";
import type { InterfaceState } from "./states.ts";

/** `ofport` of an interface that could not be opened. */
const NO_OFPORT = -1;
const MEGABIT = 1_000_000;
/**
 * What an interface's row is to say; `problem` is what is wrong with an interface that was opened.
 *
 * @param counted - what the datapath knows of it, when the row is to have statistics, too: asking costs system calls
 */
export function interfaceColumns(
  { port, error, dummyMtu }: InterfaceState,
  problem: string | undefined,
  counted: { readonly info: PortInfo | undefined } | undefined,
): RowInput {
  if (port === undefined) {
    const none = { mac_in_use: [], mtu: [], admin_state: [], link_state: [], link_resets: [], ifindex: [], status: {} };
    return { ...none, ofport: NO_OFPORT, error: error ?? [], duplex: [], link_speed: [], statistics: {} };
  }
  return {
    ofport: port.ofport,
    error: error ?? problem ?? [],
    mac_in_use: formatMac(port.mac),
    mtu: port.mtu === undefined ? [] : (dummyMtu ?? port.mtu),
    admin_state: port.isEnabled ? "up" : "down",
    link_state: port.isUp ? "up" : "down",
    link_resets: port.nLinkChanges,
    ...(counted === undefined
      ? {}
      : { statistics: statisticsOf(counted.info, port.patchCounters), ...deviceColumns(counted.info) }),
  };
}

/** What the kernel knows of a device. */
function deviceColumns(info: PortInfo | undefined): RowInput {
  const ifindex = isDevice(info) ? readDeviceNumber(info.name, "ifindex") : undefined;
  if (!isDevice(info) || ifindex === undefined) return { ifindex: 0, duplex: [], link_speed: [], status: {} };
  const { speedMbps, duplex } = linkSettings(info.name) ?? {};
  const driver = driverInfo(info.name);
  return {
    ifindex,
    duplex: duplex ?? [],
    link_speed: speedMbps === undefined ? [] : speedMbps * MEGABIT,
    status:
      driver === undefined
        ? {}
        : { driver_name: driver.driver, driver_version: driver.version, firmware_version: driver.firmware },
  };
}

/** A port on a device of this machine. */
function isDevice(info: PortInfo | undefined): info is PortInfo {
  return info !== undefined && (info.kind === "system" || info.kind === "internal");
}

function statisticsOf(info: PortInfo | undefined, patch: PatchCounters): Record<string, number> {
  if (info === undefined) {
    const { rxPackets, rxBytes, txPackets, txBytes } = patch;
    return { rx_packets: rxPackets, rx_bytes: rxBytes, tx_packets: txPackets, tx_bytes: txBytes };
  }
  if (info.kind === "memory") return dummyStatistics(info.stats);
  const { stats, upcalls } = info;
  return {
    rx_packets: stats.rxPackets,
    rx_bytes: stats.rxBytes,
    rx_dropped: stats.rxDropped,
    rx_errors: stats.rxErrors,
    tx_packets: stats.txPackets,
    tx_bytes: stats.txBytes,
    tx_dropped: stats.txDropped,
    tx_errors: stats.txErrors,
    // Copied after the others: V8 would keep the object as a table of 4 KB.
    ...deviceCounters(isDevice(info) ? info.name : ""),
    ...(upcalls === undefined ? {} : { upcall_packets: upcalls.nSent, upcall_errors: upcalls.nLost }),
  };
}

/** The original's dummies have one queue, and two counters of their own that tests of statistics read. */
function dummyStatistics({ rxPackets, rxBytes, txPackets, txBytes }: PortStats): Record<string, number> {
  return {
    rx_packets: rxPackets,
    rx_bytes: rxBytes,
    rx_q0_packets: rxPackets,
    rx_q0_bytes: rxBytes,
    rx_custom_packets_1: rxPackets,
    rx_custom_packets_2: rxPackets,
    tx_packets: txPackets,
    tx_bytes: txBytes,
    tx_q0_packets: txPackets,
    tx_q0_bytes: txBytes,
  };
}
