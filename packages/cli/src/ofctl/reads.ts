/** The verbs that read: ports, tables, flows, groups, meters and tunnel options of a bridge. */
import {
  ALL_TABLES,
  type FlowQuery,
  formatFlowStats,
  formatGroup,
  formatGroupStats,
  formatMeter,
  formatMeterStats,
  GROUP,
  METER,
  parseFlow,
  PORT,
  VERSION,
} from "@tenet/openflow";
import { describeOptions, describePorts, describePortStatistics, describeTables } from "./describe.ts";
import type { OfctlContext, OfctlVerb } from "./ofctl.ts";

const VERSION_NAMES: Readonly<Record<number, string>> = { 1: "1.0", 2: "1.1", 3: "1.2", 4: "1.3", 5: "1.4", 6: "1.5" };
const ONE_OR_NONE = [0, 1] as const;

/** By their names. */
export const READS: readonly (readonly [name: string, verb: OfctlVerb])[] = [
  ["show", { usage: "", about: "what the switch is, and its ports", nArgs: [0, 0], run: show }],
  ["dump-ports", { usage: "", about: "counters of the ports", nArgs: [0, 0], run: dumpPorts }],
  ["dump-tables", { usage: "", about: "tables in use, their counters and settings", nArgs: [0, 0], run: dumpTables }],
  ["dump-flows", { usage: "[FLOW]", about: "flows, those that match FLOW", nArgs: ONE_OR_NONE, run: dumpFlows }],
  [
    "dump-aggregate",
    { usage: "[FLOW]", about: "how many flows there are, and their counters", nArgs: ONE_OR_NONE, run: aggregate },
  ],
  ["dump-groups", { usage: "", about: "groups", nArgs: [0, 0], run: dumpGroups }],
  ["dump-group-stats", { usage: "", about: "counters of groups and their buckets", nArgs: [0, 0], run: dumpGroupStats }],
  ["dump-meters", { usage: "", about: "meters", nArgs: [0, 0], run: dumpMeters }],
  ["meter-stats", { usage: "", about: "counters of meters and their bands", nArgs: [0, 0], run: meterStats }],
  ["dump-tlv-map", { usage: "", about: "which options of tunnel headers are which fields", nArgs: [0, 0], run: dumpTlvMap }],
];

async function show({ bridge, format }: OfctlContext): Promise<string> {
  const { desc } = await bridge.read({ kind: "desc" }, "desc");
  const features = await bridge.client.connection.request({ type: "featuresRequest" });
  const datapathId = features.type === "featuresReply" ? features.datapathId.toString(16).padStart(16, "0") : "unknown";
  const version = VERSION_NAMES[bridge.client.connection.version] ?? "";
  if (format === "json") return json({ datapathId, version, ...desc, ports: bridge.ports });
  const { manufacturer, hardware, software } = desc;
  return `${manufacturer} ${hardware} ${software}, datapath id ${datapathId}, OpenFlow ${version}\n\n${describePorts(bridge.ports)}`;
}

async function dumpPorts({ bridge, format }: OfctlContext): Promise<string> {
  const { ports } = await bridge.read({ kind: "port", port: PORT.NONE }, "port");
  return format === "json" ? json(ports) : describePortStatistics(ports, bridge.names);
}

async function dumpTables({ bridge, format }: OfctlContext): Promise<string> {
  const { tables } = await bridge.read({ kind: "table" }, "table");
  const hasSettings = bridge.client.connection.version >= VERSION.OF14;
  const settings = hasSettings ? (await bridge.read({ kind: "tableDesc" }, "tableDesc")).tables : [];
  return format === "json" ? json({ tables, settings }) : describeTables(tables, settings);
}

async function dumpFlows(context: OfctlContext): Promise<string> {
  const { bridge, format } = context;
  const { flows } = await bridge.read({ kind: "flow", ...queryOf(context) }, "flow");
  const sorted = flows.toSorted((a, b) => a.table - b.table || b.priority - a.priority);
  const lines = sorted.map((flow) => formatFlowStats(flow, bridge.names));
  return format === "json" ? json(lines.map((flow) => ({ flow }))) : lines.join("\n");
}

async function aggregate(context: OfctlContext): Promise<string> {
  const { nFlows, nPackets, nBytes } = await context.bridge.read({ kind: "aggregate", ...queryOf(context) }, "aggregate");
  if (context.format === "json") return json({ nFlows, nPackets, nBytes });
  return `${nFlows} flows, ${nPackets} packets, ${nBytes} bytes`;
}

function queryOf({ bridge, args }: OfctlContext): FlowQuery {
  const {
    table,
    match,
    cookie,
    cookieMask = 0n,
    outPort,
    outGroup,
  } = parseFlow(args[0] ?? "", { purpose: "query", ...bridge.names });
  return {
    table: args[0]?.includes("table") === true ? table : ALL_TABLES,
    match,
    cookie,
    cookieMask,
    isNicira: true,
    ...(outPort === undefined ? {} : { outPort }),
    ...(outGroup === undefined ? {} : { outGroup }),
  };
}

async function dumpGroups({ bridge, format }: OfctlContext): Promise<string> {
  const { groups } = await bridge.read({ kind: "groupDesc", group: GROUP.ALL }, "groupDesc");
  return listed(
    groups.map((group) => formatGroup(group, bridge.names)),
    format,
  );
}

async function dumpGroupStats({ bridge, format }: OfctlContext): Promise<string> {
  const { groups } = await bridge.read({ kind: "group", group: GROUP.ALL }, "group");
  return listed(groups.map(formatGroupStats), format);
}

async function dumpMeters({ bridge, format }: OfctlContext): Promise<string> {
  const { meters } = await bridge.read({ kind: "meterDesc", meter: METER.ALL }, "meterDesc");
  return listed(meters.map(formatMeter), format);
}

async function meterStats({ bridge, format }: OfctlContext): Promise<string> {
  const { meters } = await bridge.read({ kind: "meter", meter: METER.ALL }, "meter");
  return listed(meters.map(formatMeterStats), format);
}

async function dumpTlvMap({ bridge, format }: OfctlContext): Promise<string> {
  const reply = await bridge.client.connection.request({ type: "tlvTableRequest" });
  const mappings = reply.type === "tlvTableReply" ? reply.mappings : [];
  return format === "json" ? json(mappings) : describeOptions(mappings);
}

function listed(texts: readonly string[], format: "text" | "json"): string {
  return format === "json" ? json(texts) : texts.join("\n");
}

function json(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? Number(each) : each), 2);
}
