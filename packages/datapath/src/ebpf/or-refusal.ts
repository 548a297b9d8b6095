/** What a call gives, or that the kernel refused it. */
import { AppError } from "@tenet/kit";

/** The result, or the error when it is one that is foreseen; others are thrown. */
export function orRefusal<T>(call: () => T): T | AppError {
  try {
    return call();
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}
