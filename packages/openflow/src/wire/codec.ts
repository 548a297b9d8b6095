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
import { ByteReader } from "@tenet/wire";
import type { Envelope, Message } from "../message.ts";
import { decodeBody } from "./decode-body.ts";
import type { CodecOptions } from "./codec-options.ts";
import { encodeBody } from "./encode-body.ts";
import { frame, header, HEADER_SIZE } from "./message-frame.ts";
import { TYPE_NUMBERS } from "./message-numbers.ts";
import { encodeMultipartReply } from "./multipart-wire.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { ReplyPacker } from "./reply-packer.ts";

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
  const packer = new ReplyPacker(version, xid);
  return [...packer.add(message.reply), ...(message.isLast ? packer.end() : packer.rest())];
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
  return readWith(reader, options, readInner);
}

/** A message inside another. */
function readInner(reader: ByteReader, options: CodecOptions): Envelope {
  return readWith(reader, options, refuseInner);
}

/** Such a message holds none itself: a peer may put thousands into each other. */
function refuseInner(): never {
  throw new OpenFlowError("OFPBFC_MSG_UNSUP", "A message inside another cannot hold one itself");
}

function readWith(reader: ByteReader, options: CodecOptions, decodeInner: typeof readInner): Envelope {
  const size = reader.remaining;
  const { version, type, length, xid } = reader.struct(header);
  if (length !== size || length < HEADER_SIZE) {
    throw new OpenFlowError("OFPBRC_BAD_LEN", `A message of ${size} bytes says that it has ${length}`, {
      details: { at: 2 },
    });
  }
  const message = decodeBody(type, version, reader, options, decodeInner);
  if (message.type === "bundleAdd" && message.xid !== xid) {
    throw new OpenFlowError("OFPBFC_MSG_BAD_XID", `A bundled message has the number ${message.xid}, its carrier ${xid}`);
  }
  return { version, xid, message };
}
