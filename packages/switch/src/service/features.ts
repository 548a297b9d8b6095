/** What a bridge tells of itself at the start of a conversation. */
import { type Message, type Version, VERSION } from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import { inSteps, type Work } from "../turns.ts";
import { describePort } from "./statistics.ts";

/** Flow, table, port and queue statistics. */
const STATISTICS = 0x47;
/** Group statistics; OpenFlow 1.1 and later. */
const GROUP_STATS = 0x8;
/** OpenFlow 1.0 and 1.1: matches IP addresses in ARP packets. */
const ARP_MATCH_IP = 0x80;
/** Bundles; OpenFlow 1.4 and later. */
const BUNDLES = 0x200;
/** OpenFlow 1.0: every action it has, from output to enqueue. */
const OF10_ACTIONS = 0xfff;
const N_TABLES_SHOWN = 254;

/** How many ports the message has room for in OpenFlow 1.0, and in 1.1 and 1.2; later versions have requests for all. */
const [MAX_PORTS_10, MAX_PORTS] = [1364, 1023];

/** The reply to a features request. */
export function* describingFeatures(bridge: Bridge, version: Version): Work<Message> {
  const capabilities = [
    STATISTICS,
    version > VERSION.OF10 ? GROUP_STATS : 0,
    version < VERSION.OF12 ? ARP_MATCH_IP : 0,
    version >= VERSION.OF14 ? BUNDLES : 0,
  ];
  return {
    type: "featuresReply",
    datapathId: bridge.datapathId,
    nBuffers: 0,
    nTables: N_TABLES_SHOWN,
    auxiliaryId: 0,
    capabilities: capabilities.reduce((bits, each) => bits | each),
    actions: OF10_ACTIONS,
    ports:
      version < VERSION.OF13
        ? yield* inSteps(bridge.ports().slice(0, version === VERSION.OF10 ? MAX_PORTS_10 : MAX_PORTS), describePort)
        : [],
  };
}
