/** Ask about a packet, read its story. */
import { type ReactElement, useMemo, useState } from "react";
import type { State } from "../api.ts";
import { Empty, Panel } from "../panel.tsx";
import { Failure } from "./failure.tsx";
import { namesOf } from "./names.ts";
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
  const [showsAll, setShowsAll] = useState(false);
  const names = useMemo(() => namesOf(state), [state]);
  return (
    <Panel id="explain" title="Explain a packet" aside={<span className="key-hint">press / to ask</span>}>
      <QuestionForm
        hosts={(state.hosts.length > 0 ? state.hosts : state.ports).map(({ name }) => name)}
        ports={portsOf(state)}
        asked={asked.kind === "nothing" ? undefined : asked.question}
        isWaiting={asked.kind === "waiting"}
        ask={ask}
      />
      <p role="status" className="visually-hidden">
        {asked.kind === "answered" ? `${asked.story.verdict}: ${asked.story.summary}` : ""}
      </p>
      {asked.kind === "answered" ? (
        <StoryView story={asked.story} names={names} showsAll={showsAll} onShowAll={setShowsAll} />
      ) : (
        <NoAnswer asked={asked} ask={ask} />
      )}
    </Panel>
  );
}

interface NoAnswerProps {
  readonly asked: Exclude<Asked, { kind: "answered" }>;
  readonly ask: (question: string) => void;
}

function NoAnswer({ asked, ask }: NoAnswerProps): ReactElement {
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
      return <Failure question={asked.question} problem={asked.problem} ask={ask} />;
  }
}

/** TCP ports worth offering: those that were measured, and those that ACLs name. */
function portsOf({ reachability, acls }: State): string[] {
  const ports = new Set<number>();
  for (const { tcp } of reachability?.cells ?? []) for (const { port } of tcp) ports.add(port);
  for (const { match } of acls) for (const [, port] of match.matchAll(/(?:tcp|udp)\.dst\s*==\s*(\d+)/g)) ports.add(Number(port));
  return [...ports].toSorted((a, b) => a - b).map(String);
}
