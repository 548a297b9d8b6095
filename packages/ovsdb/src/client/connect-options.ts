/** What to replicate, from where, and how the connection is kept. */
import type { Logger } from "@tenet/kit";
import type { Turns } from "../rpc/work.ts";
import type { Conditions, WantedTables } from "./follow.ts";
import type { AnyTables, Clauses, ColumnName, TableMap, TableName } from "./table-forms.ts";

/** How the connection is kept. */
export interface LinkSettings {
  /**
   * Which member of a cluster is followed: its leader, which is never behind and answers soonest, or any, which spreads
   * many readers over the cluster. Default `leader`.
   */
  readonly member?: "leader" | "any";
  /** Longest pause between two rounds of attempts to reconnect; the first is 50 ms. Default 2 s. */
  readonly maxBackoffMs?: number;
  /** An idle server is probed after this time, and given up after twice of it. Default 10 s; 0 is never. */
  readonly probeIntervalMs?: number;
  /** A server that does not take the connection within this time is passed over. Default 5 s. */
  readonly dialTimeoutMs?: number;
  /** In whose turns updates are read and applied; rows change in the last of them. At once when absent. */
  readonly turns?: Turns;
  /** The caller's name in logs. */
  readonly name?: string;
  readonly log?: Logger;
}

/** What to replicate of a database whose schema the caller has. */
export interface FollowOptions<T extends TableMap = AnyTables> extends LinkSettings {
  /** The tables, or the columns per table; all of the schema when absent. */
  readonly tables?: readonly TableName<T>[] | { readonly [N in TableName<T>]?: readonly ColumnName<T[N]>[] };
  /** Clauses per table: a row is seen when any holds. */
  readonly conditions?: ConditionsOf<T>;
}

/** Clauses per table; `undefined` sees every row. */
export type ConditionsOf<T extends TableMap> = { readonly [N in TableName<T>]?: Clauses<T[N]> | undefined };

/** What to replicate of a database of which only the name is known. */
export interface ConnectOptions extends LinkSettings {
  /** The database's name, e.g. `OVN_Northbound`. */
  readonly database: string;
  /** The tables, or the columns per table; all when absent. Tables and columns the server lacks are left out. */
  readonly tables?: WantedTables;
  /** Clauses per table: a row is seen when any holds. */
  readonly conditions?: Conditions;
}
