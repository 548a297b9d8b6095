/** Packets to and from the controller, in the layouts of each version and of Nicira's two packet-in formats. */
import { FIELDS, getField, setField, STAGE_ENDS } from "@tenet/net";
import { type ByteReader, ByteWriter } from "@tenet/wire";
import { type Match, PORT } from "../action.ts";
import { makeMatch, setMatchField } from "../match/match.ts";
import { matchField } from "../match/match-field.ts";
import type { Continuation } from "../continuation.ts";
import { type Message, type PacketIn, VERSION } from "../message.ts";
import { readContinuation, writeContinuation, writeProperty } from "./continuation-wire.ts";
import { decodeActions } from "./decode-actions.ts";
import { encodeActions } from "./encode-actions.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { decodeFields, encodeNxm, readMatch, writeMatch } from "./oxm.ts";
import { readPort, writePort } from "./port-number.ts";
import { properties } from "./port-wire.ts";

/** The message. */
export type PacketOut = Extract<Message, { type: "packetOut" }>;

const NO_BUFFER = 0xffff_ffff;
/** Of a packet-in that does not tell. */
const NO_COOKIE = 0xffff_ffff_ffff_ffffn;
const IN_PORT = matchField("in_port");
/** Words of a FlowKey before it are of the pipeline, not the packet. */
const FIRST_HEADER_WORD = STAGE_ENDS[0] ?? 0;

/** The body of the standard packet-in. */
export function encodePacketIn(packet: PacketIn, version: number): Uint8Array {
  const writer = new ByteWriter(128 + packet.data.length);
  writer.u32(packet.bufferId ?? NO_BUFFER);
  if (version === VERSION.OF11) {
    const port = getField(packet.match.key, FIELDS.in_port);
    writePort(writer, port, version);
    writePort(writer, port, version); // the physical one
    writer.u16(packet.totalLength).u8(packet.reason > 2 ? 1 : packet.reason);
    return writer.u8(packet.table).bytes(packet.data).toBytes();
  }
  writer.u16(packet.totalLength);
  if (version === 1) {
    return writer
      .u16(getField(packet.match.key, FIELDS.in_port))
      .u8(packet.reason > 2 ? 1 : packet.reason)
      .zeros(1)
      .bytes(packet.data)
      .toBytes();
  }
  writer.u8(version < 5 && packet.reason > 2 ? 1 : packet.reason).u8(packet.table);
  if (version >= VERSION.OF13) writer.u64(packet.cookie);
  writeMatch(writer, packet.match, version);
  return writer.zeros(2).bytes(packet.data).toBytes();
}

/** Reads the body of the standard packet-in. @throws OpenFlowError, TruncatedError */
export function decodePacketIn(reader: ByteReader, version: number): PacketIn {
  const bufferId = reader.u32();
  if (version === VERSION.OF11) {
    const match = matchOnPort(readPort(reader, version));
    reader.skip(4);
    const [totalLength, reason, table] = [reader.u16(), reader.u8(), reader.u8()];
    return packetIn({ bufferId, totalLength, reason, table, cookie: NO_COOKIE, match, data: reader.rest() });
  }
  const totalLength = reader.u16();
  if (version === 1) {
    const match = matchOnPort(reader.u16());
    const reason = reader.u8();
    reader.skip(1);
    return packetIn({ bufferId, totalLength, reason, table: 0, cookie: 0n, match, data: reader.rest() });
  }
  const [reason, table] = [reader.u8(), reader.u8()];
  const cookie = version < VERSION.OF13 ? NO_COOKIE : reader.u64();
  const match = readMatch(reader);
  reader.skip(2);
  return packetIn({ bufferId, totalLength, reason, table, cookie, match, data: reader.rest() });
}

/** The body of NXT_PACKET_IN. */
export function encodeNxtPacketIn(packet: PacketIn): Uint8Array {
  const fields = encodeNxm(packet.match);
  return new ByteWriter(128 + packet.data.length)
    .u32(packet.bufferId ?? NO_BUFFER)
    .u16(packet.totalLength)
    .u8(packet.reason)
    .u8(packet.table)
    .u64(packet.cookie)
    .u16(fields.length)
    .zeros(6)
    .bytes(fields)
    .align(8)
    .zeros(2)
    .bytes(packet.data)
    .toBytes();
}

/** Reads the body of NXT_PACKET_IN. @throws OpenFlowError, TruncatedError */
export function decodeNxtPacketIn(reader: ByteReader): PacketIn {
  const [bufferId, totalLength, reason, table] = [reader.u32(), reader.u16(), reader.u8(), reader.u8()];
  const cookie = reader.u64();
  const length = reader.u16();
  reader.skip(6);
  const { match } = decodeFields(reader.sub(length));
  reader.align(8);
  reader.skip(2);
  return { ...packetIn({ bufferId, totalLength, reason, table, cookie, match, data: reader.rest() }), format: "nxt" };
}

const PROPERTY = {
  PACKET: 0,
  FULL_LENGTH: 1,
  BUFFER: 2,
  TABLE: 3,
  COOKIE: 4,
  REASON: 5,
  METADATA: 6,
  USERDATA: 7,
  CONTINUATION: 8,
} as const;

/** The body of NXT_PACKET_IN2. */
export function encodeNxtPacketIn2(packet: PacketIn, version: number): Uint8Array {
  const writer = new ByteWriter(192 + packet.data.length);
  const property = (type: number, write: () => void): void => writeProperty(writer, type, write);
  property(PROPERTY.PACKET, () => writer.bytes(packet.data));
  if (packet.totalLength !== packet.data.length) property(PROPERTY.FULL_LENGTH, () => writer.u32(packet.totalLength));
  const { bufferId, userdata, continuation } = packet;
  if (bufferId !== undefined) property(PROPERTY.BUFFER, () => writer.u32(bufferId));
  property(PROPERTY.TABLE, () => writer.u8(packet.table));
  if (packet.cookie !== NO_COOKIE) property(PROPERTY.COOKIE, () => writer.zeros(4).u64(packet.cookie));
  property(PROPERTY.REASON, () => writer.u8(packet.reason));
  property(PROPERTY.METADATA, () => writer.bytes(encodeNxm(packet.match)));
  if (userdata !== undefined) property(PROPERTY.USERDATA, () => writer.bytes(userdata));
  if (continuation !== undefined) {
    property(PROPERTY.CONTINUATION, () => writeContinuation(writer.zeros(4), continuation, version));
  }
  return writer.toBytes();
}

/** Reads the body of NXT_PACKET_IN2; properties that are not known are skipped. @throws OpenFlowError */
export function decodeNxtPacketIn2(reader: ByteReader, version: number): PacketIn {
  const raw = { bufferId: NO_BUFFER, reason: 0, table: 0, cookie: NO_COOKIE };
  let data: Uint8Array = new Uint8Array(0);
  let totalLength: number | undefined;
  let userdata: Uint8Array | undefined;
  let continuation: Continuation | undefined;
  let match = makeMatch();
  for (const { type, value } of properties(reader)) {
    if (type === PROPERTY.PACKET) data = value.rest();
    else if (type === PROPERTY.FULL_LENGTH) totalLength = value.u32();
    else if (type === PROPERTY.BUFFER) raw.bufferId = value.u32();
    else if (type === PROPERTY.TABLE) raw.table = value.u8();
    else if (type === PROPERTY.COOKIE) {
      value.skip(4);
      raw.cookie = value.u64();
    } else if (type === PROPERTY.REASON) raw.reason = value.u8();
    else if (type === PROPERTY.METADATA) ({ match } = decodeFields(value));
    else if (type === PROPERTY.USERDATA) userdata = value.rest();
    else if (type === PROPERTY.CONTINUATION) {
      value.skip(4);
      continuation = readContinuation(value, version);
    }
  }
  const packet: PacketIn = { ...packetIn({ ...raw, totalLength: totalLength ?? data.length, match, data }), format: "nxt2" };
  return {
    ...packet,
    ...(userdata === undefined ? {} : { userdata }),
    ...(continuation === undefined ? {} : { continuation }),
  };
}

/** The body of a packet-out. */
export function encodePacketOut(packet: PacketOut, version: number): Uint8Array {
  const writer = new ByteWriter(128 + packet.data.length);
  const actions = encodeActions(packet.actions, version);
  writer.u32(packet.bufferId ?? NO_BUFFER);
  if (version >= 6) {
    writer.u16(actions.length).zeros(2);
    writeMatch(writer, matchOnPort(packet.inPort, packet.metadata), version);
  } else {
    writePort(writer, packet.inPort, version);
    writer.u16(actions.length);
    if (version > 1) writer.zeros(6);
  }
  return writer.bytes(actions).bytes(packet.data).toBytes();
}

/** Reads the body of a packet-out. @throws OpenFlowError, TruncatedError */
export function decodePacketOut(reader: ByteReader, version: number): PacketOut {
  const { at } = reader;
  const bufferId = reader.u32();
  let inPort: number = PORT.CONTROLLER;
  let length: number;
  let metadata: Match | undefined;
  if (version >= 6) {
    length = reader.u16();
    reader.skip(2);
    const match = readMatch(reader);
    if (match.mask.some((word, i) => word !== 0 && i >= FIRST_HEADER_WORD)) {
      throw new OpenFlowError("OFPBRC_PIPELINE_FIELDS_ONLY", "A packet-out names fields of the packet", { details: { at } });
    }
    if (getField(match.mask, FIELDS.in_port) === 0) {
      throw new OpenFlowError("OFPBRC_BAD_PORT", "A packet-out names no port", { details: { at } });
    }
    inPort = getField(match.key, FIELDS.in_port);
    setField(match.key, FIELDS.in_port, 0);
    setField(match.mask, FIELDS.in_port, 0);
    if (match.options !== undefined || match.mask.some((word) => word !== 0)) metadata = match;
  } else {
    inPort = readPort(reader, version);
    length = reader.u16();
    if (version > 1) reader.skip(6);
  }
  if (length > reader.remaining) {
    throw new OpenFlowError("OFPBRC_BAD_LEN", `Actions cannot have ${length} bytes here`, { details: { at } });
  }
  const actions = decodeActions(reader.sub(length), version);
  const data = reader.rest();
  const fixed = { type: "packetOut", ...(bufferId === NO_BUFFER ? {} : { bufferId }), inPort, actions, data } as const;
  return metadata === undefined ? fixed : { ...fixed, metadata };
}

function packetIn({ bufferId, ...rest }: Omit<PacketIn, "type" | "bufferId"> & { readonly bufferId: number }): PacketIn {
  return { type: "packetIn", ...(bufferId === NO_BUFFER ? {} : { bufferId }), ...rest };
}

function matchOnPort(port: number, metadata: Match = makeMatch()): Match {
  const match: Match = { key: metadata.key.slice(), mask: metadata.mask.slice(), options: metadata.options };
  setMatchField(match, IN_PORT, BigInt(port));
  return match;
}
