/** What a committed transaction leaves behind, and who is asked before it commits. */
import type { RowChange } from "../model/row.ts";

/** Who sent a transaction. */
export interface ClientIdentity {
  /** The peer's address: `unix:/run/nb.sock#3`, `tcp:127.0.0.1:40000`, `internal`. */
  readonly remote: string;
  readonly pid?: number;
  readonly uid?: number;
  /** The common name in the peer's certificate. */
  readonly subject?: string;
  /** The peer's process name. */
  readonly process?: string;
}

/** A committed transaction. */
export interface Commit {
  /** Identifies the state after this transaction; the same after a restart when the database has a file. */
  readonly version: string;
  /** Ms since 1970-01-01 UTC. */
  readonly at: number;
  readonly comment: string | undefined;
  readonly by: ClientIdentity;
  readonly changes: readonly RowChange[];
}

/** A transaction that is about to commit. */
export interface Proposed {
  readonly changes: readonly RowChange[];
  readonly by: ClientIdentity;
  readonly comment: string | undefined;
}

/** Why a transaction may not commit; becomes an error object in its results. */
export interface Refusal {
  readonly error: string;
  readonly details: string;
}
