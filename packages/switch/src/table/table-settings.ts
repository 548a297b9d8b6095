/** What the database and controllers set of a flow table: its name, how much it holds, and what goes when it is full. */
import type { FieldSpec } from "@tenet/net";
import type { VacancyThresholds } from "@tenet/openflow";

/** What the database says of a table (`Flow_Table`). */
export interface TableSettings {
  readonly name: string;
  /** Whether controllers may give it no other name. */
  readonly isNamedByDatabase?: boolean;
  /** Flows held at most; absent = as many as the bridge holds. */
  readonly flowLimit?: number;
  /** Whether a flow goes for one that comes to a full table, which else refuses it. */
  readonly isEvicting: boolean;
  /** Fields whose values part flows into groups: the largest group loses a flow first. */
  readonly evictionGroups: readonly FieldSpec[];
}

/** A table that nobody has said anything of. */
export const DEFAULT_TABLE_SETTINGS: TableSettings = { name: "", isEvicting: false, evictionGroups: [] };

/** When controllers hear of how full a table is, and what they hear of next. */
export interface VacancyWatch extends VacancyThresholds {
  next: "vacancyDown" | "vacancyUp";
}
