import { ProtocolError } from "@tenet/kit";
import {
  decodeMessage,
  encodeMessage,
  encodeMessages,
  formatActions,
  formatFlow,
  formatMatch,
  isSameMatch,
  type FlowMonitorRequest,
  type Message,
  type MonitoredFlow,
  OpenFlowError,
  type PortDesc,
  type QueueDesc,
  type TableDesc,
  parseActions,
  parseFlow,
  formatGroup,
  parseGroup,
  parseMeter,
  parseMatch,
  VERSION,
  type Version,
} from "@tenet/openflow";
import { FIELDS, setField } from "@tenet/net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { flowArbitrary, instructionsArbitrary, matchArbitrary } from "./arbitrary-flow.ts";
import { groupModArbitrary } from "./arbitrary-group.ts";

const VERSIONS: readonly Version[] = [1, 4, 5, 6];
/** Versions that have meters. */
const METERED: readonly Version[] = [4, 5, 6];
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

/** Messages as ovs-ofctl 3.1 sent them, and the flow that it was told to add. */
const GOLDEN: readonly (readonly [string, string])[] = [
  [
    "010e0060000000080038204f00000000000000000000000000000000000008000006000000000000000000000000005000000000000000000100000000000005ffffffffffff0000000400100000000000050000000000000000000800010000",
    "table=1,priority=5,tcp,tp_dst=80,actions=mod_dl_src:00:00:00:00:00:05,output:1",
  ],
  [
    "040e007000000006000000000000000000000000000000000100000000000005ffffffffffffffffffffffff000000000001001580000a020800800014010680001c02005000000000040028000000000019001080000806000000000005000000000010000000010000000000000000",
    "table=1,priority=5,tcp,tp_dst=80,actions=set_field:00:00:00:00:00:05->eth_src,output:1",
  ],
  [
    "060e007000000006000000000000000000000000000000000100000000000005ffffffffffffffffffffffff000000000001001580000a020800800014010680001c02005000000000040028000000000019001080000806000000000005000000000010000000010000000000000000",
    "table=1,priority=5,tcp,tp_dst=80,actions=set_field:00:00:00:00:00:05->eth_src,output:1",
  ],
];

describe("golden bytes of ovs-ofctl", () => {
  test.each(GOLDEN)("%s is %s", (bytes, text) => {
    const { message, version, xid } = decodeMessage(hex(bytes));
    expect(message).toMatchObject({ type: "flowMod", command: "add" });
    if (message.type !== "flowMod") return;
    const flow = parseFlow(text);
    expect(formatFlow({ ...message.flow, flags: 0 })).toBe(formatFlow(flow));
    expect(toHex(encodeMessage({ type: "flowMod", command: "add", flow }, version, xid))).toBe(bytes);
  });

  test("a bundled flow-mod of OpenFlow 1.3 uses the ONF extension", () => {
    const bytes =
      "04040098000000064f4e4600000008fd0000000000000003040e008000000006000000000000000000000000000000000200000000008000ffffffffffffffffffffffff00000000000100100001010800000005000000070004004000000000ffff001000002320000efff80300000000190010000102040000000100000000ffff00180000232000060020000000000001000400010204";
    const { message } = decodeMessage(hex(bytes));
    expect(message).toMatchObject({ type: "bundleAdd", bundleId: 0, flags: 3, xid: 6 });
    if (message.type !== "bundleAdd" || message.message.type !== "flowMod") return;
    expect(formatFlow(message.message.flow)).toBe(
      "table=2, reg0=0x5/0x7 actions=resubmit(,3),set_field:0x1->reg1,move:NXM_NX_REG0[]->NXM_NX_REG1[]",
    );
    expect(toHex(encodeMessage(message, 4, 6))).toBe(bytes);
  });

  test("a deletion by cookie in OpenFlow 1.0 carries the cookie as a match", () => {
    const bytes =
      "0104004000000008000023200000000d00000000000000000003000000008000ffffffffffff0000000c00000000000000013c08000000000000000500000000";
    const { message } = decodeMessage(hex(bytes), { hasTableId: false });
    expect(message).toMatchObject({
      type: "flowMod",
      command: "delete",
      flow: { table: 255, cookie: 5n, cookieMask: 2n ** 64n - 1n },
    });
    expect(toHex(encodeMessage(message, 1, 8, { hasTableId: false }))).toBe(bytes);
  });

  test.each([
    ["0110002000000004ffff0000000023200000000000000000ffff0000ff000000", { kind: "flow", table: 255, isNicira: true }],
    ["0110002000000004ffff0000000023200000000100000000ffff0000ff000000", { kind: "aggregate", table: 255, isNicira: true }],
    [
      "04120038000000020001000000000000ff000000ffffffffffffffff00000000000000000000000000000000000000000001000400000000",
      { kind: "flow", table: 255 },
    ],
    ["06120018000000020004000000000000ffffffff00000000", { kind: "port", port: 0xffff }],
    ["0612001800000004000d000000000000ffffffff00000000", { kind: "portDesc", port: 0xffff }],
    ["0412001000000002000c000000000000", { kind: "tableFeatures" }],
    ["0110000c0000000200030000", { kind: "table" }],
  ])("the request %s reads and writes back", (bytes, request) => {
    const { message, version, xid } = decodeMessage(hex(bytes));
    expect(message).toMatchObject({ type: "multipartRequest", isLast: true, request });
    expect(toHex(encodeMessage(message, version, xid))).toBe(bytes);
  });
});

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
const STATS = { durationSec: 1.5, nPackets: 3n, nBytes: 9n };

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

const MESSAGES: readonly (readonly [Message, readonly Version[]])[] = [
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
  [{ type: "packetOut", bufferId: 5, inPort: 1, actions: [], data: new Uint8Array(0) }, VERSIONS],
  [{ type: "portStatus", reason: "modify", port: PORT }, [4, 5, 6]],
  [{ type: "portStatus", reason: "add", port: { ...PORT, state: 1, currentSpeed: 0, maxSpeed: 0 } }, [1]],
  [{ type: "portMod", port: 3, mac: 0x0a0000000001, config: 1, mask: 1, advertise: 0 }, VERSIONS],
  [{ type: "barrierRequest" }, VERSIONS],
  [{ type: "barrierReply" }, VERSIONS],
  [{ type: "roleRequest", role: "master", generationId: 0n }, VERSIONS],
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
  [{ type: "requestForward", message: parseGroup("group_id=1,type=all,bucket=output:1"), xid: 9 }, METERED],
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
    VERSIONS,
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
    VERSIONS,
  ],
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

describe("every message", () => {
  test.each(MESSAGES.map(([message, versions]) => [message.type, message, versions] as const))(
    "%s reads back equal",
    (_type, message, versions) => {
      for (const version of versions) {
        const bytes = encodeMessage(message, version, 42);
        expect(decodeMessage(bytes)).toEqual({ version, xid: 42, message });
      }
    },
  );

  test("cut at any length is refused, with the length patched or not", () => {
    for (const [message, versions] of MESSAGES) {
      for (const version of versions) {
        const bytes = encodeMessage(message, version, 42);
        for (let length = 0; length < bytes.length; length++) {
          const cut = bytes.slice(0, length);
          if (length >= 4) new DataView(cut.buffer).setUint16(2, length);
          try {
            decodeMessage(cut);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
          if (length > 0) expect(() => decodeMessage(bytes.slice(0, length))).toThrow(ProtocolError);
        }
      }
    }
  });

  test("changed anywhere, or made of random bytes, only ever throws ProtocolError", () => {
    const bodies = MESSAGES.flatMap(([message, versions]) => versions.map((version) => encodeMessage(message, version, 42)));
    fc.assert(
      fc.property(fc.constantFrom(...bodies), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), (bytes, changes) => {
        const changed = bytes.slice();
        for (const [at, value] of changes) if (at % changed.length > 3) changed[at % changed.length] = value;
        decodeOrProtocolError(changed);
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...VERSIONS), fc.nat(40), fc.uint8Array({ maxLength: 300 }), (version, type, body) => {
        const bytes = new Uint8Array(8 + body.length);
        new DataView(bytes.buffer).setUint32(0, (version << 24) | (type << 16) | bytes.length);
        bytes.set(body, 8);
        decodeOrProtocolError(bytes);
      }),
      { numRuns: 3000 },
    );
  });
});

function decodeOrProtocolError(bytes: Uint8Array): void {
  try {
    decodeMessage(bytes);
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
  }
}

describe("random flows", () => {
  test("a match reads back equal in every version", () => {
    fc.assert(
      fc.property(matchArbitrary, fc.constantFrom(...VERSIONS), (match, version) => {
        const flow = { ...parseFlow("actions=drop"), match };
        const { message } = decodeMessage(encodeMessage({ type: "flowMod", command: "add", flow }, version, 1));
        if (message.type !== "flowMod") throw new Error("no flow-mod");
        expect(formatMatch(message.flow.match)).toBe(formatMatch(match));
        expect(isSameMatch(message.flow.match, match)).toBe(true);
      }),
    );
  });

  test("a flow-mod reads back deep-equal in OpenFlow 1.4", () => {
    fc.assert(
      fc.property(flowArbitrary, fc.constantFrom("add", "modify", "modifyStrict"), (flow, command) => {
        const message = { type: "flowMod", command, flow } as const;
        expect(decodeMessage(encodeMessage(message, 5, 1)).message).toEqual(message);
      }),
    );
  });

  test("what was decoded encodes to the same bytes in every version", () => {
    fc.assert(
      fc.property(flowArbitrary, fc.constantFrom(...VERSIONS), (flow, version) => {
        const bytes = encodeMessage({ type: "flowMod", command: "add", flow }, version, 1);
        const { message } = decodeMessage(bytes);
        expect(toHex(encodeMessage(message, version, 1))).toBe(toHex(bytes));
      }),
    );
  });

  test("text reads back as it was written", () => {
    fc.assert(
      fc.property(matchArbitrary, instructionsArbitrary, (match, actions) => {
        expect(isSameMatch(parseMatch(formatMatch(match)), match)).toBe(true);
        expect(parseActions(formatActions(actions))).toEqual(actions);
      }),
    );
  });
});

/** OpenFlow 1.5 has one form for setting a field. */
function withoutForms<T>(value: T): T {
  if (ArrayBuffer.isView(value) || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutForms) as T;
  const entries = Object.entries(value).filter(([key]) => key !== "form");
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutForms(inner)])) as T;
}

describe("random groups", () => {
  test("a group-mod reads back deep-equal in OpenFlow 1.5", () => {
    fc.assert(
      fc.property(groupModArbitrary, (mod) => {
        const { message } = decodeMessage(encodeMessage(mod, 6, 1));
        expect(withoutForms(message)).toEqual(withoutForms(mod));
      }),
    );
  });

  test("what was decoded encodes to the same bytes in every version", () => {
    fc.assert(
      fc.property(groupModArbitrary, fc.constantFrom(...VERSIONS), (mod, version) => {
        const isBucketMod = mod.command === "insertBucket" || mod.command === "removeBucket";
        fc.pre(version === 1 || version === 6 || !isBucketMod);
        const bytes = encodeMessage(mod, version, 1);
        expect(toHex(encodeMessage(decodeMessage(bytes).message, version, 1))).toBe(toHex(bytes));
      }),
    );
  });

  test("text reads back as it was written", () => {
    fc.assert(
      fc.property(groupModArbitrary, ({ group }) => {
        expect(parseGroup(formatGroup(group)).group).toEqual(group);
      }),
    );
  });
});

describe("refusals", () => {
  const refused = (bytes: string): string | undefined => {
    try {
      decodeMessage(hex(bytes));
    } catch (error) {
      return error instanceof OpenFlowError ? error.errorName : "";
    }
    return undefined;
  };

  test.each([
    ["0463000800000001", "OFPBRC_BAD_TYPE"],
    ["0412001000000001004d000000000000", "OFPBRC_BAD_STAT"],
    ["04040010000000010000123400000001", "OFPBRC_BAD_VENDOR"],
    ["04040010000000010000232000009999", "OFPBRC_BAD_SUBTYPE"],
    ["0905000800000001", "OFPBRC_BAD_VERSION"],
    ["0405000900000001", "OFPBRC_BAD_LEN"],
    ["010400200000000400002320000000180000000000000000ffff0907000b0000", "NXTTMFC_BAD_OPT_LEN"],
    ["010400200000000400002320000000180000000000000000ffff090800400000", "NXTTMFC_BAD_FIELD_IDX"],
    ["010400200000000400002320000000180003000000000000ffff090800040000", "NXTTMFC_BAD_COMMAND"],
    ["041d0020000000020000000300000007000100100000000500000000000000ff", "OFPMMFC_BAD_FLAGS"],
    ["041d0020000000020000000100000000000100100000000500000000000000ff", "OFPMMFC_INVALID_METER"],
    ["041d0020000000020009000100000001000100100000000500000000000000ff", "OFPMMFC_BAD_COMMAND"],
    ["041d0020000000020000000100000001000900100000000500000000000000ff", "OFPMMFC_BAD_BAND"],
    ["040f0010000000060000020000000005", "OFPGMFC_INVALID_GROUP"],
    ["040f0010000000060007000000000005", "OFPGMFC_BAD_COMMAND"],
    ["040f0010000000060000090000000005", "OFPGMFC_BAD_TYPE"],
    ["040f00100000000600000000ffffff05", "OFPGMFC_INVALID_GROUP"],
  ])("%s is answered with %s", (bytes, name) => {
    expect(refused(bytes)).toBe(name);
  });

  test("a message that a version cannot say is refused by the encoder", () => {
    const open = { type: "bundleControl", bundleId: 1, kind: "openRequest", flags: 0 } as const;
    expect(() => encodeMessage(open, VERSION.OF10, 1)).toThrow("Cannot send this message: in OpenFlow 1.0 there are no bundles");
  });

  test("a match without its prerequisite is never encoded as a broader one", () => {
    const flow = parseFlow("tcp,tp_dst=80,actions=drop");
    const bare = { key: flow.match.key.slice(), mask: flow.match.mask.slice() };
    setField(bare.mask, FIELDS.eth_type, 0);
    setField(bare.key, FIELDS.eth_type, 0);
    expect(() => encodeMessage({ type: "flowMod", command: "add", flow: { ...flow, match: bare } }, 4, 1)).toThrow(
      "Cannot encode the match",
    );
  });
});

test("a long multipart reply is split, and only its last part says that it is", () => {
  const flows = Array.from({ length: 2000 }, (_, i) => ({ ...parseFlow(`priority=${i},tcp,actions=output:1`), ...STATS }));
  const frames = encodeMessages({ type: "multipartReply", reply: { kind: "flow", flows }, isLast: true }, 4, 9);
  expect(frames.length).toBeGreaterThan(2);
  const replies = frames.map((frame) => decodeMessage(frame).message);
  expect(replies.map((reply) => reply.type === "multipartReply" && reply.isLast)).toEqual([
    ...frames.slice(1).map(() => false),
    true,
  ]);
  const priorities = replies.flatMap((reply) =>
    reply.type === "multipartReply" && reply.reply.kind === "flow" ? reply.reply.flows : [],
  );
  expect(priorities.map(({ priority }) => priority)).toEqual(flows.map(({ priority }) => priority));
});
