/** The hosts of a lab on a running stack: rows written, hosts plugged in, packets measured. */
import type { Logger, Scope } from "@tenet/kit";
import {
  type AppliedNorthbound,
  applyNorthbound,
  type LabFile,
  type LabMode,
  type Reachability,
  type RunningLab,
  startLab,
} from "@tenet/lab";
import { BRIDGE } from "./network.ts";
import type { Progress } from "./progress.ts";
import type { Stack } from "./stack.ts";
import { describeMode } from "./summary.ts";

/** Hosts that run, and what they could reach. */
export interface Measured {
  readonly running: RunningLab;
  readonly reachability: Reachability;
}

/** Brings the hosts of a lab up and measures; they run until the scope closes. @throws AppError */
export async function startHosts(
  lab: LabFile,
  how: { readonly mode: LabMode; readonly prefix: string },
  { nb, vswitch, network }: Stack,
  progress: Progress,
  log: Logger,
  scope: Scope,
): Promise<Measured> {
  await progress.step("northbound", () => applyNorthbound(lab, nb), describeRows);
  const options = {
    ...how,
    nb,
    vswitch,
    openLink: (name: string) => network.switchThread.openLink(name),
    bridge: BRIDGE,
    log: log.child({ part: "lab" }),
    onProgress: (text: string) => progress.note("hosts", text),
  };
  const running = scope.use(
    await progress.step(
      "hosts",
      () => network.guard(startLab(lab, options, scope.signal)),
      ({ hosts }) => `${hosts.length} up, ${describeMode(how.mode)}`,
    ),
  );
  const reachability = await progress.step(
    "packets",
    () => running.measure(scope.signal),
    ({ cells }) => `${cells.length} pairs of hosts measured`,
  );
  return { running, reachability };
}

function describeRows({ written, kept }: AppliedNorthbound): string {
  const news = `${written.length} top-level rows written`;
  return kept.length === 0 ? news : `${news}, ${kept.length} kept as they were`;
}
