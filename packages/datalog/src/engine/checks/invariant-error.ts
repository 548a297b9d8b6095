/** What checks find: a fault of the engine, never of the program. */
import { AppError } from "@tenet/kit";
import { formatAtom } from "../../value.ts";
import { readTuple } from "../delta.ts";
import type { Interner } from "../interner.ts";
import type { RowStore } from "../row-store.ts";

/** The engine's state is not what it promises to be. Thrown only by engines with `checks`. */
export class InvariantError extends AppError {
  static override readonly code: string = "DATALOG_INVARIANT";

  /** @param row - -1 if the fault is in no row */
  constructor(store: RowStore, row: number, interner: Interner, what: string) {
    const atom = row < 0 ? `relation "${store.name}"` : formatAtom(store.name, readTuple(store, row, interner));
    super(`The engine's state is wrong: ${atom} ${what}`, {
      hint: "this is a fault of the engine: please report it with the program and its changes; do not go on with this engine",
      details: { relation: store.name, row },
    });
  }
}
