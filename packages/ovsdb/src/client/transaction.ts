/**
 * A transaction that is put together step by step: rows that it inserts can be referred to at once, and after the commit
 * their uuids can be asked for.
 */
import type { Json } from "@tenet/kit";
import { namedUuid, type Operations } from "./operations.ts";
import type { OperationResult } from "./results.ts";
import type { AnyTables, ColumnName, Mutation, NamedUuid, TableMap, TableName, UpdateOf, Where } from "./table-forms.ts";

/** What a committed transaction did. */
export class Committed {
  /** Of each operation, in order. */
  readonly results: readonly OperationResult[];
  readonly #places: ReadonlyMap<string, number>;

  constructor(results: readonly OperationResult[], places: ReadonlyMap<string, number>) {
    this.results = results;
    this.#places = places;
  }

  /** The uuid of a row that it inserted; `undefined` for a reference of another transaction. */
  uuidOf({ namedUuid: name }: NamedUuid): string | undefined {
    return this.results[this.#places.get(name) ?? -1]?.uuid;
  }
}

/** Operations to be committed together. */
export class Transaction<T extends TableMap = AnyTables> {
  readonly #operations: Operations<T>;
  readonly #send: (operations: readonly Json[]) => Promise<OperationResult[]>;
  readonly #list: Json[] = [];
  readonly #places = new Map<string, number>();
  #isGuarded = false;

  constructor(operations: Operations<T>, send: (operations: readonly Json[]) => Promise<OperationResult[]>) {
    this.#operations = operations;
    this.#send = send;
  }

  /** The operations so far, as on the wire. */
  get operations(): readonly Json[] {
    return this.#list;
  }

  /** Whether it can refuse to be committed twice: it verifies what it found, or fixes the uuid of a row. */
  get isGuarded(): boolean {
    return this.#isGuarded;
  }

  /** Inserts a row. @param uuid - fixes the row's uuid; chosen by the server when absent @returns a reference to it */
  insert<N extends TableName<T>>(table: N, row: T[N]["input"], uuid?: string): NamedUuid {
    const name = `row${this.#places.size}`;
    this.#places.set(name, this.#list.length);
    if (uuid !== undefined) this.#isGuarded = true;
    this.#list.push(this.#operations.insert(table, row, { as: name, ...(uuid === undefined ? {} : { uuid }) }));
    return namedUuid(name);
  }

  /** Sets columns of the rows that match. */
  update<N extends TableName<T>>(table: N, where: Where<T[N]>, row: UpdateOf<T[N]>): void {
    this.#list.push(this.#operations.update(table, where, row));
  }

  /** Adds elements to (or pairs to) sets and maps, or removes them; numbers take arithmetic mutators. */
  mutate<N extends TableName<T>>(table: N, where: Where<T[N]>, ...mutations: readonly Mutation<T[N]>[]): void {
    this.#list.push(this.#operations.mutate(table, where, mutations));
  }

  /** Deletes the rows that match. */
  delete<N extends TableName<T>>(table: N, where: Where<T[N]>): void {
    this.#list.push(this.#operations.delete(table, where));
  }

  /** Fails with "timed out" unless the rows that match have exactly these columns. */
  verify<N extends TableName<T>>(
    table: N,
    where: Where<T[N]>,
    columns: readonly ColumnName<T[N]>[],
    rows: readonly T[N]["input"][],
  ): void {
    this.#isGuarded = true;
    this.wait(table, where, columns, "==", rows, 0);
  }

  /** Holds until the rows that match have exactly (`==`) or not (`!=`) these columns; fails with "timed out" after the time. */
  wait<N extends TableName<T>>(
    table: N,
    where: Where<T[N]>,
    columns: readonly ColumnName<T[N]>[],
    until: "==" | "!=",
    rows: readonly T[N]["input"][],
    timeoutMs?: number,
  ): void {
    this.#list.push(this.#operations.wait(table, where, columns, until, rows, timeoutMs));
  }

  /** Adds text to the transaction's comment. */
  comment(text: string): void {
    this.#list.push(this.#operations.comment(text));
  }

  /** Fails unless this client holds the lock. */
  assert(lock: string): void {
    this.#list.push({ op: "assert", lock });
  }

  /** Sends it. @throws OvsdbError what the server refused; OutcomeUnknownError */
  async commit(): Promise<Committed> {
    return new Committed(await this.#send(this.#list), this.#places);
  }
}
