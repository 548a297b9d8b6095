import { AppError } from "@tenet/kit";

/** A file that is not an OVSDB log at all, or a record in it that says nothing that can be read. */
export class NotALogError extends AppError {
  static override readonly code: string = "OVSDB_NOT_A_LOG";
}
