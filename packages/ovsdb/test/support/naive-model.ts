/**
 * A database as slow and as simple as possible, the oracle of the engine: it copies everything for each
 * transaction and checks everything from scratch. It knows the commit rules (references, collection of
 * rows, limits, indexes) for transactions of inserts, updates and deletes with plain values; it does not parse.
 */
interface NaiveRow {
  readonly table: string;
  readonly columns: { [column: string]: string | number | readonly string[] };
}

export type NaiveOperation =
  | { readonly op: "insert"; readonly uuid: string; readonly row: NaiveRow }
  | { readonly op: "update"; readonly uuid: string; readonly columns: NaiveRow["columns"] }
  | { readonly op: "delete"; readonly uuid: string };

export type NaiveState = ReadonlyMap<string, NaiveRow>;

/** `[table, column]` of references to Kid, and the tables that need no reference. */
const STRONG = [
  ["Root", "kids"],
  ["Kid", "next"],
] as const;
const WEAK = [
  ["Root", "pals"],
  ["Kid", "pal1"],
] as const;
const ROOTS = ["Root", "Few"];

function refs(state: NaiveState, columns: readonly (readonly [string, string])[]): [from: string, column: string, to: string][] {
  return [...state].flatMap(([uuid, { table, columns: values }]) =>
    columns.flatMap(([owner, column]) => {
      const value = values[column];
      return owner === table && Array.isArray(value)
        ? value.map((to: string): [string, string, string] => [uuid, column, to])
        : [];
    }),
  );
}

/** The state after a transaction, or the wire name of the error that refuses it. */
export function naiveTransact(before: NaiveState, operations: readonly NaiveOperation[]): NaiveState | string {
  const state = new Map(before);
  for (const operation of operations) {
    if (operation.op === "insert") {
      if (state.has(operation.uuid) || before.has(operation.uuid)) return "duplicate uuid";
      state.set(operation.uuid, operation.row);
    } else if (operation.op === "delete") {
      state.delete(operation.uuid);
    } else {
      const row = state.get(operation.uuid);
      if (row !== undefined) state.set(operation.uuid, { ...row, columns: { ...row.columns, ...operation.columns } });
    }
  }
  if (refs(state, STRONG).some(([, , to]) => state.get(to)?.table !== "Kid")) return "referential integrity violation";
  collect(state);
  if ([...state.values()].filter(({ table }) => table === "Few").length > 2) return "constraint violation";
  for (const [from, column, to] of refs(state, WEAK)) {
    const row = state.get(from);
    const value = row?.columns[column];
    if (row === undefined || state.get(to)?.table === "Kid" || !Array.isArray(value)) continue;
    state.set(from, { ...row, columns: { ...row.columns, [column]: value.filter((uuid: string) => uuid !== to) } });
  }
  return hasDuplicates(state) ? "constraint violation" : state;
}

function collect(state: Map<string, NaiveRow>): void {
  const referred = new Set(refs(state, STRONG).flatMap(([from, , to]) => (from === to ? [] : [to])));
  const garbage = [...state].filter(([uuid, { table }]) => !ROOTS.includes(table) && !referred.has(uuid));
  for (const [uuid] of garbage) state.delete(uuid);
  if (garbage.length > 0) collect(state);
}

function hasDuplicates(state: NaiveState): boolean {
  const keys = [...state.values()].flatMap(({ table, columns }) => {
    if (table === "Root") return [`Root ${columns["name"]}`];
    return table === "Kid" ? [`Kid ${columns["name"]} ${columns["n"]}`] : [];
  });
  return new Set(keys).size < keys.length;
}
