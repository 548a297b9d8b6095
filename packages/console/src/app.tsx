/** The page: what the cloud is, what is wrong with it, and why a packet goes where it goes. */
import { type ReactElement, useMemo, useState } from "react";
import { AclsPanel } from "./acls-panel.tsx";
import type { State } from "./api.ts";
import { ConnectPanel } from "./connect-panel.tsx";
import { ExplainPanel } from "./explain/explain-panel.tsx";
import { useStory } from "./explain/use-story.ts";
import { Header } from "./header.tsx";
import { PoliciesPanel } from "./policies-panel.tsx";
import { ReachabilityPanel } from "./reachability-panel.tsx";
import { TopologyPanel } from "./topology/topology-panel.tsx";
import { useCloud } from "./use-cloud.ts";
import { subjectsOf, violationsByName } from "./violation-subjects.ts";
import { ViolationsPanel } from "./violations-panel.tsx";

/** The whole page, following its server. */
export function App(): ReactElement {
  const { state, connection, retry } = useCloud();
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
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const violations = useMemo(() => violationsByName(state), [state]);

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
        <AclsPanel acls={state.acls} />
      </div>
      <div className="column side">
        <ViolationsPanel
          violations={state.violations}
          nViolations={state.nViolations ?? state.violations.length}
          policies={state.policies}
          onMark={(violation) => setMarked(violation === undefined ? new Set() : subjectsOf(violation, state))}
        />
        <ReachabilityPanel reachability={state.reachability} ask={ask} />
        <PoliciesPanel policies={state.policies} violations={state.violations} policyApi={state.policyApi} />
        <ConnectPanel sockets={state.sockets} />
      </div>
    </main>
  );
}
