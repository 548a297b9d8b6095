/** Relations whose rows are objects with the columns as properties, instead of tuples. */
import { didYouMean } from "@tenet/kit";
import type { Program } from "../compile.ts";
import type { Change } from "../engine/delta.ts";
import type { Engine } from "../engine/engine.ts";
import { RelationError } from "../engine/errors.ts";
import type { Proof } from "../engine/proof/explain.ts";
import type { WhyNot } from "../engine/proof/why-not.ts";
import { watch, type WatchOptions } from "../history/watch.ts";
import type { Scalar } from "../scalar.ts";
import type { Tuple, Value } from "../value.ts";

/** What a row's type describes, written by {@link typesOf}: it is checked against the program when it is used. */
export interface Table<Row> {
  readonly relation: string;
  readonly columns: readonly (keyof Row & string)[];
}

/** A row to put in or take out: columns of typed values may be given as text. */
export type RowInput<Row> = { readonly [Column in keyof Row]: Row[Column] | (Scalar extends Row[Column] ? string : never) };

/** Rows that came and went. */
export interface RowDelta<Row> {
  readonly inserted: readonly Row[];
  readonly deleted: readonly Row[];
}

/** One relation of an engine. */
export interface TypedRelation<Row> {
  readonly name: string;
  /** Number of rows. */
  readonly size: number;
  /** All rows, in no particular order. */
  rows(): Row[];
  /** Rows that have these values in these columns. */
  find(partial: Partial<Row>): Row[];
  has(row: Row): boolean;
  /** The change that puts a row in; for `Engine.transact`. */
  insert(row: RowInput<Row>): Change;
  /** The change that takes a row out. */
  delete(row: RowInput<Row>): Change;
  /** Calls the listener after each commit that changed rows (with these values, if given); the returned function ends that. */
  onDelta(listener: (delta: RowDelta<Row>) => void, partial?: Partial<Row>, options?: WatchOptions): () => void;
  explain(row: Row): Proof | undefined;
  whyNot(partial: Partial<Row>): WhyNot;
}

/**
 * A relation with typed rows: `relation(engine, reach)` with a constant that {@link typesOf} wrote, or `relation<Reach>(engine, "reach")`.
 *
 * @throws RelationError if the program has no such relation, or if its columns are not those of the constant: write the types anew
 */
export function relation<Row extends object>(engine: Engine, table: string | Table<Row>): TypedRelation<Row> {
  return new EngineRelation<Row>(engine, table);
}

class EngineRelation<Row extends object> implements TypedRelation<Row> {
  readonly name: string;
  readonly #engine: Engine;
  readonly #expected: readonly string[] | undefined;
  #program: Program;
  #columns: readonly string[];

  constructor(engine: Engine, table: string | Table<Row>) {
    this.name = typeof table === "string" ? table : table.relation;
    this.#expected = typeof table === "string" ? undefined : table.columns;
    this.#engine = engine;
    this.#program = engine.program;
    this.#columns = this.#readColumns();
  }

  get size(): number {
    return this.#engine.size(this.name);
  }

  rows(): Row[] {
    return this.#engine.rows(this.name).map((tuple) => this.#rowOf(tuple));
  }

  find(partial: Partial<Row>): Row[] {
    return this.#engine.match(this.name, this.#patternOf(partial)).map((tuple) => this.#rowOf(tuple));
  }

  has(row: Row): boolean {
    return this.#engine.has(this.name, this.#tupleOf(row));
  }

  insert(row: RowInput<Row>): Change {
    return { relation: this.name, tuple: this.#tupleOf(row), weight: 1 };
  }

  delete(row: RowInput<Row>): Change {
    return { relation: this.name, tuple: this.#tupleOf(row), weight: -1 };
  }

  onDelta(listener: (delta: RowDelta<Row>) => void, partial?: Partial<Row>, options?: WatchOptions): () => void {
    const filter = partial === undefined ? undefined : this.#patternOf(partial);
    const toRows = (tuples: readonly Tuple[]): Row[] => tuples.map((tuple) => this.#rowOf(tuple));
    return watch(
      this.#engine,
      this.name,
      filter,
      ({ inserted, deleted }) => listener({ inserted: toRows(inserted), deleted: toRows(deleted) }),
      options,
    );
  }

  explain(row: Row): Proof | undefined {
    return this.#engine.explain(this.name, this.#tupleOf(row));
  }

  whyNot(partial: Partial<Row>): WhyNot {
    return this.#engine.whyNot(this.name, this.#patternOf(partial));
  }

  #rowOf(tuple: Tuple): Row {
    return Object.fromEntries(this.#currentColumns().map((column, i) => [column, tuple[i] ?? null])) as Row;
  }

  #tupleOf(row: RowInput<Row>): Tuple {
    const pattern = this.#patternOf(row);
    const missing = pattern.indexOf(undefined);
    if (missing < 0) return pattern as Tuple;
    const column = this.#columns[missing] ?? "";
    throw new RelationError(`Cannot make a row of "${this.name}": column "${column}" is missing`, {
      hint: "give every column; null is a value",
      details: { relation: this.name, column },
    });
  }

  #patternOf(partial: Partial<RowInput<Row>>): (Value | undefined)[] {
    const columns = this.#currentColumns();
    const unknown = Object.keys(partial).find((key) => !columns.includes(key));
    if (unknown !== undefined) {
      throw new RelationError(`Cannot find column "${unknown}" of "${this.name}"`, {
        hint: didYouMean(unknown, columns),
        details: { relation: this.name, column: unknown },
      });
    }
    const given = partial as { readonly [column: string]: Value | undefined };
    return columns.map((column) => (Object.hasOwn(given, column) ? given[column] : undefined));
  }

  /** A new program may have other columns. */
  #currentColumns(): readonly string[] {
    if (this.#engine.program !== this.#program) {
      this.#columns = this.#readColumns();
      this.#program = this.#engine.program;
    }
    return this.#columns;
  }

  #readColumns(): readonly string[] {
    this.#engine.size(this.name);
    const columns = (this.#engine.program.relations.get(this.name)?.columns ?? []).map(({ name }) => name);
    const expected = this.#expected ?? columns;
    if (expected.length === columns.length && expected.every((column, i) => column === columns[i])) return columns;
    throw new RelationError(
      `Cannot use "${this.name}(${expected.join(", ")})": the program has ${this.name}(${columns.join(", ")})`,
      {
        hint: "write the types of the program anew",
        details: { relation: this.name },
      },
    );
  }
}
