/** The transactions of a relay's clients: which of them the source has to execute, and how they get there. */
import type { Json } from "@tenet/kit";
import type { Pending } from "../engine/staged.ts";
import { OvsdbError } from "../model/ovsdb-error.ts";
import { isJsonArray, isJsonObject } from "../model/sorted-json.ts";
import { type JsonRpcConnection, RpcError } from "../rpc/json-rpc-connection.ts";

const WRITES = new Set<Json | undefined>(["insert", "update", "mutate", "delete"]);
/** What may end a transaction, or make it wait, before anything is written. */
const GUARDS = new Set<Json | undefined>(["wait", "assert"]);
/** Nobody knows whether it was executed, or it was not. */
const CANCELED: Json = new OvsdbError("canceled").toWire();

/** What a relay does with a transaction. */
export interface Plan {
  /** It is executed on the copy, and taken back. */
  readonly runsHere: boolean;
  /** Whether these results, of the copy, are the answer. */
  isAnsweredBy(results: readonly Json[]): boolean;
}

/**
 * Decides what to do with a transaction.
 *
 * One that writes nothing is answered here. One that writes goes to the source, but waits here first, and fails here when
 * an operation before the first write does, or when the client may not write or its role does not permit it: the source
 * knows nothing of the client.
 */
export function planOf({ operations, options }: Pending): Plan {
  const names = operations.map((operation) => (isJsonObject(operation) ? operation["op"] : undefined));
  const firstWrite = names.findIndex((name) => WRITES.has(name));
  if (firstWrite === -1 || options.whyReadOnly !== undefined) return { runsHere: true, isAnsweredBy: () => true };
  const isAnsweredBy = (results: readonly Json[]): boolean => {
    const failed = results.findIndex((result) => isJsonObject(result) && result["error"] !== undefined);
    const result = results[failed];
    return failed !== -1 && (failed < firstWrite || (isJsonObject(result) && result["error"] === "permission error"));
  };
  const runsHere = options.role !== undefined || names.slice(0, firstWrite).some((name) => GUARDS.has(name));
  return { runsHere, isAnsweredBy };
}

/** Transactions for the source; they wait while there is no connection. */
export class Outbox {
  readonly #held = new Set<Pending>();
  #connection: JsonRpcConnection | undefined;

  /** There is a connection: sends what waits, and from now on at once. */
  open(database: string, connection: JsonRpcConnection): void {
    this.#connection = connection;
    for (const pending of this.#held) {
      this.#held.delete(pending);
      this.send(database, pending);
    }
  }

  /** There is no connection: what comes waits. */
  hold(): void {
    this.#connection = undefined;
  }

  /** Cancels what waits. */
  close(): void {
    for (const { resolve } of this.#held) resolve([CANCELED]);
    this.#held.clear();
  }

  /** Sends a transaction, as soon as that is possible, and resolves it with the source's answer. */
  send(database: string, pending: Pending): void {
    if (this.#connection === undefined) return this.#hold(pending);
    this.#connection.request("transact", [database, ...pending.operations]).then(
      (reply) => pending.resolve(isJsonArray(reply) ? [...reply] : [reply]),
      (error: unknown) => pending.resolve([error instanceof RpcError && isJsonObject(error.error) ? error.error : CANCELED]),
    );
  }

  #hold(pending: Pending): void {
    const { signal } = pending.options;
    const cancel = (): void => {
      if (this.#held.delete(pending)) pending.resolve([CANCELED]);
    };
    this.#held.add(pending);
    if (signal?.aborted === true) cancel();
    else signal?.addEventListener("abort", cancel, { once: true });
  }
}
