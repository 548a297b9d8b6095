/**
 * What a client with a role may change: the tables `RBAC_Role` and `RBAC_Permission` of the database itself say it.
 *
 * A role's `permissions` lead from the name of a table to a permission. That one names the columns (or `column:key`
 * pairs) of which one has to hold the client's name for a row to be its own, an empty name for every row; whether its
 * own rows may be inserted and deleted; and which columns of its own rows may be changed. What is not permitted is
 * refused, unless the database has no `RBAC_Role`. The tables are read as the transaction sees them.
 *
 * @see ovn-sb(5), tables RBAC_Role and RBAC_Permission
 */
import { type Datum, isMap, keysOf } from "../model/datum.ts";
import { OvsdbError } from "../model/ovsdb-error.ts";
import { datumOf, type Row } from "../model/row.ts";
import type { ColumnSchema, TableSchema } from "../model/schema.ts";
import type { Tables } from "./references.ts";

/** A client that came in by a remote with a role. */
export interface RoleHolder {
  readonly role: string;
  /** The name in the client's certificate; a client without one is permitted nothing. */
  readonly name: string | undefined;
}

/** Decides for one client; each check throws an {@link OvsdbError} "permission error". */
export class RoleAccess {
  readonly #tables: Tables;
  readonly #holder: RoleHolder;

  constructor(tables: Tables, holder: RoleHolder) {
    this.#tables = tables;
    this.#holder = holder;
  }

  checkInsert(table: TableSchema, row: Row): void {
    this.#check(table, [row], "row insertion into", mayInsertAndDelete);
  }

  checkDelete(table: TableSchema, rows: readonly Row[]): void {
    this.#check(table, rows, "row deletion from", mayInsertAndDelete);
  }

  checkUpdate(table: TableSchema, rows: readonly Row[], columns: Iterable<string>): void {
    this.#check(table, rows, "modification of", (permission) => mayChange(permission, columns));
  }

  checkMutate(table: TableSchema, rows: readonly Row[], columns: Iterable<string>): void {
    this.#check(table, rows, "mutate operation on", (permission) => mayChange(permission, columns));
  }

  /** A permission is needed even where there is no row; what it allows matters where there is one. */
  #check(table: TableSchema, rows: readonly Row[], what: string, allows: (permission: Row) => boolean): void {
    const roles = this.#tables.get("RBAC_Role");
    if (roles === undefined) return;
    const { name } = this.#holder;
    const permission = this.#permission(roles.rows, table.name);
    const isPermitted = (row: Row) =>
      name !== undefined && permission !== undefined && isOwnRow(permission, table, row, name) && allows(permission);
    if (name === undefined || permission === undefined || !rows.every(isPermitted)) {
      throw roleRefusal(this.#holder, `${what} table "${table.name}".`);
    }
  }

  #permission(roles: ReadonlyMap<string, Row>, table: string): Row | undefined {
    for (const role of roles.values()) {
      if (role["name"] !== this.#holder.role) continue;
      const uuid = pick(role["permissions"], table);
      return typeof uuid === "string" ? this.#tables.get("RBAC_Permission")?.rows.get(uuid) : undefined;
    }
    return undefined;
  }
}

/** The error that tells a client what its role does not permit. */
export function roleRefusal({ role, name = "(null)" }: RoleHolder, what: string): OvsdbError {
  return new OvsdbError("permission error", `RBAC rules for client "${name}" role "${role}" prohibit ${what}`);
}

function mayInsertAndDelete(permission: Row): boolean {
  return permission["insert_delete"] === true;
}

function mayChange(permission: Row, columns: Iterable<string>): boolean {
  const allowed = keysOf(permission["update"] ?? []);
  return [...columns].every((column) => allowed.includes(column));
}

function isOwnRow(permission: Row, table: TableSchema, row: Row, name: string): boolean {
  return keysOf(permission["authorization"] ?? []).some((place) => place === "" || holds(table, row, String(place), name));
}

/** Whether a column, or the value of a key in it, is the name. */
function holds(table: TableSchema, row: Row, place: string, name: string): boolean {
  const [columnName = "", key] = place.split(":").filter((part) => part !== "");
  const column = table.columns.get(columnName);
  if (column === undefined || !isText(column)) return false;
  const datum = datumOf(row, column);
  if (place.includes(":")) return key !== undefined && pick(datum, key) === name;
  return column.type.value === undefined && column.type.max === 1 && keysOf(datum)[0] === name;
}

function isText({ type: { key, value } }: ColumnSchema): boolean {
  return key.type === "string" && (value === undefined || value.type === "string");
}

function pick(datum: Datum | undefined, key: string): Datum | undefined {
  return datum !== undefined && isMap(datum) ? datum.get(key) : undefined;
}
