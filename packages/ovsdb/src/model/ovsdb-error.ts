/**
 * Errors that travel to a client as OVSDB error objects.
 *
 * The wire form is `{error, details, syntax?}`; scripts compare all three, so the texts are the ones that
 * the original server uses. `code` is derived from the wire name: `OVSDB_CONSTRAINT_VIOLATION`.
 *
 * @see RFC 7047, section 3.1 (`<error>`) and ovsdb-server(7)
 */
import { AppError, type Json } from "@tenet/kit";
import { stringifySorted } from "./sorted-json.ts";

/** A request or an operation failed in a way that OVSDB has a name for. */
export class OvsdbError extends AppError {
  static override readonly code: string = "OVSDB_ERROR";
  /** The wire name, e.g. `constraint violation`. */
  readonly error: string;
  readonly #details: string | undefined;
  readonly #syntax: string | undefined;

  constructor(error: string, details?: string, syntax?: string) {
    super(details === undefined ? error : `${error}: ${details}`, {
      code: `OVSDB_${error.toUpperCase().replace(/[^A-Z0-9]+/g, "_")}`,
      details: { error, details, syntax },
    });
    this.error = error;
    this.#details = details;
    this.#syntax = syntax;
  }

  /** The object that goes on the wire. */
  toWire(): { readonly [key: string]: Json } {
    return {
      ...(this.#syntax === undefined ? {} : { syntax: this.#syntax }),
      ...(this.#details === undefined ? {} : { details: this.#details }),
      error: this.error,
    };
  }
}

/** The request does not have the form that the protocol asks for; `json` is the faulty part. */
export function syntaxError(json: Json | undefined, details: string, error = "syntax error"): OvsdbError {
  return new OvsdbError(error, details, json === undefined ? undefined : stringifySorted(json));
}

/** A value breaks a constraint of its column, table or index. */
export function constraintViolation(details: string, json?: Json): OvsdbError {
  return new OvsdbError("constraint violation", details, json === undefined ? undefined : stringifySorted(json));
}
