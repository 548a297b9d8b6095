/** Messages that lay bare how each part of a message is printed, beside those of every kind. */
import {
  type FlowMod,
  type FlowRemovedReason,
  makeErrorMessage,
  type Message,
  type MultipartRequest,
  type PortDesc,
  parseActions,
  parseFlow,
  parseMatch,
  parseMeter,
  type Role,
  encodeMessage,
  type Version,
} from "@tenet/openflow";
import { VERSIONS } from "./sample-messages.ts";

type Sample = readonly [Message, readonly Version[]];

/** Those that can match on more than the fields of old. */
const WITH_REGISTERS: readonly Version[] = [1, 3, 4, 5, 6];
const SINCE_13: readonly Version[] = [4, 5, 6];
const SINCE_14: readonly Version[] = [5, 6];
const NOTHING = parseMatch("");
const FLOW = parseFlow(
  "table=3,priority=5,tcp,tp_dst=80,idle_timeout=3,hard_timeout=4,cookie=7,send_flow_rem,check_overlap,actions=output:1",
);
const BARE = parseFlow("reg0=5,in_port=LOCAL,no_packet_counts,no_byte_counts,reset_counts,actions=drop");
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, "hex"));

/** TCP, UDP behind a tag, ICMP, neighbour discovery, ARP, MPLS, a later fragment, SCTP, and what is cut short. */
const FRAMES: readonly Uint8Array[] = [
  "0a00000000010a00000000020800450000280000400040060000c0a80001c0a80002005000510000000100000002501000001234000000",
  "0a00000000010a0000000002810000650800450000380000400040110000c0a80001c0a8000200500051002400ab0000000000000000",
  "0a00000000010a00000000020800450000280000400040010000c0a80001c0a800020800ab1200000001000000250100000123400000",
  "0a00000000010a000000000286dd6000000000183afffe800000000000000000000000000001fe8000000000000000000000000000028700abcd00000000fe800000000000000000000000000002",
  "0a00000000010a00000000020806000108000604000100000000000a0a0000010000000000000a000002",
  "0a00000000010a00000000028847000651ff",
  "0a00000000010a00000000020800450000280000200040060000c0a80001c0a80002",
  "0a00000000010a00000000020800450000280000400040840000c0a80001c0a80002005000510000000011223344000000010000",
  "0a0000000001",
  "",
].map(hex);

const PORT: PortDesc = {
  port: 3,
  mac: 0x0a0000000001,
  name: "eth0",
  config: 1,
  state: 4,
  current: 0x2820,
  advertised: 1,
  supported: 0xffff,
  peer: 3,
  currentSpeed: 10_000_000,
  maxSpeed: 0,
};

function* flowMods(): Generator<Sample> {
  for (const command of ["add", "modify", "modifyStrict"] as const) {
    const cookieMask = command === "add" ? undefined : 0xffn;
    yield [{ type: "flowMod", command, flow: { ...FLOW, cookieMask, importance: 9 }, bufferId: 77 }, VERSIONS];
    yield [{ type: "flowMod", command, flow: BARE }, WITH_REGISTERS];
  }
  const deletion: FlowMod["flow"] = { ...parseFlow("ip", { purpose: "query" }), cookie: 5n, cookieMask: 7n, outPort: 3 };
  for (const command of ["delete", "deleteStrict"] as const) yield [{ type: "flowMod", command, flow: deletion }, VERSIONS];
  for (const message of [{ type: "flowMod", command: "add", flow: FLOW } as const, packetOut(FRAMES[0] ?? hex(""))]) {
    yield [{ type: "bundleAdd", bundleId: 0, flags: 1, xid: 42, message }, SINCE_13];
  }
  for (const reason of ["idle", "hard", "delete", "group", "meter", "eviction"] satisfies FlowRemovedReason[]) {
    const counters = { durationSec: 5, nPackets: 1n, nBytes: 0xffff_ffff_ffff_ffffn };
    yield [{ type: "flowRemoved", flow: { ...FLOW, cookie: 5n }, reason, ...counters }, VERSIONS];
  }
  const flow = { ...FLOW, match: NOTHING, actions: undefined, hardTimeout: 9 };
  const removed = { event: "removed", reason: "group", flow: { ...FLOW, actions: [] } } as const;
  const updates = [{ event: "added", flow } as const, removed];
  yield [{ type: "multipartReply", reply: { kind: "flowMonitor", updates }, isLast: true }, VERSIONS];
}

function packetOut(data: Uint8Array): Extract<Message, { type: "packetOut" }> {
  return { type: "packetOut", inPort: 5, actions: parseActions("output:3"), data };
}

function* packets(): Generator<Sample> {
  const match = parseMatch("in_port=1,tun_id=5");
  const fixed = { type: "packetIn", table: 0, match, cookie: 0n } as const;
  for (const data of FRAMES) {
    yield [packetOut(data), VERSIONS];
    yield [{ ...fixed, totalLength: data.length, reason: 1, data }, SINCE_13];
  }
  for (const reason of [0, 1, 2, 3, 4, 5]) yield [{ ...fixed, totalLength: 9, reason, table: 4, data: hex("00") }, VERSIONS];
  yield [{ ...fixed, totalLength: 0, reason: 1, data: hex(""), bufferId: 9, cookie: 0xffff_ffff_ffff_ffffn }, VERSIONS];
  yield [{ type: "resume", packet: { ...fixed, totalLength: 1, reason: 1, data: hex("00"), format: "nxt2" } }, VERSIONS];
}

function* requests(): Generator<Sample> {
  const ask = (request: MultipartRequest, versions = VERSIONS): Sample => [
    { type: "multipartRequest", request, isLast: true },
    versions,
  ];
  const everything = { table: 255, match: NOTHING, cookie: 0n, cookieMask: 0n };
  for (const kind of ["flow", "aggregate"] as const) {
    yield ask({ kind, ...everything });
    yield ask(
      { kind, ...everything, table: 3, cookie: 5n, cookieMask: 7n, outPort: 5, match: parseMatch("reg0=1") },
      WITH_REGISTERS,
    );
  }
  for (const kind of ["desc", "table"] as const) yield ask({ kind });
  yield ask({ kind: "tableFeatures" }, SINCE_13);
  for (const port of [0xffff, 5, 0xfffe]) {
    yield ask({ kind: "port", port });
    yield ask({ kind: "portDesc", port });
    yield ask({ kind: "queueDesc", port, queue: 0xffff_ffff }, SINCE_14);
  }
  yield ask({ kind: "flowMonitor", requests: [{ id: 1, command: "modify", flags: 2, table: 255, match: NOTHING }] }, SINCE_14);
}

function* replies(): Generator<Sample> {
  const none = { flows: [], ports: [], queues: [], groups: [], meters: [], updates: [] };
  for (const kind of ["flow", "port", "queue", "group", "groupDesc", "flowMonitor"] as const) {
    yield [{ type: "multipartReply", reply: { kind, ...none }, isLast: true }, VERSIONS];
  }
  const tables = [1, 2, 3, 4, 5, 6].map((table) => {
    const name = table === 3 ? "x" : "classifier";
    return { table, name, maxEntries: 1_000_000, nActive: table === 4 ? 1 : 0, nLookups: 0n, nMatched: 0n };
  });
  yield [{ type: "multipartReply", reply: { kind: "table", tables }, isLast: true }, VERSIONS];
  const desc = { table: 1, config: 0, evictionFlags: 0, vacancy: { downPercent: 0, upPercent: 0 }, vacantPercent: 0 };
  const descs = [desc, { ...desc, table: 2, config: 4, evictionFlags: 2 }];
  yield [{ type: "multipartReply", reply: { kind: "tableDesc", tables: descs }, isLast: true }, SINCE_14];
  const queues = [
    { port: 3, queue: 1, minRate: 1001, maxRate: 5 },
    { port: 4, queue: 2 },
  ];
  yield [{ type: "multipartReply", reply: { kind: "queueDesc", queues }, isLast: true }, SINCE_14];
}

function* others(): Generator<Sample> {
  yield [
    { type: "error", errorType: 3, code: 1, data: encodeMessage({ type: "flowMod", command: "add", flow: FLOW }, 4, 9) },
    VERSIONS,
  ];
  yield [{ type: "error", errorType: 99, code: 77, data: hex("") }, VERSIONS];
  yield [{ type: "error", errorType: 1, code: 1, data: hex("") }, VERSIONS];
  for (const data of [Buffer.from('one "line"\nand \\ another'), hex("")]) {
    yield [makeErrorMessage("OFPHFC_INCOMPATIBLE", 4, data), VERSIONS];
    yield [{ type: "echoRequest", data }, VERSIONS];
  }
  const features = {
    type: "featuresReply",
    datapathId: 77n,
    nBuffers: 256,
    nTables: 254,
    auxiliaryId: 0,
    actions: 0xfff,
  } as const;
  const ports = [PORT, { ...PORT, port: 0xfffe, name: "br 0", config: 0x7f, state: 1, current: 0 }];
  yield [{ ...features, capabilities: 0xffff, ports }, VERSIONS];
  yield [{ ...features, capabilities: 0, ports: [] }, VERSIONS];
  yield [{ ...features, capabilities: 1, auxiliaryId: 3, ports: [] }, SINCE_13];
  for (const flags of [0, 1, 2, 3]) yield [{ type: "getConfigReply", flags, missSendLength: 0 }, VERSIONS];
  yield [{ type: "setConfig", flags: 7, missSendLength: 65535 }, [1]];
  for (const reason of ["add", "delete"] as const) yield [{ type: "portStatus", reason, port: PORT }, VERSIONS];
  yield [{ type: "portMod", port: 3, mac: 5, config: 0x7f, mask: 0x7f, advertise: 0x20 }, VERSIONS];
  for (const role of ["equal", "master", "slave"] satisfies Role[]) {
    yield [{ type: "roleRequest", role, generationId: 5n }, VERSIONS];
    yield [{ type: "roleReply", role, generationId: 0xffff_ffff_ffff_ffffn }, VERSIONS];
  }
  yield [{ type: "roleRequest", role: "noChange", generationId: 5n }, SINCE_13];
  for (const kind of ["openRequest", "closeReply"] as const) {
    yield [{ type: "bundleControl", bundleId: 5, flags: 0, kind }, SINCE_13];
  }
  const meter = parseMeter("meter=1,pktps,bands=type=drop,rate=5");
  yield [{ type: "requestForward", message: meter, xid: 9 }, SINCE_13];
  const mapping = { optionClass: 1, optionType: 2, sizeBytes: 8, index: 3 };
  yield [{ type: "tlvTableMod", command: "delete", mappings: [mapping] }, VERSIONS];
  yield [{ type: "tlvTableReply", maxSpaceBytes: 256, maxFields: 64, mappings: [] }, VERSIONS];
  yield [{ type: "flowModTableId", isOn: false }, VERSIONS];
  for (const format of ["standard", "nxt"] as const) yield [{ type: "setPacketInFormat", format }, VERSIONS];
  yield [{ type: "setFlowFormat", format: "openflow10" }, [1]];
  yield [{ type: "tableMod", table: 3, config: 4, evictionFlags: 1 }, SINCE_13];
  yield [{ type: "tableMod", table: 3, config: 8, vacancy: { downPercent: 1, upPercent: 2 } }, SINCE_13];
  const address = hex("00000000000000000000ffff0a000001");
  yield [{ type: "ctFlush", zone: 3, protocol: 6, original: { src: address, dstPort: 5 }, reply: {} }, VERSIONS];
  yield [{ type: "ctFlush", protocol: 17, original: {}, reply: { dst: address } }, VERSIONS];
  const masks = { packetIn: [63, 0], portStatus: [7, 1], flowRemoved: [63, 2] } as const;
  const more = { roleStatus: [7, 1], tableStatus: [24, 8], requestForward: [3, 1] } as const;
  yield [{ type: "setAsync", ...masks, ...more }, SINCE_14];
  yield [{ type: "setAsync", packetIn: [0xff, 0], portStatus: [0xff, 1], flowRemoved: [0xff, 2] }, [1, 4]];
}

/** Messages, and the versions that have them. */
export const MORE_MESSAGES: readonly Sample[] = [...flowMods(), ...packets(), ...requests(), ...replies(), ...others()];
