/** Pushes and pops MPLS labels, which stand behind the Ethernet header and its tags (RFC 3032). */
import { getU16, putU16, putU32 } from "@tenet/net";
import type { Packet } from "./packet.ts";
import { shiftVnetHeader } from "./vnet-header.ts";

const LABEL_BYTES = 4;
const BOTTOM_OF_STACK = 0x100;

/** @returns false when there is no room before the frame */
export function pushMpls(bytes: Uint8Array, packet: Packet, ethType: number, entry: number): boolean {
  if (packet.at - LABEL_BYTES < packet.floor) return false;
  const { at } = packet;
  const typeAt = etherTypeAt(bytes, packet);
  shiftVnetHeader(bytes, packet.headerAt, LABEL_BYTES);
  bytes.copyWithin(at - LABEL_BYTES, at, typeAt + 2);
  putU16(bytes, typeAt - LABEL_BYTES, ethType);
  putU32(bytes, typeAt + 2 - LABEL_BYTES, entry);
  packet.at -= LABEL_BYTES;
  packet.length += LABEL_BYTES;
  return true;
}

/** Leaves a frame without a label as it is. */
export function popMpls(bytes: Uint8Array, packet: Packet, ethType: number): void {
  const { at } = packet;
  const typeAt = etherTypeAt(bytes, packet);
  if (!isMpls(getU16(bytes, typeAt)) || at + packet.length < typeAt + 2 + LABEL_BYTES) return;
  putU16(bytes, typeAt, ethType);
  bytes.copyWithin(at + LABEL_BYTES, at, typeAt + 2);
  shiftVnetHeader(bytes, packet.headerAt, -LABEL_BYTES);
  packet.at += LABEL_BYTES;
  packet.length -= LABEL_BYTES;
}

/** Sets bits of the outer entry of a stack, if there is one behind the Ethernet type at `typeAt`. */
export function setMpls(bytes: Uint8Array, typeAt: number, end: number, entry: number, mask: number): void {
  const at = typeAt + 2;
  if (mask === 0 || !isMpls(getU16(bytes, typeAt)) || end - at < LABEL_BYTES) return;
  const before = (getU16(bytes, at) << 16) | getU16(bytes, at + 2);
  putU32(bytes, at, ((before & ~mask) | (entry & mask & ~BOTTOM_OF_STACK) | (before & BOTTOM_OF_STACK)) >>> 0);
}

function isMpls(type: number): boolean {
  return type === 0x8847 || type === 0x8848;
}

/** Where the type of what follows the tags is. */
function etherTypeAt(bytes: Uint8Array, { at, length }: Packet): number {
  let typeAt = at + 12;
  for (let type = getU16(bytes, typeAt); type === 0x8100 || type === 0x88a8; type = getU16(bytes, typeAt)) {
    if (typeAt + 6 > at + length) break;
    typeAt += 4;
  }
  return typeAt;
}
