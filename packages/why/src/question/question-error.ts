/** Faults in a question, with their place in it. */
import { positionAt, SourceError } from "@tenet/kit";

/** What an error says besides the problem. */
export interface QuestionErrorOptions {
  /** Offset of the fault in the question. */
  readonly at: number;
  readonly expected?: string;
  readonly hint?: string;
  readonly cause?: unknown;
}

/** A question that cannot be read, or that names what is not there. */
export class QuestionError extends SourceError {
  static override readonly code: string = "WHY_QUESTION";

  constructor(problem: string, question: string, { at, ...options }: QuestionErrorOptions) {
    super(problem, { at: positionAt("question", question, Math.min(at, question.length)), text: question, ...options });
  }
}
