/** Replies to OpenFlow's multipart (statistics) requests. */
import type { PortInfo } from "@tenet/datapath";
import type { Clock } from "@tenet/kit";
import {
  ALL_QUEUES,
  type FlowQuery,
  type FlowStats,
  GROUP,
  type Match,
  type MultipartReply,
  type MultipartRequest,
  PORT,
  type PortDesc,
  type PortStatsEntry,
  PORT_STATE,
  type QueueDesc,
  type QueueStatsEntry,
  type TableFeatures,
  type TableMiss,
  type Version,
} from "@tenet/openflow";
import type { Bridge } from "../bridge/bridge.ts";
import { deviceCounters } from "../bridge/device-counters.ts";
import { type BridgePort, PORT_DOWN } from "../bridge/bridge-port.ts";
import { linkFeatures, NO_FEATURES } from "./link-features.ts";
import { groupReplies } from "./group-statistics.ts";
import { meterReplies } from "./meter-statistics.ts";
import { inDumpOrder } from "./dump-order.ts";
import { eachInPart } from "./reply-parts.ts";
import { N_TABLES } from "../table/flow-mod.ts";
import type { FlowTable } from "../table/flow-table.ts";
import { MatchUnpacker } from "../table/packed-match.ts";
import { RefusedError } from "../table/refused-error.ts";
import type { RuleFilter } from "../table/rule-filter.ts";
import type { Rule } from "../table/rule.ts";
import type { Work } from "../turns.ts";
import type { VirtualSwitch } from "../virtual-switch.ts";

type FlowSums = Pick<Extract<MultipartReply, { kind: "aggregate" }>, "nPackets" | "nBytes" | "nFlows">;
type LineError = "rxFrameErrors" | "rxOverErrors" | "rxCrcErrors" | "collisions";
const MAX_TABLE_ENTRIES = 1_000_000;
/** How many flows one part of a reply tells of. */
const FLOWS_PER_PART = 4;
/** How many rules are looked at between two chances for others. */
const RULES_PER_STEP = 32;
/** A counter that is not kept. */
const UNKNOWN = -1n;

/** The parts of the reply to a request, and between them what {@link Work} yields; statistics are read from the datapath first. */
export function* multipartReplies(
  request: MultipartRequest,
  bridge: Bridge,
  vswitch: VirtualSwitch,
  clock: Clock,
  version: Version,
): Generator<MultipartReply | "blocked" | undefined, void, undefined> {
  switch (request.kind) {
    case "desc":
      return yield { kind: "desc", desc: describeSwitch(bridge) };
    case "flow":
      yield* vswitch.cache.readingStatistics();
      return yield* bridge.pipeline.reading(tellingFlows(request, bridge, clock));
    case "aggregate": {
      yield* vswitch.cache.readingStatistics();
      const sums = yield* bridge.pipeline.reading(addingUp(request, bridge));
      return yield { kind: "aggregate", ...sums, ...formOf(request) };
    }
    case "table":
      yield* vswitch.cache.readingStatistics();
      return yield* eachInPart(bridge.pipeline.tableStats(), (part) => ({
        kind: "table",
        tables: part.map(({ table, nRules, nLookups, nMatches }) => ({
          table,
          name: bridge.pipeline.table(table).settings.name,
          maxEntries: maxEntriesOf(bridge, table),
          ...missOf(bridge.pipeline.table(table)),
          nActive: nRules,
          nLookups: BigInt(nLookups),
          nMatched: BigInt(nMatches),
        })),
      }));
    case "tableFeatures":
      yield* namingTables(request.tables ?? [], bridge);
      for (const { table } of bridge.pipeline.tableStats()) {
        const { name } = bridge.pipeline.table(table).settings;
        const features = { table, name, maxEntries: maxEntriesOf(bridge, table), nTables: N_TABLES - 1 };
        yield { kind: "tableFeatures", tables: [features] };
      }
      return;
    case "tableDesc":
      return yield* eachInPart(bridge.pipeline.tableStats(), (part) => ({
        kind: "tableDesc",
        tables: part.map(({ table }) => bridge.pipeline.table(table).describe()),
      }));
    case "queueDesc": {
      const queues = queuesOf(bridge, request.port).filter(({ queue }) => isAsked(queue, request.queue));
      if (queues.length === 0 && request.queue !== ALL_QUEUES)
        throw new RefusedError("OFPQOFC_BAD_QUEUE", `there is no queue ${request.queue}`);
      return yield* eachInPart(queues, (part) => ({ kind: "queueDesc", queues: part }));
    }
    case "port":
      return yield* eachInPart(portsAsked(bridge, request.port), (ports) => ({
        kind: "port",
        ports: ports.map((port) => portStats(port, vswitch, clock)),
      }));
    case "portDesc":
      return yield* eachInPart(portsAsked(bridge, request.port), (ports) => ({
        kind: "portDesc",
        ports: ports.map(describePort),
      }));
    case "queue":
      return yield* eachInPart(queuesAsked(bridge, request.port, request.queue), (queues) => ({ kind: "queue", queues }));
    case "group":
    case "groupDesc":
    case "groupFeatures":
      yield* vswitch.cache.readingStatistics();
      return yield* groupReplies(request, bridge, version, clock);
    case "meter":
    case "meterDesc":
    case "meterFeatures":
      return yield* meterReplies(request, bridge.pipeline, clock);
    case "flowMonitor":
      throw new RefusedError("OFPBRC_BAD_STAT", "monitors belong to a connection");
  }
}

/** The queues of a port, or of all for {@link PORT}.NONE. @throws RefusedError when the port is not there */
export function queuesOf(bridge: Bridge, port: number): QueueDesc[] {
  const ports = portsAsked(bridge, port);
  if (ports.length === 0 && port !== PORT.NONE) throw new RefusedError("OFPQOFC_BAD_PORT", `there is no port ${port}`);
  return ports.filter(hasQueue).map(queueOf);
}

/** Dummies have one queue; devices have those of a QoS row, of which there is none. */
function hasQueue({ hasDevice, link }: BridgePort): boolean {
  return link.kind === "datapath" && !hasDevice;
}

function queueOf({ ofport }: BridgePort): QueueDesc {
  return { port: ofport, queue: 0 };
}

function isAsked(queue: number, asked: number): boolean {
  return asked === ALL_QUEUES || asked === queue;
}

/** How many flows a table holds, as far as it is told. */
function maxEntriesOf({ pipeline }: Bridge, table: number): number {
  return Math.min(pipeline.table(table).limit, MAX_TABLE_ENTRIES);
}

function missOf({ onMiss }: FlowTable): { readonly miss?: TableMiss } {
  return onMiss === undefined ? {} : { miss: onMiss };
}

/** Names tables; all else that tables can do is as it is. @throws RefusedError when a table is not there, or the database names it */
export function* namingTables(tables: readonly TableFeatures[], { pipeline }: Bridge): Work {
  for (const { table, name } of tables) {
    if (table >= N_TABLES - 1) throw new RefusedError("OFPTFFC_BAD_TABLE", `there is no table ${table}`);
    const { settings } = pipeline.table(table);
    if (settings.isNamedByDatabase === true && settings.name !== name)
      throw new RefusedError("OFPTFFC_EPERM", `the database names table ${table}`, "Set the name in its row of Flow_Table");
  }
  for (const { table, name } of tables) {
    while (pipeline.isBusy) yield "blocked";
    pipeline.configureTable(table, { ...pipeline.table(table).settings, name });
    yield;
  }
}

/** A port as OpenFlow describes it. */
export function describePort({ ofport, mac, name, config, isUp, isEnabled, hasDevice }: BridgePort): PortDesc {
  return {
    port: ofport,
    mac,
    name,
    config: isEnabled ? config : config | PORT_DOWN,
    state: isUp && (config & PORT_DOWN) === 0 ? PORT_STATE.LIVE : PORT_STATE.LINK_DOWN,
    peer: 0,
    ...(hasDevice ? linkFeatures(name) : NO_FEATURES),
  };
}

function describeSwitch({ label }: Bridge): Extract<MultipartReply, { kind: "desc" }>["desc"] {
  const { description, serialNumber } = label;
  return {
    manufacturer: "Tenet",
    hardware: "Open vSwitch", // controllers look here for whether they may use its extensions
    software: "3.1.0",
    serial: serialNumber,
    datapath: description,
  };
}

/** A Nicira request of OpenFlow 1.0 is answered in its own form. */
function formOf({ isNicira }: FlowQuery): { readonly isNicira?: boolean } {
  return isNicira === undefined ? {} : { isNicira };
}

function filterOf({ table, match, cookie, cookieMask, outPort, outGroup }: FlowQuery): RuleFilter {
  return {
    table,
    match,
    cookie,
    cookieMask,
    ...(outPort === undefined || outPort === PORT.NONE ? {} : { outPort }),
    ...(outGroup === undefined || outGroup === GROUP.ANY ? {} : { outGroup }),
  };
}

/** The flows that a query is about, in parts. */
function* tellingFlows(
  query: FlowQuery,
  { pipeline }: Bridge,
  clock: Clock,
): Generator<MultipartReply | "blocked" | undefined, void, undefined> {
  const rules = yield* inDumpOrder(yield* pipeline.selecting(filterOf(query)));
  const nowMs = clock.monotonicMs();
  const unpacker = new MatchUnpacker(FLOWS_PER_PART);
  let flows: FlowStats[] = [];
  let nGone = 0;
  for (const rule of rules) {
    if (rule.isReleased) {
      if (++nGone % RULES_PER_STEP === 0) yield; // they went long ago
      continue;
    }
    if (flows.push(statsOf(rule, unpacker.unpack(rule.match), nowMs)) < FLOWS_PER_PART) continue;
    yield { kind: "flow", flows, ...formOf(query) };
    flows = [];
  }
  yield { kind: "flow", flows, ...formOf(query) };
}

/** What the flows that a query is about counted, altogether. */
function* addingUp(query: FlowQuery, { pipeline }: Bridge): Work<FlowSums> {
  let [nPackets, nBytes, nFlows] = [0, 0, 0];
  let n = 0;
  for (const rule of yield* pipeline.selecting(filterOf(query))) {
    if (++n % RULES_PER_STEP === 0) yield;
    if (rule.isReleased) continue;
    nPackets += rule.nPackets;
    nBytes += rule.nBytes;
    nFlows++;
  }
  return { nPackets: BigInt(nPackets), nBytes: BigInt(nBytes), nFlows };
}

function statsOf(rule: Rule, match: Match, nowMs: number): FlowStats {
  const { table, priority, cookie, actions, idleTimeout, hardTimeout, flags, importance } = rule;
  return {
    table,
    priority,
    cookie,
    match,
    actions,
    idleTimeout,
    hardTimeout,
    flags,
    importance,
    durationSec: Math.floor(nowMs - rule.createdMs) / 1000,
    nPackets: BigInt(rule.nPackets),
    nBytes: BigInt(rule.nBytes),
    idleAge: Math.floor((nowMs - rule.usedMs) / 1000),
    hardAge: Math.floor((nowMs - rule.modifiedMs) / 1000),
  };
}

/** The one queue of a port keeps no counters of its own. @throws RefusedError when the port or queue is not there */
function queuesAsked(bridge: Bridge, port: number, queue: number): QueueStatsEntry[] {
  const ports = portsAsked(bridge, port);
  if (ports.length === 0) throw new RefusedError("OFPQOFC_BAD_PORT", `there is no port ${port}`);
  if (queue !== 0 && queue !== ALL_QUEUES) throw new RefusedError("OFPQOFC_BAD_QUEUE", `there is no queue ${queue}`);
  const withQueue = ports.filter(hasQueue);
  if (queue !== ALL_QUEUES && withQueue.length === 0) throw new RefusedError("OFPQOFC_BAD_QUEUE", `there is no queue ${queue}`);
  return withQueue.map(({ ofport }) => ({ port: ofport, queue: 0, nBytes: UNKNOWN, nPackets: UNKNOWN, nErrors: UNKNOWN }));
}

function portsAsked(bridge: Bridge, number: number): BridgePort[] {
  return bridge.ports().filter(({ ofport }) => number === PORT.NONE || ofport === number);
}

function portStats(port: BridgePort, vswitch: VirtualSwitch, clock: Clock): PortStatsEntry {
  const info = vswitch.ports.infoOf(port);
  const { rxPackets, rxBytes, txPackets, txBytes } = info?.stats ?? port.patchCounters;
  const { rxDropped, rxErrors, txDropped, txErrors } = lossesOf(info);
  return {
    port: port.ofport,
    rxPackets: BigInt(rxPackets),
    txPackets: BigInt(txPackets),
    rxBytes: BigInt(rxBytes),
    txBytes: BigInt(txBytes),
    rxDropped,
    txDropped,
    rxErrors,
    txErrors,
    ...lineErrorsOf(port),
    durationSec: Math.floor(clock.monotonicMs() - port.createdMs) / 1000,
  };
}

/** What the kernel counts of a device's line. */
function lineErrorsOf({ name, hasDevice }: BridgePort): Pick<PortStatsEntry, LineError> {
  if (!hasDevice) return { rxFrameErrors: UNKNOWN, rxOverErrors: UNKNOWN, rxCrcErrors: UNKNOWN, collisions: UNKNOWN };
  const { rx_frame_err, rx_over_err, rx_crc_err, collisions } = deviceCounters(name);
  return {
    rxFrameErrors: BigInt(rx_frame_err),
    rxOverErrors: BigInt(rx_over_err),
    rxCrcErrors: BigInt(rx_crc_err),
    collisions: BigInt(collisions),
  };
}

function lossesOf(info: PortInfo | undefined): Pick<PortStatsEntry, "rxDropped" | "rxErrors" | "txDropped" | "txErrors"> {
  if (info === undefined || info.kind === "memory")
    return { rxDropped: UNKNOWN, rxErrors: UNKNOWN, txDropped: UNKNOWN, txErrors: UNKNOWN };
  const { rxDropped, rxErrors, txDropped, txErrors } = info.stats;
  return {
    rxDropped: BigInt(rxDropped),
    rxErrors: BigInt(rxErrors),
    txDropped: BigInt(txDropped),
    txErrors: BigInt(txErrors),
  };
}
