/**
 * Tells the log how a packet went that the tables have no answer for, because they go round in circles or too deep: who set
 * the flows up sees the way that it took, as `ofproto/trace` shows it. That is long, and told once a minute, with how many were not.
 */
import type { Clock, Logger } from "@tenet/kit";
import { formatTrace } from "../trace/format-trace.ts";
import { traceForks } from "../trace/trace-forks.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";

const PERIOD_MS = 60_000;

/** Logs packets that are dropped because they could not be translated. */
export function logFailures(vswitch: VirtualSwitch, clock: Clock, log: Logger): void {
  let toldMs = -Infinity;
  let nUntold = 0;
  vswitch.slowPath.onFailure = ({ bridge, key, frozen }) => {
    const nowMs = clock.monotonicMs();
    if (nowMs - toldMs < PERIOD_MS) {
      nUntold++;
      return;
    }
    toldMs = nowMs;
    const passes = traceForks(vswitch, bridge, key.slice(), [], frozen === undefined ? {} : { frozen });
    log.warn({ bridge: bridge.name, nUntold, trace: formatTrace(passes) }, "packet without an answer is dropped");
    nUntold = 0;
  };
}
