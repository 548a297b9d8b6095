/** The hosts of a lab on a running stack: rows written, hosts plugged in, packets measured. */
import { type Logger, messageOf, type Scope } from "@tenet/kit";
import {
  type AppliedNorthbound,
  applyNorthbound,
  type LabFile,
  type LabMode,
  type Reachability,
  type RunningLab,
  startLab,
} from "@tenet/lab";
import type { Replica } from "@tenet/ovsdb";
import { BRIDGE } from "./network.ts";
import type { Progress } from "./progress.ts";
import type { Stack } from "./stack.ts";
import { describeMode } from "./summary.ts";

/** Hosts that run, and what they could reach when it was measured last. */
export interface Measured {
  readonly running: RunningLab;
  readonly reachability: Reachability;
}

/** How long northbound changes are gathered before packets are sent again. */
const SETTLE_MS = 1000;

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

/**
 * Measures again after northbound rows have changed, until the scope closes.
 *
 * @param tell - gets each new measurement
 */
export function remeasureOnChange(
  running: RunningLab,
  nb: Replica,
  tell: (measured: Measured) => void,
  log: Logger,
  scope: Scope,
): void {
  let timer: NodeJS.Timeout | undefined;
  let isMeasuring = false;
  let isStale = false;
  const measure = async (): Promise<void> => {
    isMeasuring = true;
    isStale = false;
    try {
      tell({ running, reachability: await running.measure(scope.signal) });
    } catch (error) {
      if (!scope.signal.aborted) log.warn({ err: messageOf(error) }, "reachability not measured");
    }
    isMeasuring = false;
    if (isStale && !scope.signal.aborted) void measure();
  };
  const stop = nb.onChange((changes) => {
    if (changes.every(({ table }) => table === "NB_Global")) return;
    isStale = true;
    if (isMeasuring) return;
    clearTimeout(timer);
    timer = setTimeout(() => void measure(), SETTLE_MS);
  });
  scope.defer(() => {
    clearTimeout(timer);
    stop();
  });
}

function describeRows({ written, kept }: AppliedNorthbound): string {
  const news = `${written.length} top-level ${written.length === 1 ? "row" : "rows"} written`;
  return kept.length === 0 ? news : `${news}, ${kept.length} kept as ${kept.length === 1 ? "it was" : "they were"}`;
}
