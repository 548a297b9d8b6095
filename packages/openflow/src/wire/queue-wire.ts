/**
 * Queues, what they are and what they counted, in the layouts of each version.
 *
 * @see OpenFlow 1.5.1, section 7.3.5.15; 1.0.0, section 5.3.5
 */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import { type QueueDesc, type QueueStatsEntry, VERSION } from "../message.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { readPort, writePort } from "./port-number.ts";
import { splitSeconds } from "../split-seconds.ts";
import { properties, readSeconds } from "./port-wire.ts";

/** After the port, which has two bytes of padding in OpenFlow 1.0. */
const counters = defineStruct({ queue: "u32", nBytes: "u64", nPackets: "u64", nErrors: "u64" });
const UNKNOWN = 0xffff_ffff_ffff_ffffn;
const UNKNOWN_TIME = 0xffff_ffff;
/** Of an entry of OpenFlow 1.4 and later, without properties: length and padding, port, counters, duration. */
const SIZE_14 = 8 + 4 + counters.size + 8;

/** One entry of a reply. */
export function encodeQueueStats(stats: QueueStatsEntry, version: number): Uint8Array {
  const writer = new ByteWriter(SIZE_14);
  if (version >= 5) writer.u16(SIZE_14).zeros(6);
  writePort(writer, stats.port, version);
  if (version === 1) writer.zeros(2);
  const { queue, nBytes, nPackets, nErrors, durationSec } = stats;
  const raw = (counter: bigint): bigint => (counter < 0n ? UNKNOWN : counter);
  writer.struct(counters, { queue, nBytes: raw(nBytes), nPackets: raw(nPackets), nErrors: raw(nErrors) });
  if (version < VERSION.OF13) return writer.toBytes();
  const [seconds, nanoseconds] = durationSec === undefined ? [UNKNOWN_TIME, UNKNOWN_TIME] : splitSeconds(durationSec);
  return writer.u32(seconds).u32(nanoseconds).toBytes();
}

/** Reads one entry of a reply. @throws OpenFlowError, TruncatedError */
export function readQueueStats(reader: ByteReader, version: number): QueueStatsEntry {
  if (version < 5) return readEntry(reader, version);
  const { at } = reader;
  const length = reader.peekU16();
  if (length < SIZE_14) throw new OpenFlowError("OFPBRC_BAD_LEN", `A queue cannot have ${length} bytes`, { details: { at } });
  const body = reader.sub(length);
  body.skip(8);
  return readEntry(body, version);
}

function readEntry(reader: ByteReader, version: number): QueueStatsEntry {
  const port = readPort(reader, version);
  if (version === 1) reader.skip(2);
  const raw = reader.struct(counters);
  const known = (counter: bigint): bigint => (counter === UNKNOWN ? -1n : counter);
  const fixed = {
    port,
    queue: raw.queue,
    nBytes: known(raw.nBytes),
    nPackets: known(raw.nPackets),
    nErrors: known(raw.nErrors),
  };
  if (version < VERSION.OF13) return fixed;
  const durationSec = readSeconds(reader);
  return durationSec > UNKNOWN_TIME ? fixed : { ...fixed, durationSec };
}

const MIN_RATE = 1;
const MAX_RATE = 2;

/** One entry of a reply of OpenFlow 1.4 and later: port, queue, length and padding, properties. */
export function encodeQueueDesc(desc: QueueDesc, version: number): Uint8Array {
  const writer = new ByteWriter(32);
  writePort(writer, desc.port, version);
  writer.u32(desc.queue).u16(0).zeros(6);
  for (const [type, rate] of ratesOf(desc)) writer.u16(type).u16(8).u16(rate).zeros(2);
  writer.patchU16(8, writer.length);
  return writer.toBytes();
}

/** Reads one entry of a reply of OpenFlow 1.4 and later. @throws OpenFlowError, TruncatedError */
export function readQueueDesc(reader: ByteReader, version: number): QueueDesc {
  const { at } = reader;
  const port = readPort(reader, version);
  const queue = reader.u32();
  const length = reader.u16();
  if (length < 16) throw new OpenFlowError("OFPBRC_BAD_LEN", `A queue cannot have ${length} bytes`, { details: { at } });
  const body = reader.sub(length - 10);
  body.skip(6);
  return withRates({ port, queue }, body, 0);
}

/** The reply about a port's queues before OpenFlow 1.4. */
export function encodeQueueConfig(port: number, queues: readonly QueueDesc[], version: number): Uint8Array {
  const writer = new ByteWriter(64);
  writePort(writer, port, version);
  writer.zeros(version === 1 ? 6 : 4);
  for (const desc of queues) {
    const start = writer.length;
    writer.u32(desc.queue);
    if (version >= VERSION.OF12) writePort(writer, desc.port, version);
    const lengthAt = writer.length;
    writer.u16(0).zeros(version < VERSION.OF12 ? 2 : 6);
    for (const [type, rate] of ratesOf(desc)) writer.u16(type).u16(16).zeros(4).u16(rate).zeros(6);
    writer.patchU16(lengthAt, writer.length - start);
  }
  return writer.toBytes();
}

/** Reads the reply about a port's queues before OpenFlow 1.4. @throws OpenFlowError, TruncatedError */
export function decodeQueueConfig(reader: ByteReader, version: number): { port: number; queues: QueueDesc[] } {
  const port = readPort(reader, version);
  reader.skip(version === 1 ? 6 : 4);
  const queues: QueueDesc[] = [];
  while (reader.remaining > 0) {
    const { at } = reader;
    const queue = reader.u32();
    if (version >= VERSION.OF12) reader.skip(4);
    const headSize = version < VERSION.OF12 ? 8 : 16;
    const length = reader.u16();
    if (length < headSize) throw new OpenFlowError("OFPBRC_BAD_LEN", `A queue cannot have ${length} bytes`, { details: { at } });
    reader.skip(version < VERSION.OF12 ? 2 : 6);
    queues.push(withRates({ port, queue }, reader.sub(length - headSize), 4));
  }
  return { port, queues };
}

function ratesOf({ minRate, maxRate }: QueueDesc): (readonly [type: number, rate: number])[] {
  return [
    ...(minRate === undefined ? [] : [[MIN_RATE, minRate] as const]),
    ...(maxRate === undefined ? [] : [[MAX_RATE, maxRate] as const]),
  ];
}

/** @param padding - bytes of each property before its rate */
function withRates(desc: QueueDesc, body: ByteReader, padding: number): QueueDesc {
  const rates: { minRate?: number; maxRate?: number } = {};
  for (const { type, value } of properties(body)) {
    value.skip(padding);
    if (type === MIN_RATE) rates.minRate = value.u16();
    else if (type === MAX_RATE) rates.maxRate = value.u16();
  }
  return { ...desc, ...rates };
}
