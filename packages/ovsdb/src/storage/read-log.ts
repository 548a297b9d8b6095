/**
 * Reads the log of a standalone database: its records up to the first that is damaged.
 *
 * @see ovsdb(5), section "Standalone Format"
 */
import { IoError, type Json, messageOf } from "@tenet/kit";
import { parseExact } from "../model/exact-json.ts";
import { type LogFs, systemFs } from "./log-fs.ts";
import { NotALogError } from "./not-a-log-error.ts";
import { type ScannedRecord, scanRecord } from "./record-scan.ts";
import { sha1Hex } from "./sha1.ts";

/** A record's place and hash. */
export interface PlacedRecord {
  /** Byte offset of its header. */
  readonly at: number;
  /** 40 hex digits. */
  readonly sha1: string;
}

/** One record as it was read. */
export interface LogRecord extends PlacedRecord {
  readonly json: Json;
  /** Of a large record its rows, each parsed when it is visited; `json` is `null` then. */
  readonly scanned: ScannedRecord | undefined;
}

/** What is in a log. */
export interface LogContent {
  readonly schema: Json;
  /** The hash of the schema's record. */
  readonly schemaSha1: string;
  readonly transactions: readonly LogRecord[];
  /** What is wrong with the end of the file, which is left out. */
  readonly problem: string | undefined;
}

/** A longer record is not parsed as a whole. */
const LARGE_BYTES = 512 * 1024;
const HEADER = /^OVSDB JSON (\d+) ([0-9a-f]{40})$/;
const CLUSTER = Buffer.from("OVSDB CLUSTER ");

/** Reads a log that others may write to, without changing it. @throws NotALogError, IoError */
export function readLog(path: string, fs: LogFs = systemFs): LogContent {
  let bytes: Buffer;
  try {
    bytes = fs.readFileSync(path);
  } catch (error) {
    throw new IoError(`Cannot read database file "${path}": ${messageOf(error)}`, { cause: error });
  }
  const { records, problem } = readRecords(path, bytes);
  const [schema, ...transactions] = records;
  if (schema !== undefined) return { schema: schema.json, schemaSha1: schema.sha1, transactions, problem };
  throw new NotALogError(`Cannot read database file "${path}": it is empty`, { details: { file: path } });
}

/** Reads records up to the first damaged one. */
export function readRecords(path: string, bytes: Buffer): { records: LogRecord[]; endsAt: number; problem: string | undefined } {
  const records: LogRecord[] = [];
  let at = 0;
  while (at < bytes.length) {
    const record = readRecord(bytes, at);
    if (typeof record === "string") {
      if (records.length === 0 && !bytes.subarray(0, 11).equals(Buffer.from("OVSDB JSON ").subarray(0, bytes.length))) {
        if (bytes.subarray(0, CLUSTER.length).equals(CLUSTER)) throw clusteredFile(path);
        throw new NotALogError(`Cannot read database file "${path}": ${record}`, {
          hint: "Only standalone OVSDB database files can be opened; move this file away to start an empty database",
          details: { file: path },
        });
      }
      return { records, endsAt: at, problem: record };
    }
    records.push(record);
    at = record.endsAt;
  }
  return { records, endsAt: at, problem: undefined };
}

function clusteredFile(path: string): NotALogError {
  return new NotALogError(`Cannot read database file "${path}": it belongs to a member of a Raft cluster`, {
    hint: "Make a standalone file of it: ovsdb-tool cluster-to-standalone NEW.db FILE; or ask the cluster by its remote",
    details: { file: path },
  });
}

function readRecord(bytes: Buffer, at: number): (LogRecord & { endsAt: number }) | string {
  const newline = bytes.indexOf(0x0a, at);
  const header = HEADER.exec(newline < 0 ? "" : bytes.toString("latin1", at, newline));
  if (header === null) return `parse error at offset ${at} in header line`;
  const length = Number(header[1]);
  const endsAt = newline + 1 + length;
  if (endsAt > bytes.length) return `record at offset ${at} is cut short`;
  const body = bytes.subarray(newline + 1, endsAt);
  const sha1 = sha1Hex(body);
  if (sha1 !== header[2])
    return `${length} bytes starting at offset ${newline + 1} have SHA-1 hash ${sha1} but should have hash ${header[2]}`;
  const scanned = length > LARGE_BYTES && at > 0 ? scanRecord(body) : undefined;
  if (scanned !== undefined) return { json: null, scanned, at, sha1, endsAt };
  try {
    return { json: parseExact(body.toString("utf8")), scanned, at, sha1, endsAt };
  } catch (error) {
    return `${length} bytes starting at offset ${newline + 1} are not valid JSON (${messageOf(error)})`;
  }
}
