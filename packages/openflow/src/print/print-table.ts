/** Flow tables: counters, configuration, what they can do; and tables of tunnel options. */
import { ALL_TABLES } from "../flow-spec.ts";
import { type TableFeatures, type TableStatsEntry, VERSION } from "../message.ts";
import { TABLE_CONFIG, type TableDesc, type TableMod, type TableStatus } from "../table-mod.ts";
import type { TlvMapping, TlvTableMod, TlvTableReply } from "../tlv-table.ts";
import { namesOfActions } from "./names-of-actions.ts";
import { namesOfBits } from "./names-of-bits.ts";

const EVICTION = ["OTHER", "IMPORTANCE", "LIFETIME"];
const METADATA = "    metadata: match=0xffffffffffffffff write=0xffffffffffffffff\n";
const LAYER_4 = "tcp_{src,dst} udp_{src,dst} sctp_{src,dst} icmp_{type,code} icmpv6_{type,code} nd_{target,sll,tll}";
const ARP = "arp_{op,spa,tpa,sha,tha}";
/** Fields that a table can match on, by wire version; it is said with the counters until OpenFlow 1.2. */
const FIELDS = [
  "",
  "in_port eth_{src,dst,type} vlan_{vid,pcp} ip_{src,dst} nw_{proto,tos} tcp_{src,dst}",
  "metadata in_port eth_{src,dst,type} vlan_{vid,pcp} mpls_{label,tc} ip_{src,dst} nw_{proto,tos} tcp_{src,dst}",
  `metadata in_port_oxm eth_{src,dst,type} vlan_{vid,pcp} mpls_{label,tc} ip_{src,dst} ipv6_{src,dst,label} nw_proto ip_dscp nw_ecn ${ARP} ${LAYER_4}`,
];
const SETTABLE_12 = `metadata in_port_oxm eth_{src,dst} vlan_{vid,pcp} mpls_{label,tc} ip_{src,dst} ipv6_{src,dst,label} ip_dscp nw_ecn ${ARP} ${LAYER_4}`;
/** Of which it is said that they are as before. */
const REPEATED: ReadonlySet<string> = new Set(["instructions", "matching"]);
/** After which no table comes. */
const LAST_TABLE = 253;
const TLV_COMMANDS: Readonly<Record<TlvTableMod["command"], string>> = { add: "ADD", delete: "DEL", clear: "CLEAR" };

/** A table as lines of its own; what is as in the table before it is left out, and a table that is all as that has one line. */
interface Shown {
  readonly table: number;
  readonly name: string;
  readonly lines: (before: Shown | undefined) => string;
  /** What must be the same. */
  readonly essence: string;
  readonly features?: Features;
}

/** Writes counters of tables. */
export function printTableStats(tables: readonly TableStatsEntry[], version: number): string {
  return printTables(
    tables.map(({ table, name, maxEntries, nActive, nLookups, nMatched, miss }) => {
      const counters = `    active=${nActive}, lookup=${nLookups}, matched=${nMatched}\n`;
      const features = [
        ["metadata", version === VERSION.OF12 ? METADATA : ""],
        ["config", miss === undefined ? "" : `    config=${miss}\n`],
        ["max_entries", maxEntries === 0 ? "" : `    max_entries=${maxEntries}\n`],
        ["instructions", instructionsOf(table, version)],
        ["matching", version >= VERSION.OF13 ? "" : `    matching:\n      exact match or wildcard: ${FIELDS[version] ?? ""}\n`],
      ] as const;
      const lines = (before: Shown | undefined): string => counters + printFeatures(features, before);
      return { table, name, lines, essence: counters + features.map(([, text]) => text).join(""), features };
    }),
  );
}

/** Lines about each kind of features; of kinds that take several it is said when they are as in the table before. */
type Features = readonly (readonly [kind: string, lines: string])[];

function printFeatures(features: Features, before: Shown | undefined): string {
  const known = new Map(before?.features);
  const texts = features.map(([, text]) => text);
  if (texts.join("") === "") return "";
  if (before !== undefined && features.every(([kind, text]) => known.get(kind) === text)) return "    (same features)\n";
  return features
    .map(([kind, text]) => (REPEATED.has(kind) && known.get(kind) === text ? `    (same ${kind})\n` : text))
    .join("");
}

/** What a table can do with packets, which OpenFlow 1.1 and 1.2 tell with its counters: all but go on from the last one. */
function instructionsOf(table: number, version: number): string {
  if (version !== VERSION.OF11 && version !== VERSION.OF12) return "";
  const instructions = ["apply_actions", "clear_actions", "write_actions", "write_metadata"];
  const settable = version === VERSION.OF12 ? `        supported on Set-Field: ${SETTABLE_12}\n` : "";
  return [
    "    instructions (table miss and others):\n",
    `      instructions: ${[...instructions, ...(table < LAST_TABLE ? ["goto_table"] : [])].join(" ")}\n`,
    "      Write-Actions and Apply-Actions features:\n",
    `        actions: ${namesOfActions(0xffff_ffff, version)}\n${settable}`,
  ].join("");
}

/** Writes what tables can do, but for the fields and actions, which every table has. */
export function printTableFeatures(tables: readonly TableFeatures[], version: number): string {
  return printTables(
    tables.map(({ table, name, maxEntries, nTables }) => {
      const hasNext = nTables > table + 1;
      const lastTable = nTables - 1 === table + 1 ? `${table + 1}` : `${table + 1}-${nTables - 1}`;
      const instructions = ["apply_actions", "clear_actions", "write_actions", "write_metadata"];
      const text = [
        METADATA,
        version < 5 ? "" : "    eviction: not supported\n    vacancy events: not supported\n",
        `    max_entries=${maxEntries}\n    instructions (table miss and others):\n`,
        hasNext ? `      next tables: ${lastTable}\n` : "",
        `      instructions: ${[...(version < 6 ? ["meter"] : []), ...instructions, ...(hasNext ? ["goto_table"] : [])].join(" ")}\n`,
      ].join("");
      const essence = `${maxEntries} ${hasNext}`;
      return { table, name, lines: () => text, essence };
    }),
  );
}

function printTables(tables: readonly Shown[]): string {
  const parts: string[] = [];
  let isJoined = false;
  for (let i = 0; i < tables.length; i++) {
    const [before, shown] = [tables[i - 1], tables[i]];
    if (shown === undefined) break;
    const isSame = before?.essence === shown.essence;
    const gap = i === 0 || isJoined ? "" : "\n";
    isJoined = isSame && shown.name !== "";
    if (isSame) {
      while (isOneMore(tables[i], tables[i + 1])) i++;
      const last = tables[i] ?? shown;
      const which = last === shown ? `table ${nameOf(shown)}` : `tables ${shown.table}...${last.table}`;
      parts.push(`${gap}  ${which}: ditto\n`);
    } else parts.push(`${gap}  table ${nameOf(shown)}:\n${shown.lines(before)}`);
  }
  return `\n${parts.join("")}`;
}

/** Whether a table without a name follows another that is the same. */
function isOneMore(before: Shown | undefined, after: Shown | undefined): boolean {
  return before !== undefined && after?.essence === before.essence && after.name === "" && after.table === before.table + 1;
}

function nameOf({ table, name }: Shown): string {
  return name === "" ? `${table}` : `${table} ("${name}")`;
}

/** Writes the configuration of a table. */
export function printTableDesc({ table, config, evictionFlags, vacancy, vacantPercent }: TableDesc): string {
  const evicts = (config & TABLE_CONFIG.EVICTION) !== 0;
  const tells = (config & TABLE_CONFIG.VACANCY_EVENTS) !== 0;
  const thresholds = `vacancy_down=${vacancy.downPercent}% vacancy_up=${vacancy.upPercent}% vacancy=${vacantPercent}%`;
  return [
    `\n  table ${table}:`,
    `   eviction=${evicts ? "on" : "off"} eviction_flags=${namesOfBits(evictionFlags, EVICTION, "|")}`,
    `   vacancy=${tells ? `on ${thresholds}` : "off"}\n`,
  ].join("\n");
}

/** Writes that a table filled or emptied. */
export function printTableStatus({ reason, desc }: TableStatus): string {
  return ` reason=${reason === "vacancyDown" ? "VACANCY_DOWN" : "VACANCY_UP"}\ntable_desc:-${printTableDesc(desc)}`;
}

/** Writes a change of the configuration of tables. */
export function printTableMod({ table, config, miss, vacancy }: TableMod, version: number): string {
  const which = table === ALL_TABLES ? " table_id: ALL_TABLES" : ` table_id=${table}`;
  if (version < VERSION.OF14) return miss === undefined ? which : `${which}, flow_miss_config=${miss}`;
  const isOn = (bit: number): string => ((config & bit) === 0 ? "off" : "on");
  const thresholds = vacancy === undefined ? "" : ` vacancy:${vacancy.downPercent},${vacancy.upPercent}`;
  return `${which}, eviction=${isOn(TABLE_CONFIG.EVICTION)}, vacancy=${isOn(TABLE_CONFIG.VACANCY_EVENTS)}${thresholds}`;
}

/** Writes a change of the table of tunnel options. */
export function printTlvTableMod({ command, mappings }: TlvTableMod): string {
  return `\n ${TLV_COMMANDS[command]}${command === "clear" ? "" : ` ${printMappings(mappings)}`}`;
}

/** Writes the table of tunnel options. */
export function printTlvTable({ maxSpaceBytes, maxFields, mappings }: TlvTableReply): string {
  const sizeBytes = mappings.reduce((sum, mapping) => sum + mapping.sizeBytes, 0);
  const room = `\n max option space=${maxSpaceBytes} max fields=${maxFields}\n allocated option space=${sizeBytes}\n`;
  return `${room}\n ${printMappings(mappings)}`;
}

function printMappings(mappings: readonly TlvMapping[]): string {
  const rows = mappings.map(({ optionClass, optionType, sizeBytes, index }) => {
    const [ofClass, ofType] = [optionClass, optionType].map((value) => (value === 0 ? "0" : `0x${value.toString(16)}`));
    return `\n ${ofClass?.padStart(6)}  ${ofType?.padStart(4)}  ${String(sizeBytes).padStart(6)}  tun_metadata${index}`;
  });
  return `mapping table:\n  class  type  length  match field\n ------  ----  ------  --------------${rows.join("")}`;
}
