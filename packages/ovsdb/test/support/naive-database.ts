/**
 * A database as slow and as simple as possible, for any schema: the oracle of the engine.
 *
 * A transaction works on a copy of everything and checks everything from scratch.
 */
import type { Json } from "@tenet/kit";
import { type BaseType, type DatabaseSchema, type TableSchema, toJson } from "@tenet/ovsdb";
import {
  defaults,
  Failure,
  matching,
  type NaiveRow,
  type Operation,
  parse,
  parseMutation,
  parseRow,
  projected,
  rowText,
  uuidIn,
} from "./naive-values.ts";

type Tables = Map<string, Map<string, NaiveRow>>;

/** What a transaction gave: results of operations, and at which operation (or after the last: the commit) it failed. */
export interface NaiveOutcome {
  readonly results: readonly unknown[];
  readonly failedAt: number | undefined;
}

/** A database in memory. */
export class NaiveDatabase {
  readonly #schema: DatabaseSchema;
  #tables: Tables;
  /** Rows that were there when the running transaction began. */
  #before: Tables;

  constructor(schema: DatabaseSchema) {
    this.#schema = schema;
    this.#tables = new Map(Array.from(schema.tables.keys(), (name) => [name, new Map()]));
    this.#before = this.#tables;
  }

  /** All rows as texts, in an order of their own. */
  content(): string[] {
    return [...this.#tables]
      .flatMap(([table, rows]) => Array.from(rows, ([uuid, row]) => `${table} ${uuid} ${rowText(row)}`))
      .toSorted();
  }

  /** Executes operations that have the right members; values and conditions may be wrong. */
  transact(operations: readonly Operation[]): NaiveOutcome {
    this.#before = this.#tables;
    this.#tables = new Map(Array.from(this.#tables, ([name, rows]) => [name, new Map(rows)]));
    const results: unknown[] = [];
    try {
      for (const operation of operations) results.push(this.#execute(operation));
      this.#settle();
      return { results, failedAt: undefined };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      this.#tables = this.#before;
      return { results, failedAt: results.length };
    }
  }

  #execute(operation: Operation): unknown {
    const table = this.#schema.tables.get(String(operation["table"]));
    if (table === undefined) throw new Failure();
    const rows = this.#rows(table.name);
    switch (operation["op"]) {
      case "insert":
        return this.#insert(table, operation);
      case "select":
        return projected(matching(table, rows, operation["where"]), operation["columns"] as string[]).toSorted();
      case "update":
        return this.#change(table, operation, (row) => {
          const changes = parseRow(table, operation["row"]);
          return new Map([...row, ...changes]);
        });
      case "mutate": {
        const mutations = (operation["mutations"] as Json[]).map((mutation) => parseMutation(table, mutation as Json[]));
        return this.#change(table, operation, (row) => mutations.reduce((changed, mutate) => mutate(changed), row));
      }
      case "delete": {
        const found = matching(table, rows, operation["where"]);
        for (const [uuid] of found) rows.delete(uuid);
        return found.length;
      }
      case "wait":
        return this.#wait(table, operation);
      default:
        throw new Error(`the model has no operation ${String(operation["op"])}`);
    }
  }

  #insert(table: TableSchema, operation: Operation): unknown {
    const uuid = String(operation["uuid"]);
    if (this.#rows(table.name).has(uuid) || this.#before.get(table.name)?.has(uuid) === true) throw new Failure();
    const given = parseRow(table, operation["row"]);
    for (const column of table.columns.values()) {
      if (!given.has(column.name) && column.type.min > 0) parse(column.type, toJson(column.type, column.defaultDatum));
    }
    this.#rows(table.name).set(uuid, new Map([...defaults(table), ...given]));
    return uuid;
  }

  #change(table: TableSchema, operation: Operation, change: (row: NaiveRow) => NaiveRow): number {
    if (operation["op"] === "update") {
      for (const name of parseRow(table, operation["row"]).keys())
        if (table.columns.get(name)?.isMutable !== true) throw new Failure();
    }
    const rows = this.#rows(table.name);
    const found = matching(table, rows, operation["where"]);
    for (const [uuid, row] of found) rows.set(uuid, change(row));
    return found.length;
  }

  #wait(table: TableSchema, operation: Operation): unknown {
    const columns = operation["columns"] as string[];
    const expected = (operation["rows"] as Json[]).map((row): [string, NaiveRow] => [
      "00000000-0000-0000-0000-000000000000",
      new Map([...defaults(table), ...parseRow(table, row)]),
    ]);
    const found = matching(table, this.#rows(table.name), operation["where"]);
    const textOf = (rows: [string, NaiveRow][]) => [...new Set(projected(rows, columns))].toSorted().join("\n");
    const isEqual = textOf(found) === textOf(expected);
    if (isEqual !== (operation["until"] === "==")) throw new Failure();
    return {};
  }

  #settle(): void {
    for (const { from, target, to, isWeak } of this.#references()) {
      if (!isWeak && this.#tables.get(target)?.has(to) !== true && from !== undefined) throw new Failure();
    }
    this.#collect();
    for (const { name, maxRows } of this.#schema.tables.values()) if (this.#rows(name).size > maxRows) throw new Failure();
    while (this.#dropWeak()) this.#collect();
    for (const table of this.#schema.tables.values()) {
      for (const index of table.indexes) {
        const keys = Array.from(this.#rows(table.name).values(), (row) => JSON.stringify(index.map(({ name }) => row.get(name))));
        if (new Set(keys).size < keys.length) throw new Failure();
      }
    }
  }

  #references(): { from: string; target: string; to: string; isWeak: boolean }[] {
    return [...this.#schema.tables.values()].flatMap((table) =>
      Array.from(this.#rows(table.name)).flatMap(([uuid, row]) =>
        [...table.columns.values()].flatMap(({ name, type }) =>
          (row.get(name) ?? []).flatMap((pair) =>
            [type.key, type.value].flatMap((base, i) =>
              base?.refTable === undefined
                ? []
                : [{ from: `${table.name} ${uuid}`, target: base.refTable, to: uuidIn(pair[i] ?? ""), isWeak: base.isWeak }],
            ),
          ),
        ),
      ),
    );
  }

  /** Deletes rows that need a reference from another row and have none, until there are none. */
  #collect(): void {
    for (let isStable = false; !isStable; ) {
      isStable = true;
      const strong = this.#references().filter(({ isWeak }) => !isWeak);
      const referred = new Set(strong.flatMap(({ from, target, to }) => (from === `${target} ${to}` ? [] : [`${target} ${to}`])));
      for (const { name, isRoot } of this.#schema.tables.values()) {
        for (const uuid of isRoot ? [] : [...this.#rows(name).keys()]) {
          if (referred.has(`${name} ${uuid}`)) continue;
          this.#rows(name).delete(uuid);
          isStable = false;
        }
      }
    }
  }

  /** Takes weak references to missing rows out of all rows. @returns whether there were any */
  #dropWeak(): boolean {
    let hasChanged = false;
    const isMissing = (base: BaseType | undefined, text: string) =>
      base?.refTable !== undefined && base.isWeak && this.#tables.get(base.refTable)?.has(uuidIn(text)) !== true;
    for (const table of this.#schema.tables.values()) {
      for (const [uuid, row] of this.#rows(table.name)) {
        for (const { name, type } of table.columns.values()) {
          const value = row.get(name) ?? [];
          const kept = value.filter(([key, other]) => !isMissing(type.key, key) && !isMissing(type.value, other));
          if (kept.length === value.length) continue;
          if (kept.length < type.min) throw new Failure();
          this.#rows(table.name).set(uuid, new Map([...(this.#rows(table.name).get(uuid) ?? row), [name, kept]]));
          hasChanged = true;
        }
      }
    }
    return hasChanged;
  }

  #rows(table: string): Map<string, NaiveRow> {
    const rows = this.#tables.get(table);
    if (rows === undefined) throw new Error(`no table ${table}`);
    return rows;
  }
}
