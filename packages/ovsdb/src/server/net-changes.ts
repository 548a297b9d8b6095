/**
 * Several commits as one: what somebody who slept through them has to know.
 *
 * Takes as much memory as there are rows that changed, however often they did.
 */
import type { RowChange } from "../model/row.ts";

/** Changes added up row by row. */
export class NetChanges {
  readonly #byRow = new Map<string, RowChange>();

  /** Adds the changes of the next commit. */
  add(changes: readonly RowChange[]): void {
    for (const change of changes) {
      const key = `${change.table}/${change.uuid}`;
      const earlier = this.#byRow.get(key);
      this.#byRow.set(key, earlier === undefined ? change : { ...change, old: earlier.old });
    }
  }

  /** The sum; a row that came and went again is not in it. */
  changes(): RowChange[] {
    return [...this.#byRow.values()].filter((change) => change.old !== undefined || change.new !== undefined);
  }
}
