/** Nicira's request to forget tracked connections: properties for each direction and the zone. */
import { type ByteReader, ByteWriter } from "@tenet/wire";
import type { CtFlush, CtFlushTuple } from "../ct-flush.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { properties } from "./port-wire.ts";

const ORIGINAL = 0;
const REPLY = 1;
const ZONE = 2;
const ADDRESS_SIZE = 16;

/** A tuple's properties in the order of their numbers. */
const PARTS = ["src", "dst", "srcPort", "dstPort", "icmpId", "icmpType", "icmpCode"] as const;

/** The body, after the experimenter header. */
export function encodeCtFlush({ zone, protocol, original, reply }: CtFlush): Uint8Array {
  const writer = new ByteWriter(64).u8(protocol).zeros(7);
  writeTuple(writer, ORIGINAL, original);
  writeTuple(writer, REPLY, reply);
  if (zone !== undefined) writer.u16(ZONE).u16(6).u16(zone).zeros(2);
  return writer.toBytes();
}

/** Reads the body. @throws OpenFlowError, TruncatedError */
export function decodeCtFlush(reader: ByteReader): CtFlush {
  const { at } = reader;
  const protocol = reader.u8();
  for (let i = 0; i < 7; i++) {
    if (reader.u8() !== 0) throw new OpenFlowError("NXBRC_MUST_BE_ZERO", "Padding is not zero", { details: { at } });
  }
  let original: CtFlushTuple = {};
  let reply: CtFlushTuple = {};
  let zone: number | undefined;
  for (const { type, value } of properties(reader)) {
    if (type === ORIGINAL) original = readTuple(value);
    else if (type === REPLY) reply = readTuple(value);
    else if (type === ZONE) zone = value.u16();
    else throw new OpenFlowError("OFPBPC_BAD_TYPE", `A flush has no property ${type}`, { details: { at } });
  }
  return { type: "ctFlush", protocol, original, reply, ...(zone === undefined ? {} : { zone }) };
}

function writeTuple(writer: ByteWriter, type: number, tuple: CtFlushTuple): void {
  if (Object.keys(tuple).length === 0) return;
  const start = writer.length;
  writer.u16(type).u16(0).zeros(4);
  for (const [number, part] of PARTS.entries()) {
    const value = tuple[part];
    if (value === undefined) continue;
    const from = writer.length;
    writer.u16(number).u16(0);
    if (typeof value !== "number") writer.bytes(value);
    else if (part === "icmpType" || part === "icmpCode") writer.u8(value);
    else writer.u16(value);
    writer.patchU16(from + 2, writer.length - from);
    writer.align(8, from);
  }
  writer.patchU16(start + 2, writer.length - start);
}

function readTuple(reader: ByteReader): CtFlushTuple {
  reader.skip(4);
  const tuple: { -readonly [Part in keyof CtFlushTuple]: CtFlushTuple[Part] } = {};
  for (const { type, value } of properties(reader)) {
    const part = PARTS[type];
    if (part === undefined) throw new OpenFlowError("OFPBPC_BAD_TYPE", `Connections have no property ${type}`);
    if (part === "src" || part === "dst") tuple[part] = value.bytes(ADDRESS_SIZE);
    else tuple[part] = part === "icmpType" || part === "icmpCode" ? value.u8() : value.u16();
  }
  return tuple;
}
