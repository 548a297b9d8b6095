/** Why a question has no story, and the question that was probably meant. */
import type { ReactElement } from "react";
import { CrossIcon } from "../icons.tsx";
import { readFailure } from "./failure-text.ts";

/** The question as it was asked, what is wrong with it, and where the next one goes. */
export interface FailureProps {
  readonly question: string;
  readonly problem: string;
  readonly ask: (question: string) => void;
}

/** The message first, then the place, then the mend. */
export function Failure({ question, problem, ask }: FailureProps): ReactElement {
  const { message, excerpt, hint, code, corrected } = readFailure(problem, question);
  return (
    <div className="failed" role="alert">
      <p>
        <span className="bad">
          <CrossIcon />
        </span>{" "}
        <strong>{message}</strong>
        {code === undefined ? null : <span className="mono muted code">{code}</span>}
      </p>
      {excerpt === undefined ? null : <pre className="fault">{excerpt}</pre>}
      {hint === undefined ? null : (
        <p className="hint">
          {hint.charAt(0).toUpperCase() + hint.slice(1)}{" "}
          {corrected === undefined ? null : (
            <button type="button" className="quiet" onClick={() => ask(corrected)}>
              Ask {corrected}
            </button>
          )}
        </p>
      )}
    </div>
  );
}
