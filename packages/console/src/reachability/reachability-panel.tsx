/** Who reaches whom, as measured with packets; each result is a question one can ask. */
import type { ReactElement } from "react";
import type { Reachability } from "../api.ts";
import { formatTime } from "../format.ts";
import { Empty, Panel } from "../panel.tsx";
import { Matrix } from "./matrix.tsx";

/** The measurement, the question whose story is being told, and where to ask others. */
export interface ReachabilityProps {
  /** `null` until the first measurement is done. */
  readonly reachability: Reachability | null;
  /** How many hosts the lab has. */
  readonly nHosts: number;
  readonly asked: string | undefined;
  readonly ask: (question: string) => void;
}

/** The matrix, or why there is none. */
export function ReachabilityPanel({ reachability, nHosts, asked, ask }: ReachabilityProps): ReactElement {
  if (reachability === null || reachability.hosts.length === 0) {
    const isUnderWay = reachability === null && nHosts > 0;
    return (
      <Panel id="reachability" title="Reachability">
        <Empty>{isUnderWay ? "Measuring: packets are on their way…" : "No hosts to measure between."}</Empty>
      </Panel>
    );
  }
  return (
    <Panel id="reachability" title="Reachability" aside={`measured at ${formatTime(reachability.measuredAt)}`}>
      <div className="scroll matrix-scroll">
        <Matrix reachability={reachability} asked={asked} ask={ask} />
      </div>
      <p className="matrix-note">Row sends, column receives. Choose a result to see why; arrow keys move among them.</p>
    </Panel>
  );
}
