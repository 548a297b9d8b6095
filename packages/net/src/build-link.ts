/** Builders of the link layer: Ethernet with an optional VLAN tag, and ARP. */
import { putMac, putU16, putU32 } from "./bytes.ts";
import { ETH_TYPE } from "./numbers.ts";

/** An 802.1Q tag. */
export interface VlanTag {
  /** 12-bit VLAN identifier. */
  readonly vid: number;
  /** 3-bit priority. */
  readonly pcp?: number;
  /** 0x8100 unless given. */
  readonly tpid?: number;
}

/** Fields of an Ethernet header. */
export interface EthernetFields {
  readonly dst: number;
  readonly src: number;
  readonly type: number;
}

/** Fields of an ARP packet for IPv4 over Ethernet. */
export interface ArpFields {
  /** 1 = request, 2 = reply. */
  readonly operation: number;
  readonly senderMac: number;
  readonly senderIp: number;
  readonly targetMac: number;
  readonly targetIp: number;
}

/** An Ethernet frame, not padded. */
export function buildEthernet(fields: EthernetFields, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(14 + payload.length);
  putMac(frame, 0, fields.dst);
  putMac(frame, 6, fields.src);
  putU16(frame, 12, fields.type);
  frame.set(payload, 14);
  return frame;
}

/** The frame with a tag put in front of its EtherType; the frame may carry tags already. */
export function buildVlan(tag: VlanTag, frame: Uint8Array): Uint8Array {
  const tagged = new Uint8Array(frame.length + 4);
  tagged.set(frame.subarray(0, 12), 0);
  putU16(tagged, 12, tag.tpid ?? ETH_TYPE.vlan);
  putU16(tagged, 14, ((tag.pcp ?? 0) << 13) | (tag.vid & 0xfff));
  tagged.set(frame.subarray(12), 16);
  return tagged;
}

/** An ARP packet, 28 bytes: the payload of a frame of type 0x0806. @see RFC 826 */
export function buildArp(fields: ArpFields): Uint8Array {
  const packet = new Uint8Array(28);
  putU32(packet, 0, 0x0001_0800);
  putU16(packet, 4, 0x0604);
  putU16(packet, 6, fields.operation);
  putMac(packet, 8, fields.senderMac);
  putU32(packet, 14, fields.senderIp);
  putMac(packet, 18, fields.targetMac);
  putU32(packet, 24, fields.targetIp);
  return packet;
}
