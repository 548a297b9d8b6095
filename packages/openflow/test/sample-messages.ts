/** A message of every kind, for the tests of the codec. */
import {
  type FlowMonitorRequest,
  type Message,
  type MonitoredFlow,
  type PortDesc,
  type QueueDesc,
  type TableDesc,
  parseActions,
  parseFlow,
  parseGroup,
  parseMeter,
  parseMatch,
  type Version,
} from "@tenet/openflow";

/** All versions that are spoken. */
export const VERSIONS: readonly Version[] = [1, 2, 3, 4, 5, 6];

/** Those in which a table is told what becomes of packets that find no flow. */
const OF11_AND_12: readonly Version[] = [2, 3];
/** Versions that have meters. */
const METERED: readonly Version[] = [4, 5, 6];

const PORT: PortDesc = {
  port: 3,
  mac: 0x0a0000000001,
  name: "eth0",
  config: 1,
  state: 4,
  current: 0x2820,
  advertised: 1,
  supported: 0x800,
  peer: 0,
  currentSpeed: 10_000_000,
  maxSpeed: 10_000_000,
};
const DATA = Uint8Array.of(1, 2, 3);
const COUNTERS = {
  rxPackets: 1n,
  txPackets: 2n,
  rxBytes: 3n,
  txBytes: 4n,
  rxDropped: -1n,
  txDropped: 6n,
  rxErrors: 7n,
  txErrors: 8n,
};
const MATCH = parseMatch("in_port=1,reg0=5,metadata=7");
/** Counters of a flow. */
export const STATS = { durationSec: 1.5, nPackets: 3n, nBytes: 9n };

/** Messages that read back equal in every version given. */
const TABLE: TableDesc = {
  table: 3,
  config: 12,
  evictionFlags: 7,
  vacancy: { downPercent: 20, upPercent: 80 },
  vacantPercent: 100,
};
const QUEUES: readonly QueueDesc[] = [
  { port: 3, queue: 0 },
  { port: 3, queue: 9, minRate: 10, maxRate: 900 },
];
const MONITOR: FlowMonitorRequest = { id: 7, command: "add", flags: 0x3f, table: 3, match: parseMatch("in_port=1"), outPort: 2 };
const WATCHED = parseFlow("table=3,priority=7,tcp,idle_timeout=5,cookie=9,actions=output:1");
const MONITORED: MonitoredFlow = {
  table: WATCHED.table,
  priority: WATCHED.priority,
  cookie: WATCHED.cookie,
  match: WATCHED.match,
  actions: WATCHED.actions,
  idleTimeout: WATCHED.idleTimeout,
  hardTimeout: WATCHED.hardTimeout,
};

/** Messages, and the versions that have them. */
export const MESSAGES: readonly (readonly [Message, readonly Version[]])[] = [
  [{ type: "hello", versions: 0x72 }, VERSIONS],
  [{ type: "hello" }, VERSIONS],
  [{ type: "error", errorType: 1, code: 6, data: DATA }, VERSIONS],
  [{ type: "error", errorType: 1, code: 257, experimenter: 0x2320, data: DATA }, [1]],
  [{ type: "error", errorType: 0xffff, code: 2300, experimenter: 0x4f4e4600, data: DATA }, [4]],
  [{ type: "echoRequest", data: DATA }, VERSIONS],
  [{ type: "echoReply", data: DATA }, VERSIONS],
  [{ type: "featuresRequest" }, VERSIONS],
  [
    {
      type: "featuresReply",
      datapathId: 77n,
      nBuffers: 0,
      nTables: 254,
      auxiliaryId: 0,
      capabilities: 0x4f,
      actions: 0,
      ports: [],
    },
    VERSIONS,
  ],
  [{ type: "getConfigRequest" }, VERSIONS],
  [{ type: "getConfigReply", flags: 0, missSendLength: 128 }, VERSIONS],
  [{ type: "setConfig", flags: 1, missSendLength: 65535 }, VERSIONS],
  [{ type: "packetIn", totalLength: 3, reason: 1, table: 4, cookie: 9n, match: MATCH, data: DATA }, [4, 5, 6]],
  [{ type: "packetIn", totalLength: 90, reason: 1, table: 4, cookie: 9n, match: MATCH, data: DATA, format: "nxt" }, [1, 4]],
  [
    {
      type: "packetIn",
      totalLength: 90,
      reason: 5,
      table: 4,
      cookie: 9n,
      match: MATCH,
      data: DATA,
      userdata: DATA,
      continuation: {
        bridge: new Uint8Array(16).fill(7),
        stack: [5n, 0x1234n],
        mirrors: 3,
        isTracked: true,
        lists: [
          { table: 0, cookie: 9n, actions: parseActions("output:2") },
          { table: 3, cookie: 0n, actions: parseActions("set_queue:5,resubmit(,7)") },
        ],
        actionSet: parseActions("output:3"),
      },
      format: "nxt2",
    },
    VERSIONS,
  ],
  [{ type: "packetOut", inPort: 0xfffd, actions: parseActions("NORMAL"), data: DATA }, VERSIONS],
  [
    { type: "packetOut", inPort: 0xfffd, actions: [], data: DATA, metadata: parseMatch("reg0=5,metadata=7,tun_metadata1=9") },
    [6],
  ],
  [{ type: "packetOut", bufferId: 5, inPort: 1, actions: [], data: new Uint8Array(0) }, VERSIONS],
  [{ type: "portStatus", reason: "modify", port: PORT }, [4, 5, 6]],
  [{ type: "portStatus", reason: "add", port: { ...PORT, state: 1, currentSpeed: 0, maxSpeed: 0 } }, [1]],
  [{ type: "portMod", port: 3, mac: 0x0a0000000001, config: 1, mask: 1, advertise: 0 }, VERSIONS],
  [{ type: "barrierRequest" }, VERSIONS],
  [{ type: "barrierReply" }, VERSIONS],
  [{ type: "roleRequest", role: "master" }, VERSIONS],
  [{ type: "roleReply", role: "slave" }, VERSIONS],
  [{ type: "roleRequest", role: "master", generationId: 0n }, [3, 4, 5, 6]],
  [{ type: "roleReply", role: "slave", generationId: 5n }, [4, 5, 6]],
  [{ type: "setAsync", packetIn: [1, 2], portStatus: [3, 4], flowRemoved: [5, 6] }, VERSIONS],
  [{ type: "setAsync", packetIn: [1, undefined], portStatus: [undefined, undefined], flowRemoved: [undefined, 6] }, [5, 6]],
  [
    {
      type: "setAsync",
      packetIn: [1, 2],
      portStatus: [undefined, undefined],
      flowRemoved: [undefined, undefined],
      roleStatus: [1, 1],
      tableStatus: [24, undefined],
      requestForward: [undefined, 3],
    },
    [5, 6],
  ],
  [{ type: "roleStatus", role: "slave", reason: "masterRequest", generationId: 7n }, METERED],
  [{ type: "requestForward", message: parseGroup("group_id=1,type=all,bucket=output:1"), xid: 9 }, VERSIONS],
  [{ type: "tableMod", table: 255, config: 0 }, METERED],
  [{ type: "tableMod", table: 3, config: 12, evictionFlags: 7, vacancy: { downPercent: 20, upPercent: 80 } }, [5, 6]],
  [{ type: "tableStatus", reason: "vacancyDown", desc: TABLE }, [5, 6]],
  [{ type: "multipartRequest", request: { kind: "tableDesc" }, isLast: true }, [5, 6]],
  [{ type: "multipartReply", reply: { kind: "tableDesc", tables: [TABLE, TABLE] }, isLast: true }, [5, 6]],
  [{ type: "multipartRequest", request: { kind: "queueDesc", port: 3, queue: 0 }, isLast: true }, [5, 6]],
  [{ type: "multipartReply", reply: { kind: "queueDesc", queues: QUEUES }, isLast: true }, [5, 6]],
  [{ type: "queueConfigRequest", port: 3 }, [1, 4]],
  [{ type: "queueConfigReply", port: 3, queues: QUEUES }, [1, 4]],
  [{ type: "flowMonitorCancel", id: 7 }, [1, 4]],
  [{ type: "flowMonitorPaused" }, [1, 4]],
  [{ type: "flowMonitorResumed" }, [1, 4]],
  [
    { type: "multipartRequest", request: { kind: "flowMonitor", requests: [MONITOR, { ...MONITOR, id: 8 }] }, isLast: true },
    VERSIONS,
  ],
  [
    {
      type: "multipartRequest",
      request: { kind: "flowMonitor", requests: [{ ...MONITOR, command: "delete", outGroup: 3 }] },
      isLast: true,
    },
    [5, 6],
  ],
  [
    {
      type: "multipartReply",
      reply: {
        kind: "flowMonitor",
        updates: [
          { event: "added", flow: MONITORED },
          { event: "modified", flow: MONITORED },
          { event: "removed", reason: "idle", flow: MONITORED },
          { event: "abbreviated", xid: 99 },
        ],
      },
      isLast: true,
    },
    VERSIONS,
  ],
  [
    {
      type: "multipartReply",
      reply: { kind: "flowMonitor", updates: [{ event: "initial", flow: MONITORED }, { event: "paused" }, { event: "resumed" }] },
      isLast: true,
    },
    [5, 6],
  ],
  [{ type: "ctFlush", protocol: 0, original: {}, reply: {} }, VERSIONS],
  [
    {
      type: "ctFlush",
      zone: 5,
      protocol: 1,
      original: { src: new Uint8Array(16).fill(7), icmpId: 7, icmpType: 8, icmpCode: 0 },
      reply: { dst: new Uint8Array(16).fill(9), srcPort: 1, dstPort: 2 },
    },
    VERSIONS,
  ],
  [{ type: "getAsyncRequest" }, METERED],
  [{ type: "getAsyncReply", packetIn: [1, 2], portStatus: [3, 4], flowRemoved: [5, 6] }, METERED],
  [{ type: "bundleControl", bundleId: 5, kind: "commitReply", flags: 3 }, [4, 5, 6]],
  [parseGroup("group_id=1,type=all,bucket=output:1,bucket=output:2"), VERSIONS],
  [parseGroup("group_id=2,type=select,bucket=weight:7,dec_ttl,output:1,bucket=weight:0,watch_port:3,drop"), VERSIONS],
  [
    parseGroup("group_id=3,type=ff,bucket=watch_port:1,output:1,bucket=watch_group:2,group:2", { command: "addOrModify" }),
    VERSIONS,
  ],
  [
    parseGroup(
      "group_id=4,type=select,selection_method=hash,selection_method_param=9,fields(eth_src,ip_dst=255.255.0.0,tcp_dst),bucket=output:1",
    ),
    [1, 6],
  ],
  [parseGroup("group_id=4,command_bucket_id=last,bucket=bucket_id=5,output:1", { command: "insertBucket" }), [1, 6]],
  [parseGroup("group_id=4,command_bucket_id=5", { command: "removeBucket" }), [1, 6]],
  [parseGroup("", { command: "delete" }), VERSIONS],
  [{ type: "multipartRequest", request: { kind: "queue", port: 0xffff, queue: 0xffffffff }, isLast: true }, VERSIONS],
  [
    {
      type: "multipartReply",
      reply: { kind: "queue", queues: [{ port: 0xfffe, queue: 0, nBytes: -1n, nPackets: 5n, nErrors: -1n }] },
      isLast: true,
    },
    VERSIONS,
  ],
  [
    {
      type: "multipartReply",
      reply: { kind: "queue", queues: [{ port: 2, queue: 7, nBytes: 1n, nPackets: 2n, nErrors: 3n, durationSec: 1.5 }] },
      isLast: true,
    },
    METERED,
  ],
  [{ type: "multipartRequest", request: { kind: "group", group: 5 }, isLast: true }, VERSIONS],
  [{ type: "multipartRequest", request: { kind: "groupDesc", group: 0xfffffffc }, isLast: true }, VERSIONS],
  [{ type: "multipartRequest", request: { kind: "groupFeatures" }, isLast: true }, VERSIONS],
  [
    {
      type: "multipartReply",
      reply: {
        kind: "group",
        groups: [
          { id: 1, nReferences: 2, durationSec: 1.5, nPackets: 3n, nBytes: 4n, buckets: [{ nPackets: 3n, nBytes: 4n }] },
          { id: 2, nReferences: 0, durationSec: 0, nPackets: 0n, nBytes: 0n, buckets: [] },
        ],
      },
      isLast: true,
    },
    [1, 4, 5, 6],
  ],
  [
    {
      type: "multipartReply",
      reply: {
        kind: "group",
        groups: [{ id: 1, nReferences: 2, nPackets: 3n, nBytes: 4n, buckets: [{ nPackets: 3n, nBytes: 4n }] }],
      },
      isLast: true,
    },
    OF11_AND_12,
  ],
  [
    {
      type: "multipartReply",
      reply: {
        kind: "groupDesc",
        groups: [parseGroup("group_id=1,type=all,bucket=1").group, parseGroup("group_id=2,type=indirect,bucket=2").group],
      },
      isLast: true,
    },
    VERSIONS,
  ],
  [
    {
      type: "multipartReply",
      reply: { kind: "groupFeatures", features: { types: 15, capabilities: 7, maxGroups: [1, 2, 3, 4], actions: [5, 6, 7, 8] } },
      isLast: true,
    },
    VERSIONS,
  ],
  [parseMeter("meter=1,kbps,burst,stats,bands=type=drop,rate=100,burst_size=50 type=dscp_remark,rate=5,prec_level=1"), METERED],
  [parseMeter("meter=controller,pktps,bands=type=drop,rate=5", { command: "modify" }), METERED],
  [parseMeter("", { command: "delete" }), METERED],
  [{ type: "multipartRequest", request: { kind: "meter", meter: 5 }, isLast: true }, METERED],
  [{ type: "multipartRequest", request: { kind: "meterDesc", meter: 0xffffffff }, isLast: true }, METERED],
  [{ type: "multipartRequest", request: { kind: "meterFeatures" }, isLast: true }, METERED],
  [
    {
      type: "multipartReply",
      reply: {
        kind: "meter",
        meters: [
          { id: 1, nFlows: 2, durationSec: 1.5, nPackets: 3n, nBytes: 4n, bands: [{ nPackets: 3n, nBytes: 4n }] },
          { id: 2, nFlows: 0, durationSec: 0, nPackets: 0n, nBytes: 0n, bands: [] },
        ],
      },
      isLast: true,
    },
    METERED,
  ],
  [
    {
      type: "multipartReply",
      reply: { kind: "meterDesc", meters: [parseMeter("meter=7,pktps,bands=type=drop,rate=5").meter] },
      isLast: true,
    },
    METERED,
  ],
  [
    {
      type: "multipartReply",
      reply: {
        kind: "meterFeatures",
        features: { maxMeters: 9, bandTypes: 6, capabilities: 15, maxBands: 8, maxColors: 0 },
      },
      isLast: true,
    },
    METERED,
  ],
  [
    { type: "tlvTableMod", command: "add", mappings: [{ optionClass: 0x102, optionType: 0x80, sizeBytes: 4, index: 0 }] },
    VERSIONS,
  ],
  [{ type: "tlvTableMod", command: "clear", mappings: [] }, VERSIONS],
  [{ type: "tlvTableRequest" }, VERSIONS],
  [
    {
      type: "tlvTableReply",
      maxSpaceBytes: 256,
      maxFields: 64,
      mappings: [{ optionClass: 0xffff, optionType: 1, sizeBytes: 124, index: 63 }],
    },
    VERSIONS,
  ],
  [{ type: "setFlowFormat", format: "nxm" }, [1]],
  [{ type: "flowModTableId", isOn: true }, [1]],
  [{ type: "setPacketInFormat", format: "nxt2" }, VERSIONS],
  [{ type: "setControllerId", controllerId: 7 }, VERSIONS],
  [{ type: "flushZone", zone: 7 }, VERSIONS],
  [
    { type: "flowRemoved", flow: { ...parseFlow("table=3,ip,actions=drop"), idleTimeout: 5 }, reason: "idle", ...STATS },
    VERSIONS,
  ],
  [
    {
      type: "multipartReply",
      reply: { kind: "desc", desc: { manufacturer: "T", hardware: "h", software: "1", serial: "", datapath: "br0" } },
      isLast: true,
    },
    VERSIONS,
  ],
  [{ type: "multipartReply", reply: { kind: "aggregate", nPackets: 1n, nBytes: 2n, nFlows: 3 }, isLast: true }, VERSIONS],
  [
    {
      type: "multipartReply",
      reply: { kind: "table", tables: [{ table: 1, name: "", maxEntries: 0, nActive: 2, nLookups: 3n, nMatched: 4n }] },
      isLast: false,
    },
    [1, 4, 5, 6],
  ],
  ...(["controller", "continue", "drop"] as const).flatMap((miss): [Message, readonly Version[]][] => [
    [
      {
        type: "multipartReply",
        reply: { kind: "table", tables: [{ table: 1, name: "", maxEntries: 5, nActive: 2, nLookups: 3n, nMatched: 4n, miss }] },
        isLast: true,
      },
      OF11_AND_12,
    ],
    [{ type: "tableMod", table: 3, config: 0, miss }, OF11_AND_12],
  ]),
  [
    {
      type: "multipartReply",
      reply: {
        kind: "port",
        ports: [
          { port: 0xfffe, ...COUNTERS, rxFrameErrors: -1n, rxOverErrors: 0n, rxCrcErrors: 0n, collisions: 1n, durationSec: 0 },
        ],
      },
      isLast: true,
    },
    VERSIONS,
  ],
  [{ type: "multipartReply", reply: { kind: "portDesc", ports: [PORT, { ...PORT, port: 4 }] }, isLast: true }, [4, 5, 6]],
  [
    {
      type: "multipartReply",
      reply: { kind: "tableFeatures", tables: [{ table: 2, name: "acl", maxEntries: 100, nTables: 9 }] },
      isLast: true,
    },
    [4, 5, 6],
  ],
  [
    {
      type: "multipartReply",
      reply: {
        kind: "flow",
        flows: [{ ...parseFlow("table=3,tcp,reg0=1,actions=output:1"), ...STATS, idleAge: 4, hardAge: 5 }],
        isNicira: true,
      },
      isLast: true,
    },
    [1],
  ],
  [
    {
      type: "multipartReply",
      reply: {
        kind: "flow",
        flows: [{ ...parseFlow("table=3,importance=4,tcp,reg0=1,actions=output:1"), ...STATS, idleAge: 4 }],
      },
      isLast: true,
    },
    [6],
  ],
  [
    {
      type: "multipartReply",
      reply: { kind: "flow", flows: [{ ...parseFlow("tcp,reg0=1,actions=output:1"), ...STATS }] },
      isLast: true,
    },
    [4, 5],
  ],
];
