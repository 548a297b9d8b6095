/** What a controller may set of a flow table, and what it is told of it. */

/** Bits of a table's configuration; OpenFlow 1.4 and later. */
export const TABLE_CONFIG: { readonly EVICTION: 4; readonly VACANCY_EVENTS: 8 } = { EVICTION: 4, VACANCY_EVENTS: 8 };

/** What eviction goes by: all of what OpenFlow names, in bits (other, importance, lifetime). */
export const EVICTION_FLAGS = 7;

/** When a controller hears of a table that fills or empties, in percent of what is free. */
export interface VacancyThresholds {
  readonly downPercent: number;
  readonly upPercent: number;
}

/** What becomes of packets that no flow of a table matches: OpenFlow 1.1 and 1.2 can say it. */
export type TableMiss = "controller" | "continue" | "drop";

/** Changes the configuration of a table. */
export interface TableMod {
  readonly type: "tableMod";
  /** `ALL_TABLES` = every table. */
  readonly table: number;
  /** Bits of {@link TABLE_CONFIG}; without meaning before OpenFlow 1.4. */
  readonly config: number;
  /** OpenFlow 1.1 and 1.2. */
  readonly miss?: TableMiss;
  readonly evictionFlags?: number;
  readonly vacancy?: VacancyThresholds;
}

/** The configuration of a table. */
export interface TableDesc {
  readonly table: number;
  /** Bits of {@link TABLE_CONFIG}. */
  readonly config: number;
  readonly evictionFlags: number;
  readonly vacancy: VacancyThresholds;
  /** How much is free, in percent. */
  readonly vacantPercent: number;
}

/** A table became so full, or so empty, as a controller wanted to hear of; OpenFlow 1.4 and later. */
export interface TableStatus {
  readonly type: "tableStatus";
  readonly reason: "vacancyDown" | "vacancyUp";
  readonly desc: TableDesc;
}
