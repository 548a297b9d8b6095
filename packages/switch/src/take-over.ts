/**
 * The flows of a switch that was killed hold in the kernel until this one knows better.
 *
 * It does when its bridges have flows, and `other_config:flow-restore-wait` does not say that more are to come. A bridge whose tables
 * stay empty is waited for a while only: whoever filled them may not come again.
 */
import { createHash } from "node:crypto";
import { readlinkSync } from "node:fs";
import { resolve } from "node:path";
import { kernelObstacle, removeKernelLeftovers, type UserDatapath } from "@tenet/datapath";
import type { Clock, Scope } from "@tenet/kit";
import type { VirtualSwitch } from "./virtual-switch.ts";

const PERIOD_MS = 100;
const PATIENCE_MS = 5000;

/** What the switch of a run folder goes by in the kernel of its network namespace; `undefined` where there is no such kernel. */
export function pinNameOf(runDir: string): string | undefined {
  if (process.platform !== "linux") return undefined;
  const place = `${readlinkSync("/proc/thread-self/ns/net")} ${resolve(runDir)}`;
  return createHash("sha256").update(place).digest("hex").slice(0, 16);
}

/** Takes away what a switch of this run folder that was killed left in the kernel. @returns whether there was anything. @throws SystemCallError */
export function removeLeftFlows(runDir: string): boolean {
  const name = pinNameOf(runDir);
  return name !== undefined && kernelObstacle() === undefined && removeKernelLeftovers(name);
}

/** Takes over as soon as it is time; to be called when the bridges are as the database says. */
export function takeOverInTime(datapath: UserDatapath, { bridges, slowPath }: VirtualSwitch, clock: Clock, scope: Scope): void {
  const endMs = clock.monotonicMs() + PATIENCE_MS;
  const timer = setInterval(() => {
    const isEmpty = [...bridges.values()].some(({ pipeline }) => pipeline.nRules === 0);
    if (slowPath.isRestoring || (isEmpty && clock.monotonicMs() < endMs)) return;
    clearInterval(timer);
    datapath.takeOver();
  }, PERIOD_MS);
  timer.unref();
  scope.defer(() => clearInterval(timer));
}
