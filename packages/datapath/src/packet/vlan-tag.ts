/** Puts an 802.1Q tag into a packet in its memory, and takes one off. */
import { getU16, putU16 } from "@tenet/net";
import type { Packet } from "./packet.ts";
import { shiftVnetHeader } from "./vnet-header.ts";

/** Pushes a tag. @returns false when there is no room in front of the packet */
export function pushVlan(bytes: Uint8Array, packet: Packet, tpid: number, tci: number): boolean {
  if (packet.at - 4 < packet.floor) return false;
  const { at } = packet;
  shiftVnetHeader(bytes, packet.headerAt, 4);
  bytes.copyWithin(at - 4, at, at + 12);
  putU16(bytes, at + 8, tpid);
  putU16(bytes, at + 10, tci);
  packet.at -= 4;
  packet.length += 4;
  return true;
}

/** Pops the outer tag; a packet without one stays as it is. */
export function popVlan(bytes: Uint8Array, packet: Packet): void {
  const { at } = packet;
  const type = getU16(bytes, at + 12);
  if (packet.length < 18 || (type !== 0x8100 && type !== 0x88a8)) return;
  bytes.copyWithin(at + 4, at, at + 12);
  shiftVnetHeader(bytes, packet.headerAt, -4);
  packet.at += 4;
  packet.length -= 4;
}
