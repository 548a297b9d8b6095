/** Sources of tables: databases and replicas seen as relations, and tables that the program's owner fills. */
import type { RelationDecl, Tuple } from "@tenet/datalog";
import type { DatabaseSchema, Row, RowChange } from "@tenet/ovsdb";

/** What a database and a replica have in common. */
interface Tables {
  readonly schema: DatabaseSchema;
  /** The present rows of a table by UUID. */
  table(name: string): ReadonlyMap<string, Row>;
}

/** A database inside this process; it can be guarded, too. */
export interface DatabaseTables extends Tables {
  onCommit(listener: (commit: { readonly changes: readonly RowChange[] }) => void): () => void;
  onConvert(listener: () => void): () => void;
}

/** A replica of a database elsewhere. */
export interface ReplicaTables extends Tables {
  onChange(listener: (changes: readonly RowChange[]) => void): () => void;
}

/** Tables that policies can read. */
export type TableSource = DatabaseTables | ReplicaTables;

/** A table that the program's owner fills by itself, e.g. `lab:host`. */
export interface PushedTable extends RelationDecl {
  readonly rows: readonly Tuple[];
}

/** Calls `listener` after each change of the source. @returns stops it */
export function followSource(source: TableSource, listener: (changes: readonly RowChange[]) => void): () => void {
  return "onCommit" in source ? source.onCommit(({ changes }) => listener(changes)) : source.onChange(listener);
}

/** The source's present rows, as if all were inserted just now. */
export function snapshotOf(source: TableSource): RowChange[] {
  const changes: RowChange[] = [];
  for (const table of source.schema.tables.keys()) {
    for (const [uuid, row] of source.table(table)) changes.push({ table, uuid, old: undefined, new: row });
  }
  return changes;
}
