/** What a bridge tells of itself at the start of a conversation. */
import { type Message, type Version, VERSION } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import { inSteps, type Work } from "../turns.ts";
import { describePort } from "./statistics.ts";

/** Flow, table, port and queue statistics. */
const STATISTICS = 0x47;
/** Group statistics; OpenFlow 1.3 and later. */
const GROUP_STATS = 0x8;
/** OpenFlow 1.0: matches IP addresses in ARP packets. */
const ARP_MATCH_IP = 0x80;
/** Bundles; OpenFlow 1.4 and later. */
const BUNDLES = 0x200;
/** OpenFlow 1.0: every action it has, from output to enqueue. */
const OF10_ACTIONS = 0xfff;
const N_TABLES_SHOWN = 254;

/** How many ports the message has room for; OpenFlow 1.3 and later have requests for all. */
const MAX_PORTS = 1364;

/** The reply to a features request. */
export function* describingFeatures(bridge: Bridge, version: Version): Work<Message> {
  const isOf10 = version === VERSION.OF10;
  const bundles = version >= VERSION.OF14 ? BUNDLES : 0;
  return {
    type: "featuresReply",
    datapathId: bridge.datapathId,
    nBuffers: 0,
    nTables: N_TABLES_SHOWN,
    auxiliaryId: 0,
    capabilities: STATISTICS | (isOf10 ? ARP_MATCH_IP : GROUP_STATS) | bundles,
    actions: OF10_ACTIONS,
    ports: isOf10 ? yield* inSteps(bridge.ports().slice(0, MAX_PORTS), describePort) : [],
  };
}
