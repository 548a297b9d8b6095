/**
 * Executes the operations of one transaction, in order, on the tables in place.
 *
 * @see RFC 7047, section 5.2
 */
import type { Clock, Json } from "@tenet/kit";
import { isUuid } from "../model/atom.ts";
import { checkAtom } from "../model/constraints.ts";
import { type Datum, keysOf, parseDatum } from "../model/datum.ts";
import { stringifyExact } from "../model/exact-json.ts";
import { constraintViolation, OvsdbError, syntaxError } from "../model/ovsdb-error.ts";
import { type PartialRow, rowToJson } from "../model/row.ts";
import type { ColumnSchema, TableSchema } from "../model/schema.ts";
import { isJsonArray } from "../model/sorted-json.ts";
import { type Condition, parseCondition } from "./condition.ts";
import type { Journal } from "./journal.ts";
import { applyMutations, parseMutations } from "./mutation.ts";
import { MemberReader } from "./operation-reader.ts";
import { findRows } from "./query.ts";
import type { Tables } from "./references.ts";
import { RoleAccess } from "./role-access.ts";
import type { TransactOptions } from "./staged.ts";
import type { TableState } from "./table-state.ts";

/** A `wait` does not hold yet: the transaction is to be tried again when `table` changes. */
export class WaitBlocked {
  readonly table: string;
  /** Ms from the transaction's arrival; `undefined` waits forever. */
  readonly timeoutMs: number | undefined;

  constructor(table: string, timeoutMs: number | undefined) {
    this.table = table;
    this.timeoutMs = timeoutMs;
  }
}

/** What an execution needs to know about its surroundings. */
export interface ExecutionContext {
  readonly tables: Tables;
  readonly journal: Journal;
  readonly newUuid: () => string;
  readonly clock: Clock;
  /** When the transaction arrived, by the monotonic clock. */
  readonly arrivedAtMs: number;
  readonly options: TransactOptions;
}

type RowJson = { readonly [column: string]: Json | undefined };

/** Executes operations one by one; state that spans operations (named uuids, comments) lives here. */
export class Execution {
  readonly comments: string[] = [];
  /** Whether an operation asked for a durable commit. */
  isDurable = false;
  readonly #context: ExecutionContext;
  readonly #access: RoleAccess | undefined;
  /** What `uuid-name` and `named-uuid` stand for; most transactions have none. */
  #named: Map<string, { readonly uuid: string; isInserted: boolean }> | undefined;

  constructor(context: ExecutionContext) {
    this.#context = context;
    const { role } = context.options;
    this.#access = role === undefined ? undefined : new RoleAccess(context.tables, role);
  }

  /**
   * Executes one operation.
   *
   * @param i - which of the transaction's `n` operations it is, from 0, for error texts
   * @returns the operation's result, or `WaitBlocked`
   * @throws OvsdbError the operation's error object
   */
  run(json: Json, i: number, n: number): Json | WaitBlocked {
    const reader = new MemberReader(json, () => `ovsdb operation ${i + 1} of ${n}`);
    try {
      return this.#dispatch(reader);
    } finally {
      reader.finish();
    }
  }

  #dispatch(reader: MemberReader): Json | WaitBlocked {
    const op = reader.id("op");
    switch (op) {
      case "insert":
        return this.#insert(reader);
      case "select":
        return this.#select(reader);
      case "update":
        return this.#update(reader);
      case "mutate":
        return this.#mutate(reader);
      case "delete":
        return this.#delete(reader);
      case "wait":
        return this.#wait(reader);
      case "commit":
        this.isDurable ||= reader.boolean("durable");
        return {};
      case "abort":
        throw new OvsdbError("aborted", "aborted by request");
      case "comment":
        this.comments.push(reader.string("comment"));
        return {};
      case "assert":
        return this.#assert(reader.id("lock"));
      default:
        throw reader.failure(`No operation "${op}"`);
    }
  }

  #insert(reader: MemberReader): Json {
    const table = this.#table(reader);
    const rowJson = reader.optionalObject("row") ?? {};
    const uuidText = reader.optionalString("uuid");
    const name = reader.optionalId("uuid-name");
    const { journal, newUuid } = this.#context;
    const uuid = this.#newRowUuid(table, uuidText, name);
    const columns = this.#parseRow(table.schema, rowJson);
    checkDefaults(table, columns);
    this.#checkWritable("insert");
    const row = table.maker.make(uuid, newUuid(), columns);
    this.#access?.checkInsert(table.schema, row);
    journal.set(table, uuid, row);
    return { uuid: ["uuid", uuid] };
  }

  #newRowUuid(table: TableState, text: string | undefined, name: string | undefined): string {
    if (text !== undefined) this.#checkNewUuid(table, text);
    if (name === undefined) return text?.toLowerCase() ?? this.#context.newUuid();
    this.#named ??= new Map();
    const symbol = this.#named.get(name);
    if (symbol?.isInserted === true) {
      throw syntaxError(name, 'This "uuid-name" appeared on an earlier "insert" operation.', "duplicate uuid-name");
    }
    const uuid = text?.toLowerCase() ?? symbol?.uuid ?? this.#context.newUuid();
    this.#named.set(name, { uuid, isInserted: true });
    return uuid;
  }

  #checkNewUuid(table: TableState, text: string): void {
    if (!isUuid(text)) throw syntaxError(text, "bad uuid");
    const uuid = text.toLowerCase();
    if (!table.rows.has(uuid) && this.#context.journal.originalOf(table, uuid) === undefined) return;
    const why = "This UUID would duplicate a UUID already present within the table or deleted within the same transaction.";
    throw syntaxError(text, why, "duplicate uuid");
  }

  #select(reader: MemberReader): Json {
    const table = this.#table(reader);
    const where = reader.array("where");
    const columnsJson = reader.optionalArray("columns");
    const condition = this.#condition(table, where);
    const columns = parseColumns(table.schema, columnsJson);
    const rows = findRows(table, condition).map((row) => rowToJson(row, columns));
    return { rows: columns.some((column) => column.name === "_uuid") ? rows : distinct(rows) };
  }

  #update(reader: MemberReader): Json {
    const table = this.#table(reader);
    const where = reader.array("where");
    const rowJson = reader.object("row");
    const changes = this.#parseRow(table.schema, rowJson);
    const names = Object.keys(changes);
    for (const name of names) {
      if (table.schema.allColumns.get(name)?.isMutable !== false) continue;
      throw constraintViolation(`Cannot update immutable column ${name} in table ${table.schema.name}.`, reader.json);
    }
    const rows = findRows(table, this.#condition(table, where));
    this.#checkWritable("update");
    this.#access?.checkUpdate(table.schema, rows, names);
    for (const row of rows) this.#context.journal.set(table, row._uuid, table.maker.change(row, changes));
    return { count: rows.length };
  }

  #mutate(reader: MemberReader): Json {
    const table = this.#table(reader);
    const where = reader.array("where");
    const mutations = parseMutations(table.schema, reader.array("mutations"), this.#namedUuid);
    const rows = findRows(table, this.#condition(table, where));
    this.#checkWritable("mutate");
    this.#access?.checkMutate(
      table.schema,
      rows,
      mutations.map(({ column }) => column.name),
    );
    for (const row of rows) {
      this.#context.journal.set(table, row._uuid, table.maker.change(row, applyMutations(mutations, row)));
    }
    return { count: rows.length };
  }

  #delete(reader: MemberReader): Json {
    const table = this.#table(reader);
    const rows = findRows(table, this.#condition(table, reader.array("where")));
    this.#checkWritable("delete");
    this.#access?.checkDelete(table.schema, rows);
    for (const row of rows) this.#context.journal.set(table, row._uuid, undefined);
    return { count: rows.length };
  }

  #wait(reader: MemberReader): Json | WaitBlocked {
    const timeoutMs = reader.optionalInteger("timeout");
    const table = this.#table(reader);
    const where = reader.array("where");
    const columnsJson = reader.optionalArray("columns");
    const until = reader.string("until");
    const rowsJson = reader.array("rows");
    if (until !== "==" && until !== "!=") throw syntaxError(until, '"until" must be "==" or "!="');
    const condition = this.#condition(table, where);
    const columns = parseColumns(table.schema, columnsJson);
    if (timeoutMs !== undefined && timeoutMs < 0) throw syntaxError(timeoutMs, "timeout must be nonnegative");
    const expected = new Set(rowsJson.map((json) => this.#rowKey(table, columns, json)));
    const actual = new Set(findRows(table, condition).map((row) => stringifyExact(rowToJson(row, columns))));
    const isEqual = expected.size === actual.size && [...expected].every((key) => actual.has(key));
    if (isEqual === (until === "==")) return {};
    const elapsedMs = this.#context.clock.monotonicMs() - this.#context.arrivedAtMs;
    if (timeoutMs === undefined || elapsedMs < timeoutMs) return new WaitBlocked(table.schema.name, timeoutMs);
    if (timeoutMs === 0) throw new OvsdbError("timed out", '"where" clause test failed');
    throw new OvsdbError("timed out", `"wait" timed out after ${Math.floor(elapsedMs)} ms`);
  }

  #rowKey(table: TableState, columns: readonly ColumnSchema[], json: Json): string {
    if (typeof json !== "object" || json === null || isJsonArray(json)) throw syntaxError(json, "row must be JSON object");
    const given = this.#parseRow(table.schema, json);
    const { _uuid: uuid = "", _version: version = "" } = given;
    return stringifyExact(rowToJson(table.maker.make(String(uuid), String(version), given), columns));
  }

  #assert(lock: string): Json {
    if (this.#context.options.holdsLock?.(lock) === true) return {};
    throw new OvsdbError("not owner", `Asserted lock ${lock} not held.`);
  }

  #table(reader: MemberReader): TableState {
    const name = reader.id("table");
    const table = this.#context.tables.get(name);
    if (table === undefined) throw reader.failure(`No table named ${name}.`);
    return table;
  }

  #condition(table: TableState, where: readonly Json[]): Condition {
    return parseCondition(table.schema, where, this.#namedUuid);
  }

  #checkWritable(op: string): void {
    const { whyReadOnly } = this.#context.options;
    if (whyReadOnly !== undefined) throw new OvsdbError("not allowed", `${op} operation not allowed ${whyReadOnly}`);
  }

  #parseRow(table: TableSchema, json: RowJson): PartialRow {
    const columns: { [column: string]: Datum } = {};
    for (const name of Object.keys(json)) {
      const column = table.allColumns.get(name);
      if (column === undefined) throw syntaxError(json, `No column ${name} in table ${table.name}.`, "unknown column");
      columns[name] = parseDatum(column.type, json[name] ?? null, this.#namedUuid);
    }
    return columns;
  }

  readonly #namedUuid = (name: string): string => {
    this.#named ??= new Map();
    const known = this.#named.get(name);
    if (known !== undefined) return known.uuid;
    const uuid = this.#context.newUuid();
    this.#named.set(name, { uuid, isInserted: false });
    return uuid;
  };
}

/** Columns that the client left out take their default, which the constraints need not allow. */
function checkDefaults({ forbiddenDefaults }: TableState, given: PartialRow): void {
  for (const { name, type, defaultDatum } of forbiddenDefaults) {
    if (!Object.hasOwn(given, name)) for (const atom of keysOf(defaultDatum)) checkAtom(type.key, atom);
  }
}

/** Reads an array of column names; absent means all. */
function parseColumns(table: TableSchema, json: readonly Json[] | undefined): readonly ColumnSchema[] {
  if (json === undefined) return [...table.allColumns.values()];
  const columns = json.map((name) => {
    if (typeof name !== "string") throw syntaxError(json, "array of distinct column names expected");
    const column = table.allColumns.get(name);
    if (column === undefined) throw syntaxError(json, `${name} is not a valid column name`);
    return column;
  });
  if (new Set(columns).size < columns.length) throw syntaxError(json, "array of distinct column names expected");
  return columns;
}

function distinct(rows: readonly Json[]): readonly Json[] {
  return [...new Map(rows.map((row) => [stringifyExact(row), row])).values()];
}
