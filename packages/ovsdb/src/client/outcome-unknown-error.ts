/** The one failure of a transaction after which nobody can say whether it happened. */
import { ConnectionLostError } from "../rpc/json-rpc-connection.ts";

/** A transaction was sent and the connection ended before its reply: it may have been committed, or not. */
export class OutcomeUnknownError extends ConnectionLostError {
  static override readonly code: string = "OVSDB_OUTCOME_UNKNOWN";

  constructor(remote: string, cause: unknown) {
    super(`Cannot tell whether the transaction was committed: the connection to "${remote}" ended before the reply`, {
      hint: "Look at the rows before sending it again, or let replica.retry() do so",
      details: { remote },
      cause,
    });
  }
}
