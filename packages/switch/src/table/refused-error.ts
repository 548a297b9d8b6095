/** What the switch refuses, by the names of the OpenFlow specification. */
import { AppError } from "@tenet/kit";
import type { ErrorName } from "@tenet/openflow";

/** A request that the switch does not carry out; `errorName` is that of the OpenFlow error. */
export class RefusedError extends AppError {
  static override readonly code: string = "OPENFLOW_REFUSED";
  readonly errorName: ErrorName;
  /** Of a list of changes: the index of the one at fault. */
  position: number | undefined;
  constructor(errorName: ErrorName, problem: string, hint?: string) {
    super(`Cannot carry out the OpenFlow request: ${problem}`, {
      details: { error: errorName },
      ...(hint === undefined ? {} : { hint }),
    });
    this.errorName = errorName;
  }
}
