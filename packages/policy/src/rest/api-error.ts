/** Errors of the REST interface, in Congress's form. */
import { AppError } from "@tenet/kit";

/** The codes that Congress's clients know; other errors use the HTTP status as their code. */
export const ERROR = {
  ruleSyntax: { code: 1002, status: 400 },
  multipleRules: { code: 1003, status: 400 },
  simulateArguments: { code: 1004, status: 400 },
  simulateSequence: { code: 1006, status: 400 },
  simulate: { code: 1007, status: 500 },
  ruleExists: { code: 1008, status: 409 },
  nameNeeded: { code: 1010, status: 400 },
  policyMissing: { code: 1020, status: 404 },
  insertion: { code: 1021, status: 400 },
  badRequest: { code: 400, status: 400 },
  notFound: { code: 404, status: 404 },
  conflict: { code: 409, status: 409 },
  notSupported: { code: 501, status: 501 },
} as const;

/** An error with a status and the body `{"error": {message, error_code, error_data}}`. */
export class ApiError extends AppError {
  static override readonly code: string = "POLICY_API";
  readonly status: number;
  readonly body: {
    readonly error: { readonly message: string; readonly error_code: number; readonly error_data: string | null };
  };

  constructor(kind: keyof typeof ERROR, message: string, data?: string) {
    super(message, { details: { kind } });
    const { status, code } = ERROR[kind];
    this.status = status;
    this.body = { error: { message, error_code: code, error_data: data ?? null } };
  }
}
