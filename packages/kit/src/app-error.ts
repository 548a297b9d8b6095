/**
 * The one shape of every error that Tenet throws on purpose.
 *
 * A code that scripts can test, a message that says which action failed, a hint that says what to do
 * now, and details as JSON. Packages subclass it next to the code that throws.
 */

/** A value that survives JSON unchanged. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };

/** What an {@link AppError} carries besides its message. */
export interface AppErrorOptions extends ErrorOptions {
  /** Stable upper-case code, documented and greppable, e.g. `LAB_UNKNOWN_KEY`. */
  readonly code?: string;
  /** What to do now, one sentence without a final period. */
  readonly hint?: string;
  /** Machine-readable facts about this occurrence. */
  readonly details?: { readonly [key: string]: Json | undefined };
}

/** Base of all typed errors: `code`, `message`, `hint`, `details`, `cause`. */
export class AppError extends Error {
  /** The code a subclass uses when its constructor is given none. */
  static readonly code: string = "INTERNAL";
  readonly code: string;
  readonly hint: string | undefined;
  readonly details: { readonly [key: string]: Json | undefined };

  constructor(message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code ?? new.target.code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }
}

/** An input or output operation of the system failed (full disk, missing permission, lost peer). */
export class IoError extends AppError {
  static override readonly code: string = "IO_ERROR";
}

/** Bytes from a peer do not follow the protocol; `details.at` is the byte offset where known. */
export class ProtocolError extends AppError {
  static override readonly code: string = "PROTOCOL_ERROR";
}

/** A message ends before a field that its own header promises. */
export class TruncatedError extends ProtocolError {
  static override readonly code: string = "PROTOCOL_TRUNCATED";
}

/** The message of whatever was thrown, for logs and reports. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The operating system's code of a thrown error (`ENOENT`), or `undefined`. */
export function errnoOf(thrown: unknown): string | undefined {
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : undefined;
}
