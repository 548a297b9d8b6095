/**
 * Commits a transaction that is made anew from the rows as they are, until it is committed or nothing is left to do.
 *
 * Why it never applies anything twice: after a lost connection nobody knows whether the transaction was committed, not
 * even the next leader at once. It is therefore only made again when it has a guard, which the server checks at the moment
 * of the commit, and from rows that were fetched after the loss, in which whoever makes it sees what is done already.
 */
import { OvsdbError } from "../model/ovsdb-error.ts";
import { OutcomeUnknownError } from "./outcome-unknown-error.ts";
import type { TableMap } from "./table-forms.ts";
import type { Committed, Transaction } from "./transaction.ts";

const LONGEST_PAUSE_MS = 200;

/** See {@link Replica.retry}. */
export async function retry<T extends TableMap>(
  begin: () => Promise<Transaction<T>>,
  build: (transaction: Transaction<T>) => void,
  signal: AbortSignal,
): Promise<Committed | undefined> {
  let isUnsure = false;
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    signal.throwIfAborted();
    const transaction = await begin();
    build(transaction);
    if (transaction.operations.length === 0) return undefined;
    try {
      return await transaction.commit();
    } catch (error) {
      if (mayBeCommitted(error) && transaction.isGuarded) isUnsure = true;
      else if (isUnsure && isDuplicate(error))
        isUnsure = false; // ours, which the replica is about to show
      else if (!isConflict(error)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs)); // so short that the signal may wait
  }
}

/** A cluster that lost its leader says so, and may yet commit what it was given. */
function mayBeCommitted(error: unknown): boolean {
  return error instanceof OutcomeUnknownError || (error instanceof OvsdbError && error.error === "cluster error");
}

function isConflict(error: unknown): boolean {
  return error instanceof OvsdbError && error.error === "timed out";
}

function isDuplicate(error: unknown): boolean {
  return error instanceof OvsdbError && (error.error === "constraint violation" || error.error === "duplicate uuid");
}
