/**
 * What: makes the addresses inside a translated FTP connection those that the other end can reach.
 *
 * How: the address in an announcement is replaced by the one that its sender is known by, which may make the segment longer
 * or shorter. From there on sequence numbers of that direction, and acknowledgements of the other one, are shifted.
 *
 * Limits: announcements in bundles of segments, or cut in two by TCP, stay as they are; so do selective acknowledgements.
 */
import {
  finishTransportChecksum,
  foldSum,
  getU8,
  getU16,
  getU32,
  putU16,
  putU32,
  TCP_FLAG,
  updateChecksum32,
  updateChecksumAt,
} from "@tenet/net";
import type { Packet } from "../packet/packet.ts";
import { isPartial, isSegmented } from "../packet/vnet-header.ts";
import { findForeignAddress, lineAt, type Replacement } from "./announcements.ts";
import type { Connection, SequenceShift } from "./connection.ts";
import type { PacketReader } from "./packet-reader.ts";

const TCP = 6;
const CHECKSUM_AT = 16;

/** Translates the inside of a packet whose headers are translated already; one of another kind stays as it is. */
export function translateFtp(packet: Packet, reader: PacketReader, connection: Connection, isReply: boolean): void {
  const { shifts } = connection;
  if (shifts === undefined || reader.part !== "whole" || reader.isError) return;
  const { bytes } = packet.arena;
  const { l4At, end } = reader;
  const side = isReply ? 1 : 0;
  const seq = getU32(bytes, l4At + 4);
  const shift = shifts[side];
  const before = shift === undefined ? 0 : shiftOf(seq, shift.at, shift);
  shiftNumbers(bytes, packet.headerAt, l4At, seq, before, shifts[1 - side]);
  const from = l4At + (getU8(bytes, l4At + 12) >>> 4) * 4;
  if (from >= end || isSegmented(bytes, packet.headerAt)) return;
  const replacement = findForeignAddress(connection, isReply, lineAt(bytes, from, end));
  if (replacement === undefined) return;
  const delta = replacement.text.length - replacement.length;
  if (delta > packet.arena.roomBehind(end)) return;
  replace(packet, reader, from, replacement);
  if (shift?.at !== seq) shifts[side] = { at: seq, before, after: before + delta };
}

/** By how much a number is shifted, when `at` is the place in the same count. */
function shiftOf(number: number, at: number, { before, after }: SequenceShift): number {
  return ((number - at) | 0) > 0 ? after : before;
}

function shiftNumbers(
  bytes: Uint8Array,
  headerAt: number,
  l4At: number,
  seq: number,
  shift: number,
  other: SequenceShift | undefined,
): void {
  const ack = getU32(bytes, l4At + 8);
  const hasAck = (getU8(bytes, l4At + 13) & TCP_FLAG.ack) !== 0;
  const back = other === undefined || !hasAck ? 0 : shiftOf(ack, other.at + other.before, other);
  if (shift === 0 && back === 0) return;
  const [newSeq, newAck] = [(seq + shift) >>> 0, (ack - back) >>> 0];
  putU32(bytes, l4At + 4, newSeq);
  putU32(bytes, l4At + 8, newAck);
  if (isPartial(bytes, headerAt)) return;
  const checksum = updateChecksum32(getU16(bytes, l4At + CHECKSUM_AT), seq, newSeq);
  putU16(bytes, l4At + CHECKSUM_AT, updateChecksum32(checksum, ack, newAck));
}

/** Replaces a part of the payload that begins at `from`, and mends lengths and checksums. */
function replace(packet: Packet, reader: PacketReader, from: number, { at, length, text }: Replacement): void {
  const { bytes } = packet.arena;
  const { l3At, l4At, end } = reader;
  const delta = text.length - length;
  bytes.copyWithin(from + at + text.length, from + at + length, end);
  for (let i = 0; i < text.length; i++) bytes[from + at + i] = text.charCodeAt(i);
  packet.length = end + delta - packet.at;
  const family = getU8(bytes, l3At) >>> 4 === 4 ? 4 : 6;
  const lengthAt = family === 4 ? l3At + 2 : l3At + 4;
  const before = getU16(bytes, lengthAt);
  putU16(bytes, lengthAt, before + delta);
  if (family === 4) updateChecksumAt(bytes, l3At + 10, before, before + delta);
  if (isPartial(bytes, packet.headerAt)) {
    const sum = getU16(bytes, l4At + CHECKSUM_AT); // of the pseudo header, which has the length in it
    putU16(bytes, l4At + CHECKSUM_AT, foldSum(sum + (delta < 0 ? 0xffff + delta : delta)));
  } else finishTransportChecksum(bytes, l3At, l4At, end + delta - l4At, TCP, family);
}
