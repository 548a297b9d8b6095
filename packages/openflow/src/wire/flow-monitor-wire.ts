/**
 * Flow monitors in their three forms: Nicira's of OpenFlow 1.0 to 1.2, the ONF's of 1.3, and that of 1.4 and later.
 *
 * @see OpenFlow 1.5.1, section 7.3.5.17
 */
import { type ByteReader, ByteWriter } from "@tenet/wire";
import { PORT } from "../action.ts";
import { VERSION } from "../message.ts";
import { type FlowMonitorRequest, type FlowUpdate, MONITOR_FLAG, type MonitoredFlow } from "../flow-monitor.ts";
import { GROUP } from "../group.ts";
import { decodeActions, decodeInstructions } from "./decode-actions.ts";
import { encodeInstructions, encodePlainActions } from "./encode-instructions.ts";
import { REASONS } from "./flow-removed-wire.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { decodeFields, encodeNxm, readMatch, writeMatch } from "./oxm.ts";
import { readPort, writePort } from "./port-number.ts";

const FIRST_STANDARD_VERSION = 5;
const COMMANDS = ["add", "modify", "delete"] as const;
/** In the order of their numbers. */
const EVENTS = ["added", "removed", "modified", "abbreviated"] as const;
const EVENTS_14 = ["initial", "added", "removed", "modified", "abbreviated", "paused", "resumed"] as const;
const ALL_FLAGS = 0x3f;
/** OpenFlow 1.4 says in two bits what others say in one: own changes not abbreviated, and only those. */
const OWN_14 = 0x60;
const ONLY_OWN_14 = 0x40;

/** One request. */
export function encodeFlowMonitorRequest(request: FlowMonitorRequest, version: number): Uint8Array {
  const { id, flags, table, match, outPort = PORT.NONE, outGroup = GROUP.ANY } = request;
  const writer = new ByteWriter(64).u32(id);
  if (version >= FIRST_STANDARD_VERSION) {
    writePort(writer, outPort, version);
    const own = (flags & MONITOR_FLAG.OWN) === 0 ? 0 : ONLY_OWN_14;
    writer
      .u32(outGroup)
      .u16((flags & ~MONITOR_FLAG.OWN) | own)
      .u8(table)
      .u8(COMMANDS.indexOf(request.command));
    writeMatch(writer, match, version);
    return writer.toBytes();
  }
  const { bytes, length } = encodeMatch(match, version);
  writer.u16(flags);
  if (version < VERSION.OF13) writer.u16(outPort).u16(length).u8(table).zeros(5).bytes(bytes);
  else {
    writer.u16(length);
    writePort(writer, outPort, version);
    writer.u8(table).zeros(3).bytes(bytes);
  }
  writer.align(8);
  return writer.toBytes();
}

/** Reads one request. @throws OpenFlowError, TruncatedError */
export function readFlowMonitorRequest(reader: ByteReader, version: number): FlowMonitorRequest {
  const { at } = reader;
  const id = reader.u32();
  if (version >= FIRST_STANDARD_VERSION) return readRequest14(reader, version, id);
  const flags = reader.u16();
  const isNicira = version < VERSION.OF13;
  const narrowPort = isNicira ? reader.u16() : undefined;
  const matchLength = reader.u16();
  const outPort = narrowPort ?? readPort(reader, version);
  const table = reader.u8();
  reader.skip(isNicira ? 5 : 3);
  if ((flags & ~ALL_FLAGS) !== 0 || (flags & (MONITOR_FLAG.ADD | MONITOR_FLAG.DELETE | MONITOR_FLAG.MODIFY)) === 0) {
    throw new OpenFlowError("OFPMOFC_BAD_FLAGS", `A monitor cannot have the flags ${flags}`, { details: { at } });
  }
  const match = isNicira ? decodeFields(reader.sub(matchLength)).match : readMatch(reader);
  reader.align(8);
  return { id, command: "add", flags, table, match, ...(outPort === PORT.NONE ? {} : { outPort }) };
}

function readRequest14(reader: ByteReader, version: number, id: number): FlowMonitorRequest {
  const { at } = reader;
  const outPort = readPort(reader, version);
  const outGroup = reader.u32();
  const given = reader.u16();
  const table = reader.u8();
  const number = reader.u8();
  const command = COMMANDS[number];
  if (command === undefined) {
    throw new OpenFlowError("OFPMOFC_BAD_COMMAND", `Monitor command ${number} is not known`, { details: { at } });
  }
  if ((given & ~(ALL_FLAGS | OWN_14)) !== 0) {
    throw new OpenFlowError("OFPMOFC_BAD_FLAGS", `A monitor cannot have the flags ${given}`, { details: { at } });
  }
  const flags = (given & ~OWN_14) | ((given & OWN_14) === 0 ? 0 : MONITOR_FLAG.OWN);
  return {
    id,
    command,
    flags,
    table,
    match: readMatch(reader),
    ...(outPort === PORT.NONE ? {} : { outPort }),
    ...(outGroup === GROUP.ANY ? {} : { outGroup }),
  };
}

/** Entries of a reply, which share one buffer. */
export function encodeFlowUpdates(updates: readonly FlowUpdate[], version: number): Uint8Array[] {
  const writer = ByteWriter.borrow();
  const ends = updates.map((update) => {
    writeFlowUpdate(writer, update, version);
    return writer.length;
  });
  const bytes = writer.giveBack();
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end));
}

/** Writes an entry, whose length is a multiple of 8. */
function writeFlowUpdate(writer: ByteWriter, update: FlowUpdate, version: number): void {
  const start = writer.length;
  writer.u16(0);
  const is14 = version >= FIRST_STANDARD_VERSION;
  // Before OpenFlow 1.4 the flows that are there come as if they were added.
  const event = !is14 && update.event === "initial" ? "added" : update.event;
  writer.u16((is14 ? EVENTS_14 : EVENTS).indexOf(event as "added"));
  if (update.event === "abbreviated") writer.u32(update.xid);
  else if (update.event === "paused" || update.event === "resumed") writer.zeros(4);
  else {
    const reason = update.event === "removed" ? REASONS.indexOf(update.reason) : 0;
    if (is14) writeFull14(writer, update.flow, reason, version);
    else writeFull(writer, update.flow, reason, version);
  }
  writer.patchU16(start, writer.length - start);
}

function writeFull(writer: ByteWriter, flow: MonitoredFlow, reason: number, version: number): void {
  const { priority, idleTimeout, hardTimeout, table, cookie, match, actions } = flow;
  const { bytes, length } = encodeMatch(match, version);
  writer.u16(reason).u16(priority).u16(idleTimeout).u16(hardTimeout).u16(length);
  writer.u8(table).zeros(1).u64(cookie).bytes(bytes).align(8);
  if (actions === undefined) return;
  writer.bytes(
    version < VERSION.OF13 ? encodePlainActions(actions, version, match) : encodeInstructions(actions, version, match),
  );
}

function writeFull14(writer: ByteWriter, flow: MonitoredFlow, reason: number, version: number): void {
  const { priority, idleTimeout, hardTimeout, table, cookie, match, actions } = flow;
  writer.u8(table).u8(reason).u16(idleTimeout).u16(hardTimeout).u16(priority).zeros(4).u64(cookie);
  writeMatch(writer, match, version);
  if (actions !== undefined) writer.bytes(encodeInstructions(actions, version, match));
}

/** Reads one entry of a reply. @throws OpenFlowError, TruncatedError */
export function readFlowUpdate(reader: ByteReader, version: number): FlowUpdate {
  const { at } = reader;
  const length = reader.u16();
  if (length < 8 || length % 8 !== 0) {
    throw new OpenFlowError("OFPBRC_BAD_LEN", `A flow update cannot have ${length} bytes`, { details: { at } });
  }
  const body = reader.sub(length - 2);
  const number = body.u16();
  const event = (version >= FIRST_STANDARD_VERSION ? EVENTS_14 : EVENTS)[number];
  if (event === undefined) {
    throw new OpenFlowError("NXBRC_FM_BAD_EVENT", `Flow update event ${number} is not known`, { details: { at } });
  }
  if (event === "abbreviated") return { event, xid: body.u32() };
  if (event === "paused" || event === "resumed") return { event };
  const { flow, reason: code } = version >= FIRST_STANDARD_VERSION ? readFull14(body, version) : readFull(body, version);
  if (event !== "removed") return { event, flow };
  const reason = REASONS[code];
  if (reason !== undefined) return { event, reason, flow };
  throw new OpenFlowError("NXBRC_BAD_REASON", `Flows are not removed for reason ${code}`, { details: { at } });
}

interface Full {
  readonly flow: MonitoredFlow;
  readonly reason: number;
}

function readFull(body: ByteReader, version: number): Full {
  const [reason, priority, idleTimeout, hardTimeout] = [body.u16(), body.u16(), body.u16(), body.u16()];
  const matchLength = body.u16();
  const table = body.u8();
  body.skip(1);
  const cookie = body.u64();
  const match = version < VERSION.OF13 ? decodeFields(body.sub(matchLength)).match : readMatch(body);
  if (version < VERSION.OF13) body.skip((8 - (matchLength % 8)) % 8);
  return {
    reason,
    flow: { table, priority, cookie, match, idleTimeout, hardTimeout, actions: readActions(body, version, match) },
  };
}

function readFull14(body: ByteReader, version: number): Full {
  const [table, reason] = [body.u8(), body.u8()];
  const [idleTimeout, hardTimeout, priority] = [body.u16(), body.u16(), body.u16()];
  body.skip(4);
  const cookie = body.u64();
  const match = readMatch(body);
  return {
    reason,
    flow: { table, priority, cookie, match, idleTimeout, hardTimeout, actions: readActions(body, version, match) },
  };
}

/** A monitor without actions, and a flow that drops, look the same. */
function readActions(body: ByteReader, version: number, match: MonitoredFlow["match"]): MonitoredFlow["actions"] {
  return version < VERSION.OF13 ? decodeActions(body, version, match) : decodeInstructions(body, version, match);
}

/** A match and its length, which does not count the padding that an ofp_match brings along. */
function encodeMatch(match: MonitoredFlow["match"], version: number): { readonly bytes: Uint8Array; readonly length: number } {
  if (version < VERSION.OF13) {
    const bytes = encodeNxm(match);
    return { bytes, length: bytes.length };
  }
  const writer = new ByteWriter(64);
  writeMatch(writer, match, version);
  const bytes = writer.toBytes();
  return { bytes, length: new DataView(bytes.buffer, bytes.byteOffset).getUint16(2) };
}
