/** What `tenet up --once` holds against each other: the lab's expectations, the packets, the pipeline, the policies. */
import { checkExpectations, type LabFile } from "@tenet/lab";
import type { Story } from "@tenet/why";
import type { CloudState } from "../console/cloud-state.ts";

/**
 * Finds what is not as it should be; empty when all is well.
 *
 * A packet that got through must be one that the pipeline, asked what it would do, lets through as well.
 */
export async function selfCheck(
  state: CloudState,
  lab: LabFile | undefined,
  why: (question: string) => Promise<Story>,
): Promise<readonly string[]> {
  const broken = state.policies.flatMap(({ name, status, error }) =>
    status === "ok" ? [] : [`policy ${name} is not in force: ${error ?? status}`],
  );
  const { reachability } = state;
  if (lab === undefined || reachability === null) return broken;
  const passed = reachability.cells.flatMap(({ from, to, ping, tcp }) => [
    ...(ping === "ok" ? [`${from} -> ${to} icmp`] : []),
    ...tcp.flatMap(({ port, open }) => (open ? [`${from} -> ${to} tcp ${port}`] : [])),
  ]);
  const contradictions: string[] = [];
  for (const question of passed) {
    const { verdict } = await why(question);
    if (verdict !== "forwarded") contradictions.push(`${question}: packets got through, the pipeline says ${verdict}`);
  }
  return [...broken, ...checkExpectations(lab, reachability), ...contradictions];
}
