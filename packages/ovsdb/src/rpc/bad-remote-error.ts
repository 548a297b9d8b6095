/** Addresses that are none have a file of their own: a browser has other addresses than node. */
import { AppError } from "@tenet/kit";

/** An address that cannot be used. */
export class BadRemoteError extends AppError {
  static override readonly code: string = "OVSDB_BAD_REMOTE";
}
