/** Faults in a lab file or in the northbound file it names. */
import { SourceError } from "@tenet/kit";

/** A lab (or its northbound rows) that cannot be used as written; carries file, line and column. */
export class LabFileError extends SourceError {
  static override readonly code: string = "LAB_FILE";
}
