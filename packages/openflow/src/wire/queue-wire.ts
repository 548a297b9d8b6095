/**
 * Counters of queues in the layouts of each version.
 *
 * @see OpenFlow 1.5.1, section 7.3.5.15; 1.0.0, section 5.3.5
 */
import { type ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import type { QueueStatsEntry } from "../message.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { readPort, writePort } from "./port-number.ts";
import { readSeconds, splitSeconds } from "./port-wire.ts";

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
  if (version === 1) return writer.toBytes();
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
  if (version === 1) return fixed;
  const durationSec = readSeconds(reader);
  return durationSec > UNKNOWN_TIME ? fixed : { ...fixed, durationSec };
}
