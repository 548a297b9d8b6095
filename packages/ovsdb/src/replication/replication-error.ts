import { AppError } from "@tenet/kit";

/** A backup cannot replicate; it stays a backup and tries again. */
export class ReplicationError extends AppError {
  static override readonly code: string = "OVSDB_REPLICATION";
}
