/** The page: what the cloud is, what is wrong with it, and why a packet goes where it goes. */
import { type ReactElement, useCallback, useEffect, useMemo, useState } from "react";
import { AclsPanel } from "./acls-panel.tsx";
import type { State } from "./api.ts";
import { ConnectPanel } from "./connect-panel.tsx";
import { ExplainPanel } from "./explain/explain-panel.tsx";
import { useStory } from "./explain/use-story.ts";
import { Header } from "./header.tsx";
import { pageTitle } from "./page-title.ts";
import { LeftOutPanel } from "./left-out-panel.tsx";
import { PoliciesPanel } from "./policies-panel.tsx";
import { ReachabilityPanel } from "./reachability/reachability-panel.tsx";
import { TopologyPanel } from "./topology/topology-panel.tsx";
import { useCloud } from "./use-cloud.ts";
import { useMediaQuery } from "./use-media-query.ts";
import { subjectsOf, violationsByName } from "./violation-subjects.ts";
import { keyOf, ViolationsPanel } from "./violations-panel.tsx";

/** The whole page, following its server. */
export function App(): ReactElement {
  const { state, connection, retry } = useCloud();
  useEffect(() => {
    document.title = pageTitle(state, connection.kind === "lost");
  }, [state, connection]);
  return (
    <>
      <Header state={state} connection={connection} retry={retry} />
      {state === undefined ? (
        <main className="waiting" aria-busy={connection.kind === "connecting"}>
          <p>{connection.kind === "lost" ? "Nothing to show yet: the server has not answered." : "Reading the cloud's state…"}</p>
        </main>
      ) : (
        <Cloud state={state} isStale={connection.kind === "lost"} />
      )}
    </>
  );
}

function Cloud({ state, isStale }: { readonly state: State; readonly isStale: boolean }): ReactElement {
  const { asked, ask } = useStory();
  const [selected, setSelected] = useState<string>();
  const [pointedAt, setPointedAt] = useState<string>();
  const marked = useMemo(() => subjectsOfKey(pointedAt, state), [pointedAt, state]);
  const violations = useMemo(() => violationsByName(state), [state]);
  const isWide = useMediaQuery("(min-width: 1800px)");
  const askInView = useCallback(
    (question: string) => {
      ask(question);
      showExplanation();
    },
    [ask],
  );

  const acls = <AclsPanel acls={state.acls} />;
  const nViolations = state.nViolations ?? state.violations.length;
  const policies = (
    <PoliciesPanel
      policies={state.policies}
      violations={state.violations}
      nViolations={nViolations}
      policyApi={state.policyApi}
    />
  );
  const connect = <ConnectPanel sockets={state.sockets} />;
  return (
    <main className={isStale ? "page stale" : "page"}>
      <div className="column">
        <TopologyPanel
          state={state}
          violations={violations}
          marked={marked}
          selected={selected}
          onSelect={setSelected}
          asked={asked}
        />
        <ExplainPanel state={state} asked={asked} ask={ask} />
        {isWide ? null : acls}
      </div>
      <div className="column side">
        <ViolationsPanel
          violations={state.violations}
          nViolations={nViolations}
          policies={state.policies}
          onMark={setPointedAt}
        />
        <LeftOutPanel rows={state.leftOut ?? []} />
        <ReachabilityPanel
          reachability={state.reachability}
          nHosts={state.hosts.length}
          asked={asked.kind === "nothing" ? undefined : asked.question}
          ask={askInView}
        />
        {isWide ? null : policies}
        {isWide ? null : connect}
      </div>
      {isWide ? (
        <div className="column">
          {acls}
          {policies}
          {connect}
        </div>
      ) : null}
    </main>
  );
}

/** A violation that went away while it was pointed at marks nothing any more. */
function subjectsOfKey(key: string | undefined, state: State): ReadonlySet<string> {
  const violation = key === undefined ? undefined : state.violations.find((candidate) => keyOf(candidate) === key);
  return violation === undefined ? new Set() : subjectsOf(violation, state);
}

/** Scrolls to the explanation when its beginning is out of sight. */
function showExplanation(): void {
  const panel = document.getElementById("explain");
  const top = panel?.getBoundingClientRect().top ?? 0;
  if (top >= 0 && top < window.innerHeight * 0.7) return;
  const isCalm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  panel?.scrollIntoView({ block: "start", behavior: isCalm ? "auto" : "smooth" });
}
