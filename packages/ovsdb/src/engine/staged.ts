/** A transaction on its way: arrived, then executed, then durable. */
import type { Json } from "@tenet/kit";
import type { ClientIdentity, Commit } from "./commit.ts";
import type { Journal } from "./journal.ts";
import type { RoleHolder } from "./role-access.ts";

/** What the caller of a transaction may add. */
export interface TransactOptions {
  /** Whether the caller holds an OVSDB lock, for `assert`. */
  readonly holdsLock?: (name: string) => boolean;
  /** Cancels the transaction where it would wait; it then fails with "canceled". Others are executed. */
  readonly signal?: AbortSignal;
  /** Refuses operations that write; the end of "insert operation not allowed ...". */
  readonly whyReadOnly?: string | undefined;
  /** The caller may change only what this role permits; see `RBAC_Role`. */
  readonly role?: RoleHolder | undefined;
}

/** A transaction that has arrived. */
export interface Pending {
  readonly operations: readonly Json[];
  readonly by: ClientIdentity;
  readonly options: TransactOptions;
  readonly arrivedAtMs: number;
  readonly resolve: (results: Json[]) => void;
  /** The tables whose change makes a new try worthwhile, while the transaction waits. */
  waitsFor: string | undefined;
  /** Listens for the caller's signal, while the transaction waits. */
  onAbort: (() => void) | undefined;
  timer: NodeJS.Timeout | undefined;
}

/** An executed transaction that is not durable yet; without `commit` it changed nothing. */
export interface Staged {
  readonly pending: Pending;
  readonly journal: Journal;
  readonly results: Json[];
  readonly commit: Omit<Commit, "version"> | undefined;
  /** It is on stable storage before it is answered. */
  readonly isDurable: boolean;
}
