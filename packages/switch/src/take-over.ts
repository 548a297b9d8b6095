/**
 * The flows of a switch that was killed hold in the kernel until this one knows better.
 *
 * It does when its bridges have flows, no more come, and `other_config:flow-restore-wait` does not say that they will. A bridge whose tables
 * stay empty is waited for a while only, as are tables that do not come to rest: whoever filled them may not come again. Then each flow that was left is translated anew, so that
 * this switch has the flows of the traffic there is before it takes that over. Flows of packets that are looked up again come behind those
 * that send them there, which is how the numbers that they go on with are known.
 */
import { createHash } from "node:crypto";
import { resolve } from "node:path";
import { hasKernelLeftovers, kernelObstacle, type LeftFlows, removeKernelLeftovers, type UserDatapath } from "@tenet/datapath";
import type { Clock, Logger, Scope } from "@tenet/kit";
import { namespaceNumber } from "@tenet/linux";
import { FIELDS } from "@tenet/net";
import type { SlowPath } from "./slow-path.ts";
import type { Work } from "./turns.ts";
import type { VirtualSwitch } from "./virtual-switch.ts";

/** Tables that do not change for so long are filled. */
const PERIOD_MS = 50;
const PATIENCE_MS = 5000;

/** What the switch of a run folder goes by in the kernel of its network namespace; `undefined` where there is no such kernel. */
export function pinNameOf(runDir: string): string | undefined {
  if (process.platform !== "linux") return undefined;
  const place = `${namespaceNumber()} ${resolve(runDir)}`;
  return createHash("sha256").update(place).digest("hex").slice(0, 16);
}

/** Whether a switch of this run folder was killed, and the kernel goes on with its flows. */
export function hasLeftFlows(runDir: string): boolean {
  const name = pinNameOf(runDir);
  return name !== undefined && kernelObstacle() === undefined && hasKernelLeftovers(name);
}

/** Takes away what a switch of this run folder that was killed left in the kernel. @returns whether there was anything. @throws SystemCallError */
export function removeLeftFlows(runDir: string): boolean {
  const name = pinNameOf(runDir);
  return name !== undefined && kernelObstacle() === undefined && removeKernelLeftovers(name);
}

/** Takes over as soon as it is time; to be called when the bridges are as the database says. */
export function takeOverInTime(datapath: UserDatapath, vswitch: VirtualSwitch, clock: Clock, log: Logger, scope: Scope): void {
  const { bridges, slowPath, turns } = vswitch;
  const endMs = clock.monotonicMs() + PATIENCE_MS;
  let nRulesBefore = 0;
  const areFilled = (): boolean => {
    const nRules = [...bridges.values()].map(({ pipeline }) => pipeline.nRules);
    const nAll = nRules.reduce((sum, n) => sum + n, 0);
    const areCalm = nAll === nRulesBefore;
    nRulesBefore = nAll;
    return areCalm && !nRules.includes(0);
  };
  const timer = setInterval(() => {
    const isFilled = areFilled();
    if (slowPath.isRestoring || (!isFilled && clock.monotonicMs() < endMs)) return;
    clearInterval(timer);
    turns
      .run(adopting(datapath.leftFlows(), slowPath))
      .then(() => datapath.takeOver())
      .then(
        ({ nLeft, nKept }) => nLeft > 0 && log.info({ nLeft, nKept }, "took over the flows of a switch that was killed"),
        (error: unknown) => log.error({ error }, "the flows of a switch that was killed cannot be taken over"),
      );
  }, PERIOD_MS);
  timer.unref();
  scope.defer(() => clearInterval(timer));
}

/** Installs the flows that processes have left. */
function* adopting(processes: readonly LeftFlows[], slowPath: SlowPath): Work {
  for (const left of processes) yield* adoptingFrom(left, slowPath);
  yield* slowPath.revalidation.settling();
}

function* adoptingFrom(left: LeftFlows, slowPath: SlowPath): Work {
  /** What `recirc_id`s were then, and are now; the map grows while it is gone through. */
  const recircIds = new Map([[0, 0]]);
  for (const [then, now] of recircIds) {
    for (const flow of left.from(then)) {
      flow.key[FIELDS.recirc_id.word] = now;
      const megaflow = slowPath.adopt(flow.key, flow.mask);
      if (megaflow !== undefined) for (const [idThen, idNow] of flow.becomes(megaflow)) recircIds.set(idThen, idNow);
      yield;
    }
  }
}
