/** What a switch tells of itself, as tables. */
import { formatMac } from "@tenet/net";
import {
  formatPort,
  PORT_CONFIG,
  PORT_STATE,
  type PortDesc,
  type PortNames,
  type PortStatsEntry,
  TABLE_CONFIG,
  type TableDesc,
  type TableStatsEntry,
  type TlvMapping,
} from "@tenet/openflow";
import { formatTable } from "../up/table.ts";

const CONFIG_NAMES = Object.entries(PORT_CONFIG);
const STATE_NAMES = Object.entries(PORT_STATE);

/** Ports and how they are. */
export function describePorts(ports: readonly PortDesc[]): string {
  const rows = ports.map(({ port, name, mac, config, state }) => [
    formatPort(port),
    name,
    formatMac(mac),
    namesOf(config, CONFIG_NAMES),
    namesOf(state, STATE_NAMES),
  ]);
  return formatTable([["port", "name", "address", "config", "state"], ...rows]);
}

/** Counters of ports; a counter that is not kept is a dash. */
export function describePortStatistics(ports: readonly PortStatsEntry[], names: PortNames): string {
  const heads = ["port", "rx packets", "rx bytes", "rx drop", "rx err", "tx packets", "tx bytes", "tx drop", "tx err"];
  const rows = ports.map((each) => {
    const { rxPackets, rxBytes, rxDropped, rxErrors, txPackets, txBytes, txDropped, txErrors } = each;
    const counters = [rxPackets, rxBytes, rxDropped, rxErrors, txPackets, txBytes, txDropped, txErrors];
    return [formatPort(each.port, names), ...counters.map((counter) => (counter < 0n ? "-" : String(counter)))];
  });
  return formatTable([heads, ...rows]);
}

/** Tables that hold flows or were looked at, and what is set of them. */
export function describeTables(tables: readonly TableStatsEntry[], settings: readonly TableDesc[]): string {
  const settingsByTable = new Map(settings.map((each) => [each.table, each]));
  const used = tables.filter(
    ({ table, nActive, nLookups }) => nActive > 0 || nLookups > 0n || (settingsByTable.get(table)?.config ?? 0) !== 0,
  );
  if (used.length === 0) return "no table holds a flow";
  const rows = used.map(({ table, nActive, nLookups, nMatched }) => [
    String(table),
    String(nActive),
    String(nLookups),
    String(nMatched),
    describeSettings(settingsByTable.get(table)),
  ]);
  return formatTable([["table", "flows", "lookups", "matches", "settings"], ...rows]);
}

function describeSettings(desc: TableDesc | undefined): string {
  if (desc === undefined) return "";
  const { config, vacancy, vacantPercent } = desc;
  return [
    ...((config & TABLE_CONFIG.EVICTION) === 0 ? [] : ["evicts"]),
    ...((config & TABLE_CONFIG.VACANCY_EVENTS) === 0
      ? []
      : [`tells below ${vacancy.downPercent} % and above ${vacancy.upPercent} % vacant (${vacantPercent} % now)`]),
  ].join(", ");
}

/** Which options of tunnel headers are which fields. */
export function describeOptions(mappings: readonly TlvMapping[]): string {
  if (mappings.length === 0) return "no option is mapped";
  const rows = mappings.map(({ optionClass, optionType, sizeBytes, index }) => [
    `tun_metadata${index}`,
    `0x${optionClass.toString(16)}`,
    `0x${optionType.toString(16)}`,
    String(sizeBytes),
  ]);
  return formatTable([["field", "class", "type", "bytes"], ...rows]);
}

function namesOf(bits: number, names: readonly (readonly [string, number])[]): string {
  return names
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([name]) => name.toLowerCase().replaceAll("_", "-"))
    .join(" ");
}
