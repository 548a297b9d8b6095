/** Flow tables: counters, configuration, what they can do; and tables of tunnel options. */
import { ALL_TABLES } from "../flow-spec.ts";
import type { TableFeatures, TableStatsEntry } from "../message.ts";
import { TABLE_CONFIG, type TableDesc, type TableMod, type TableStatus } from "../table-mod.ts";
import type { TlvMapping, TlvTableMod, TlvTableReply } from "../tlv-table.ts";
import { namesOfBits } from "./names-of-bits.ts";

const EVICTION = ["OTHER", "IMPORTANCE", "LIFETIME"];
/** Fields that a table of OpenFlow 1.0 can match on. */
const FIELDS_10 = "in_port eth_{src,dst,type} vlan_{vid,pcp} ip_{src,dst} nw_{proto,tos} tcp_{src,dst}";
const TLV_COMMANDS: Readonly<Record<TlvTableMod["command"], string>> = { add: "ADD", delete: "DEL", clear: "CLEAR" };

/** A table as lines of its own; what is as in the table before it is left out, and a table that is all as that has one line. */
interface Shown {
  readonly table: number;
  readonly name: string;
  readonly lines: (before: boolean) => string;
  /** What must be the same. */
  readonly essence: string;
}

/** Writes counters of tables. */
export function printTableStats(tables: readonly TableStatsEntry[], version: number): string {
  return printTables(
    tables.map(({ table, name, maxEntries, nActive, nLookups, nMatched }) => {
      const counters = `    active=${nActive}, lookup=${nLookups}, matched=${nMatched}\n`;
      const features = `    max_entries=${maxEntries}\n    matching:\n      exact match or wildcard: ${FIELDS_10}\n`;
      const shownFeatures = maxEntries === 0 ? features.slice(features.indexOf("\n") + 1) : features;
      const lines = (isSame: boolean): string => counters + (version > 1 ? "" : isSame ? "    (same features)\n" : shownFeatures);
      return { table, name, lines, essence: counters };
    }),
  );
}

/** Writes what tables can do, but for the fields and actions, which every table has. */
export function printTableFeatures(tables: readonly TableFeatures[], version: number): string {
  return printTables(
    tables.map(({ table, name, maxEntries, nTables }) => {
      const hasNext = nTables > table + 1;
      const lastTable = nTables - 1 === table + 1 ? `${table + 1}` : `${table + 1}-${nTables - 1}`;
      const instructions = ["apply_actions", "clear_actions", "write_actions", "write_metadata"];
      const text = [
        "    metadata: match=0xffffffffffffffff write=0xffffffffffffffff\n",
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
    } else parts.push(`${gap}  table ${nameOf(shown)}:\n${shown.lines(before !== undefined)}`);
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
export function printTableMod({ table, config, vacancy }: TableMod, version: number): string {
  const which = table === ALL_TABLES ? " table_id: ALL_TABLES" : ` table_id=${table}`;
  if (version < 5) return which;
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
