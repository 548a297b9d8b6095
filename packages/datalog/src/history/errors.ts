/** What can go wrong with a history's file, or with a question about a version that it does not have. */
import { AppError } from "@tenet/kit";

/** The file cannot be opened, read or written as a history. */
export class HistoryFileError extends AppError {
  static override readonly code: string = "DATALOG_HISTORY_FILE";
}

/** The file is damaged before its end, or records that were whole are so no more. `details.at` is the byte offset. */
export class HistoryDamageError extends HistoryFileError {
  static override readonly code: string = "DATALOG_HISTORY_DAMAGE";

  constructor(file: string, at: number) {
    super(`Cannot read history "${file}": the record at byte ${at} is damaged, and it is not the last one`, {
      hint: "restore the file from a copy, or open it with `repair: true` to go on from the last version before the damage",
      details: { file, at },
    });
  }
}

/** A version or time that the history does not hold. */
export class VersionError extends AppError {
  static override readonly code: string = "DATALOG_HISTORY_VERSION";
}
