/** Ask about a packet, read its story. */
import type { ReactElement } from "react";
import type { State } from "../api.ts";
import { CrossIcon } from "../icons.tsx";
import { Empty, Panel } from "../panel.tsx";
import { QuestionForm } from "./question-form.tsx";
import { StoryView } from "./story-view.tsx";
import type { Asked } from "./use-story.ts";

/** The last question and the way to ask the next. */
export interface ExplainProps {
  readonly state: State;
  readonly asked: Asked;
  readonly ask: (question: string) => void;
}

/** The form and, below it, the answer. */
export function ExplainPanel({ state, asked, ask }: ExplainProps): ReactElement {
  return (
    <Panel id="explain" title="Explain a packet" aside={<span className="key-hint">press / to ask</span>}>
      <QuestionForm
        hosts={state.hosts.map(({ name }) => name)}
        ports={portsOf(state)}
        asked={asked.kind === "nothing" ? undefined : asked.question}
        isWaiting={asked.kind === "waiting"}
        ask={ask}
      />
      <div aria-live="polite">
        <Answer asked={asked} />
      </div>
    </Panel>
  );
}

function Answer({ asked }: { readonly asked: Asked }): ReactElement {
  switch (asked.kind) {
    case "nothing":
      return (
        <Empty>
          Ask about a packet, or choose a result in the reachability matrix. The packet is sent through the pipeline without
          leaving it; the answer goes from the verdict back to the row and the transaction that decided.
        </Empty>
      );
    case "waiting":
      return <Empty>Tracing {asked.question}…</Empty>;
    case "failed":
      return (
        <div className="failed" role="alert">
          <p>
            <span className="bad">
              <CrossIcon />
            </span>{" "}
            No story for <code>{asked.question}</code>
          </p>
          <pre className="fault">{asked.problem}</pre>
        </div>
      );
    case "answered":
      return <StoryView story={asked.story} />;
  }
}

/** TCP ports worth offering: those that were measured, and those that ACLs name. */
function portsOf({ reachability, acls }: State): string[] {
  const ports = new Set<number>();
  for (const { tcp } of reachability?.cells ?? []) for (const { port } of tcp) ports.add(port);
  for (const { match } of acls) for (const [, port] of match.matchAll(/(?:tcp|udp)\.dst\s*==\s*(\d+)/g)) ports.add(Number(port));
  return [...ports].toSorted((a, b) => a - b).map(String);
}
