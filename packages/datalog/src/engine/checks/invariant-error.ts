/** What checks find: a fault of the engine, never of the program. */
import { AppError } from "@tenet/kit";
import { formatAtom } from "../../value.ts";
import { readTuple } from "../delta.ts";
import type { Interner } from "../rows/interner.ts";
import type { RowStore } from "../rows/row-store.ts";

/** The engine's state is not what it promises to be. Thrown only by engines with `checks`. */
export class InvariantError extends AppError {
  static override readonly code: string = "DATALOG_INVARIANT";

  constructor(what: string) {
    super(`The engine's state is wrong: ${what}`, {
      hint: "this is a fault of the engine: please report it with the program and its changes; do not go on with this engine",
    });
  }
}

/** What is wrong with a row of a store. */
export function wrongRow(store: RowStore, row: number, interner: Interner, what: string): InvariantError {
  return new InvariantError(`${formatAtom(store.name, readTuple(store, row, interner))} ${what}`);
}

/** What is wrong with a store, but with none of its rows. */
export function wrongStore(store: RowStore, what: string): InvariantError {
  return new InvariantError(`relation "${store.name}" ${what}`);
}
