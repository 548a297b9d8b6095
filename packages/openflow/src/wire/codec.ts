/**
 * OpenFlow messages to bytes and back.
 *
 *   |version| type | length |      xid      | body ...
 *
 * Type numbers differ between versions; Nicira's messages lie inside experimenter messages. Bytes that are
 * not a message that is known throw OpenFlowError, whose name says what the peer is to be told.
 *
 * @see OpenFlow Switch Specification 1.5.1, section 7; 1.0.0, section 5
 */
import { AppError } from "@tenet/kit";
import { ByteReader, ByteWriter, defineStruct } from "@tenet/wire";
import type { Envelope, Message } from "../message.ts";
import { decodeBody } from "./decode-body.ts";
import type { CodecOptions } from "./codec-options.ts";
import { encodeBody } from "./encode-body.ts";
import { TYPE_NUMBERS, type TypeNumber } from "./message-numbers.ts";
import { encodeMultipartReply } from "./multipart-wire.ts";
import { OpenFlowError } from "./openflow-error.ts";

/** ofp_header, OpenFlow 1.5.1 section 7.1.1. */
const header = defineStruct({ version: "u8", type: "u8", length: "u16", xid: "u32" });

/** Bytes of a message header. */
export const HEADER_SIZE: number = header.size;

/** The longest message that the length field can state. */
const MAX_LENGTH = 0xffff;
/** Where long multipart replies are split. */
const SPLIT_LENGTH = 0xf000;

/** The header of a message. */
export interface Header {
  readonly version: number;
  readonly type: number;
  readonly length: number;
  readonly xid: number;
}

/** Reads a header. @throws TruncatedError */
export function readHeader(bytes: Uint8Array): Header {
  return header.read(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
}

/**
 * Encodes one message.
 *
 * @throws AppError when the version cannot say it, or it is longer than 65535 bytes
 */
export function encodeMessage(message: Message, version: number, xid: number, options: CodecOptions = {}): Uint8Array {
  if (message.type === "multipartReply") {
    const { head, entries } = encodeMultipartReply(message.reply, version);
    return frame(TYPE_NUMBERS.multipartReply, version, xid, [head(message.isLast), ...entries]);
  }
  const { type, body } = encodeBody(message, version, options, (inner, innerXid) =>
    encodeMessage(inner, version, innerXid, options),
  );
  return frame(type, version, xid, [body]);
}

/** As {@link encodeMessage}, with long multipart replies split over several messages. */
export function encodeMessages(message: Message, version: number, xid: number, options: CodecOptions = {}): Uint8Array[] {
  if (message.type !== "multipartReply") return [encodeMessage(message, version, xid, options)];
  const { head, entries } = encodeMultipartReply(message.reply, version);
  const frames: Uint8Array[] = [];
  let group: Uint8Array[] = [];
  let size = 0;
  for (const entry of entries) {
    if (size + entry.length > SPLIT_LENGTH && group.length > 0) {
      frames.push(frame(TYPE_NUMBERS.multipartReply, version, xid, [head(false), ...group]));
      group = [];
      size = 0;
    }
    group.push(entry);
    size += entry.length;
  }
  frames.push(frame(TYPE_NUMBERS.multipartReply, version, xid, [head(message.isLast), ...group]));
  return frames;
}

/**
 * Decodes one message.
 *
 * @param bytes - exactly one message, header included
 * @throws OpenFlowError, TruncatedError
 */
export function decodeMessage(bytes: Uint8Array, options: CodecOptions = {}): Envelope {
  return readMessage(new ByteReader(bytes), options);
}

/** {@link decodeMessage} of all that a reader has. */
export function readMessage(reader: ByteReader, options: CodecOptions = {}): Envelope {
  const size = reader.remaining;
  const { version, type, length, xid } = reader.struct(header);
  if (length !== size || length < HEADER_SIZE) {
    throw new OpenFlowError("OFPBRC_BAD_LEN", `A message of ${size} bytes says that it has ${length}`, {
      details: { at: 2 },
    });
  }
  const message = decodeBody(type, version, reader, options, readMessage);
  if (message.type === "bundleAdd" && message.xid !== xid) {
    throw new OpenFlowError("OFPBFC_MSG_BAD_XID", `A bundled message has the number ${message.xid}, its carrier ${xid}`);
  }
  return { version, xid, message };
}

function frame(type: TypeNumber | number, version: number, xid: number, parts: readonly Uint8Array[]): Uint8Array {
  const number = typeof type === "number" ? type : version === 1 ? type.of10 : type.of13;
  const length = parts.reduce((sum, part) => sum + part.length, HEADER_SIZE);
  if (length > MAX_LENGTH) {
    throw new AppError(`Cannot encode a message of ${length} bytes: ${MAX_LENGTH} is the most`, { code: "OPENFLOW_TOO_LONG" });
  }
  const writer = new ByteWriter(length).struct(header, { version, type: number, length, xid });
  for (const part of parts) writer.bytes(part);
  return writer.asBytes();
}
