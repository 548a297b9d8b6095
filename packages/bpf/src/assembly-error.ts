import { AppError } from "@tenet/kit";

/** A program cannot be put into bytes: a label that is not there or twice there, a number that does not fit. */
export class AssemblyError extends AppError {
  static override readonly code: string = "BPF_ASSEMBLY";
}
