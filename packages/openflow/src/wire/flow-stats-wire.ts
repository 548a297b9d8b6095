/** Flow statistics: queries and entries, in the layouts of each version and of Nicira's form for OpenFlow 1.0. */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import { PORT } from "../action.ts";
import type { FlowStats } from "../flow-spec.ts";
import { type FlowQuery, VERSION } from "../message.ts";
import { decodeInstructions } from "./decode-actions.ts";
import { encodeInstructions } from "./encode-instructions.ts";
import { isOf10Match, readOf10Match, writeOf10Match } from "./of10-match.ts";
import { checkOf11 } from "./of11-match.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { decodeFields, encodeNxm, readMatch, writeMatch } from "./oxm.ts";
import { encodeOxs, readOxs } from "./oxs.ts";
import { narrowPort, widenPort } from "./port-number.ts";
import { splitSeconds } from "../split-seconds.ts";

const ANY_GROUP = 0xffff_ffff;

/** ofp_flow_stats_request, OpenFlow 1.3.5 section 7.3.5.2; the match follows. */
const query13 = defineStruct({
  table: "u8",
  pad1: "pad:3",
  outPort: "u32",
  outGroup: "u32",
  pad2: "pad:4",
  cookie: "u64",
  cookieMask: "u64",
});

/** Writes a query in the standard form (OpenFlow 1.0: without cookie). */
export function writeFlowQuery(writer: ByteWriter, query: FlowQuery, version: number): void {
  const outPort = query.outPort ?? PORT.NONE;
  if (version === 1) {
    writeOf10Match(writer, query.match);
    writer.u8(query.table).zeros(1).u16(outPort);
    return;
  }
  if (version === VERSION.OF11) checkOf11(query.match);
  writer.struct(query13, { ...query, outPort: widenPort(outPort), outGroup: query.outGroup ?? ANY_GROUP });
  writeMatch(writer, query.match, version);
}

/** Whether OpenFlow 1.0's own query can say this one. */
export function isOf10Query(query: FlowQuery): boolean {
  return query.cookieMask === 0n && isOf10Match(query.match);
}

/** Reads a query. @throws OpenFlowError, TruncatedError */
export function readFlowQuery(reader: ByteReader, version: number): FlowQuery {
  if (version === 1) {
    const match = readOf10Match(reader);
    const table = reader.u8();
    reader.skip(1);
    return queryOf({ table, match, cookie: 0n, cookieMask: 0n }, reader.u16(), ANY_GROUP);
  }
  const { at } = reader;
  const { table, outPort, outGroup, cookie, cookieMask } = reader.struct(query13);
  const match = readMatch(reader);
  const port = narrowPort(outPort);
  if (port === undefined)
    throw new OpenFlowError("OFPBAC_BAD_OUT_PORT", `No port can have the number ${outPort}`, { details: { at } });
  return queryOf({ table, match, cookie, cookieMask }, port, outGroup);
}

/** Writes the body of NXST_FLOW and NXST_AGGREGATE requests. */
export function writeNiciraFlowQuery(writer: ByteWriter, asked: FlowQuery): void {
  const fields = encodeNxm(asked.match, { cookie: asked.cookie, mask: asked.cookieMask });
  writer
    .u16(asked.outPort ?? PORT.NONE)
    .u16(fields.length)
    .u8(asked.table)
    .zeros(3)
    .bytes(fields)
    .align(8, writer.length - fields.length);
}

/** Reads the body of NXST_FLOW and NXST_AGGREGATE requests. @throws OpenFlowError, TruncatedError */
export function readNiciraFlowQuery(reader: ByteReader): FlowQuery {
  const outPort = reader.u16();
  const length = reader.u16();
  const table = reader.u8();
  reader.skip(3);
  const { match, cookie } = decodeFields(reader.sub(length));
  return queryOf({ table, match, cookie: cookie?.cookie ?? 0n, cookieMask: cookie?.mask ?? 0n }, outPort, ANY_GROUP);
}

function queryOf(base: Omit<FlowQuery, "outPort" | "outGroup">, outPort: number, outGroup: number): FlowQuery {
  return {
    ...base,
    ...(outPort === PORT.NONE ? {} : { outPort }),
    ...(outGroup === ANY_GROUP ? {} : { outGroup }),
  };
}

/** nx_flow_stats; NXM fields and actions follow. Ages are one more than seconds, 0 = unknown. */
const statsNx = defineStruct({
  length: "u16",
  table: "u8",
  pad1: "pad:1",
  seconds: "u32",
  nanoseconds: "u32",
  priority: "u16",
  idleTimeout: "u16",
  hardTimeout: "u16",
  matchLength: "u16",
  idleAge: "u16",
  hardAge: "u16",
  cookie: "u64",
  nPackets: "u64",
  nBytes: "u64",
});

/** ofp_flow_stats of OpenFlow 1.0 after length, table, padding and match. */
const stats10 = defineStruct({
  seconds: "u32",
  nanoseconds: "u32",
  priority: "u16",
  idleTimeout: "u16",
  hardTimeout: "u16",
  pad: "pad:6",
  cookie: "u64",
  nPackets: "u64",
  nBytes: "u64",
});

/** ofp_flow_stats, OpenFlow 1.3.5 and 1.4.1; `importance` is padding before 1.4, as `flags` are before 1.3. Match and instructions follow. */
const stats13 = defineStruct({
  length: "u16",
  table: "u8",
  pad1: "pad:1",
  seconds: "u32",
  nanoseconds: "u32",
  priority: "u16",
  idleTimeout: "u16",
  hardTimeout: "u16",
  flags: "u16",
  importance: "u16",
  pad2: "pad:2",
  cookie: "u64",
  nPackets: "u64",
  nBytes: "u64",
});

/** ofp_flow_desc, OpenFlow 1.5.1 section 7.3.5.3. Match, statistics and instructions follow. */
const stats15 = defineStruct({
  length: "u16",
  pad1: "pad:2",
  table: "u8",
  pad2: "pad:1",
  priority: "u16",
  idleTimeout: "u16",
  hardTimeout: "u16",
  flags: "u16",
  importance: "u16",
  cookie: "u64",
});

/** How an entry of flow statistics is laid out. */
export type FlowStatsForm = "standard" | "nicira";

/** Entries, which share one buffer. */
export function encodeFlowStats(flows: readonly FlowStats[], version: number, form: FlowStatsForm): Uint8Array[] {
  const writer = ByteWriter.borrow();
  const ends = flows.map((flow) => {
    writeFlowStats(writer, flow, version, form);
    return writer.length;
  });
  const bytes = writer.giveBack();
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

function writeFlowStats(writer: ByteWriter, flow: FlowStats, version: number, form: FlowStatsForm): void {
  const start = writer.length;
  const fixed = fixedPart(flow, version);
  if (version >= 6) {
    writer.struct(stats15, fixed);
    writeMatch(writer, flow.match, version);
    writer.bytes(encodeOxs(flow));
  } else if (version > 1) {
    writer.struct(stats13, fixed);
    writeMatch(writer, flow.match, version);
  } else if (form === "standard") {
    writer.u16(0).u8(flow.table).zeros(1);
    writeOf10Match(writer, flow.match);
    writer.struct(stats10, fixed);
  } else {
    const fields = encodeNxm(flow.match);
    fixed.matchLength = fields.length;
    writer.struct(statsNx, fixed).bytes(fields);
    writer.align(8, start);
  }
  writer.bytes(encodeInstructions(flow.actions, version, flow.match));
  writer.patchU16(start, writer.length - start);
}

/** What the layouts have before or after the match; each takes what it knows. The length is written when it is known. */
function fixedPart(flow: FlowStats, version: number) {
  const [seconds, nanoseconds] = splitSeconds(flow.durationSec);
  return {
    length: 0,
    matchLength: 0,
    table: flow.table,
    seconds,
    nanoseconds,
    priority: flow.priority,
    idleTimeout: flow.idleTimeout,
    hardTimeout: flow.hardTimeout,
    flags: version >= VERSION.OF13 ? flow.flags : 0,
    importance: version >= 5 ? flow.importance : 0,
    idleAge: toAge(flow.idleAge),
    hardAge: toAge(flow.hardAge),
    cookie: flow.cookie,
    nPackets: flow.nPackets,
    nBytes: flow.nBytes,
  };
}

/** Reads one entry. @throws OpenFlowError, TruncatedError */
export function readFlowStats(reader: ByteReader, version: number, form: FlowStatsForm): FlowStats {
  const { at } = reader;
  const length = reader.peekU16();
  if (length < 32 || length > reader.remaining) {
    throw new OpenFlowError("OFPBRC_BAD_LEN", `A flow cannot have ${length} bytes here`, { details: { at } });
  }
  const body = reader.sub(length);
  if (version >= 6) return readStats15(body, version);
  if (version > 1) {
    const fixed = body.struct(stats13);
    const match = readMatch(body);
    const flags = version >= VERSION.OF13 ? fixed.flags : 0;
    const importance = version >= VERSION.OF14 ? fixed.importance : 0;
    return finish({ ...fixed, flags, importance }, match, body, version, {});
  }
  if (form === "standard") {
    body.skip(2);
    const table = body.u8();
    body.skip(1);
    const match = readOf10Match(body);
    return finish({ ...body.struct(stats10), table, flags: 0, importance: 0 }, match, body, version, {});
  }
  const fixed = body.struct(statsNx);
  const { match } = decodeFields(body.sub(fixed.matchLength));
  body.align(8);
  return finish({ ...fixed, flags: 0, importance: 0 }, match, body, version, {
    ...(fixed.idleAge === 0 ? {} : { idleAge: fixed.idleAge - 1 }),
    ...(fixed.hardAge === 0 ? {} : { hardAge: fixed.hardAge - 1 }),
  });
}

function readStats15(body: ByteReader, version: number): FlowStats {
  const fixed = body.struct(stats15);
  const match = readMatch(body);
  const { idleAge, durationSec, nPackets, nBytes } = readOxs(body);
  const [seconds, nanoseconds] = splitSeconds(durationSec);
  const ages = idleAge === undefined ? {} : { idleAge };
  return finish({ ...fixed, seconds, nanoseconds, nPackets, nBytes }, match, body, version, ages);
}

type Fixed = Pick<
  FlowStats,
  "table" | "priority" | "idleTimeout" | "hardTimeout" | "flags" | "importance" | "cookie" | "nPackets" | "nBytes"
> & { readonly seconds: number; readonly nanoseconds: number };

function finish(
  fixed: Fixed,
  match: FlowStats["match"],
  rest: ByteReader,
  version: number,
  ages: { readonly idleAge?: number; readonly hardAge?: number },
): FlowStats {
  const { table, priority, idleTimeout, hardTimeout, flags, importance, cookie, nPackets, nBytes } = fixed;
  return {
    table,
    priority,
    cookie,
    match,
    actions: decodeInstructions(rest, version, match),
    idleTimeout,
    hardTimeout,
    flags,
    importance,
    durationSec: fixed.seconds + fixed.nanoseconds / 1e9,
    nPackets,
    nBytes,
    ...ages,
  };
}

function toAge(seconds: number | undefined): number {
  return seconds === undefined ? 0 : Math.min(0xffff, seconds + 1);
}
