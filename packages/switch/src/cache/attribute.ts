/** What packets that a translation forwarded count for: tables, rules, groups, ports, learned addresses and flows. */
import type { Bridge } from "../bridge/bridge.ts";
import type { Sighting } from "../bridge/mac-table.ts";
import type { TableVisit } from "../table/flow-table.ts";
import type { Effect } from "../translate/translation.ts";
import type { NativeRoute } from "../tunnel/underlay.ts";
import type { Traffic } from "./flow-notes.ts";

/** TCP flags that end a connection: FIN and RST. */
const ENDING_FLAGS = 5;

/** Takes the sighting of an address at a bridge. */
export type LearnAddress = (bridge: Bridge, sighting: Sighting) => void;

/** Who is told of packets. */
export interface TrafficListener {
  readonly learn: LearnAddress;
  /** Packets go to the next hop of a route. */
  readonly useNeighbor: (route: NativeRoute) => void;
}

/** Adds packets to all that they count for. */
export function attribute(
  visits: readonly TableVisit[],
  effects: readonly Effect[],
  traffic: Traffic,
  listener: TrafficListener,
): void {
  const { nPackets, nBytes, usedMs } = traffic;
  for (const { table, rule } of visits) {
    table.nLookups += nPackets;
    if (rule === undefined) continue;
    table.nMatches += nPackets;
    rule.count(nPackets, nBytes, usedMs);
  }
  for (const effect of effects) repeat(effect, traffic, listener);
}

function repeat(effect: Effect, { nPackets, nBytes, tcpFlags }: Traffic, { learn, useNeighbor }: TrafficListener): void {
  switch (effect.type) {
    case "learn":
      return learn(effect.bridge, effect.sighting);
    case "count":
      return effect.counter.count(nPackets, nBytes);
    case "learnFlow":
      effect.bridge.pipeline.learned.learn(effect.flow, effect.limit);
      return;
    case "finTimeout":
      if ((tcpFlags & ENDING_FLAGS) === 0) return;
      return effect.bridge.pipeline.lowerTimeouts(effect.rule, effect.idleTimeout, effect.hardTimeout);
    case "group":
      return effect.group?.count(effect.buckets, nPackets, nBytes);
    case "neighbor":
      return useNeighbor(effect.route);
    case "enclosed":
      for (const { rule } of effect.visits) rule?.count(0, nPackets * effect.nBytes, 0);
      return;
    case "tunnel": {
      const { patchCounters } = effect.port;
      patchCounters[effect.isInput ? "rxPackets" : "txPackets"] += nPackets;
      patchCounters[effect.isInput ? "rxBytes" : "txBytes"] += nBytes;
      return;
    }
    case "patch":
      effect.from.patchCounters.txPackets += nPackets;
      effect.from.patchCounters.txBytes += nBytes;
      effect.to.patchCounters.rxPackets += nPackets;
      effect.to.patchCounters.rxBytes += nBytes;
  }
}
