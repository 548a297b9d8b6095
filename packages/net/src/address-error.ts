/** The error of every address parser: what was read, what was wrong with it, and an example that is right. */
import { AppError } from "@tenet/kit";

/** A text is not the address it should be. */
export class AddressError extends AppError {
  static override readonly code: string = "NET_BAD_ADDRESS";

  constructor(kind: string, text: string, problem: string, example: string) {
    super(`Cannot read "${text}" as ${kind}: ${problem}`, {
      hint: `Write it like ${example}`,
      details: { kind, text, problem },
    });
  }
}
