/**
 * Outer headers that the datapath puts in front of packets itself: Ethernet, IP, UDP or none, and the tunnel's.
 *
 * What: they are made once, when the slow path decides where a packet goes, and put in front of every packet as they are;
 * only what depends on the packet is written then: lengths, checksums, the UDP source port. A UDP checksum is wanted where
 * the header has one that is not zero, one of GRE where its flag says so.
 *
 *  | Ethernet 14 | IPv4 20 or IPv6 40 | UDP 8 | tunnel header ... |
 */
import {
  addToSum,
  FIELDS,
  finishGre,
  finishTransportChecksum,
  getField,
  getU16,
  GRE_ETHERNET,
  internetChecksum,
  IP_PROTO,
  putMac,
  putU16,
  putU32,
  TUNNEL_FLAG,
  tunnelFamily,
  updateChecksum,
  writeGeneve,
  writeGre,
  writeVxlan,
} from "@tenet/net";
import type { SetTunnelAction, TunnelSpec } from "../datapath.ts";
import type { Packet } from "../packet/packet.ts";
import { clearVnetHeader, completeInPlace } from "../packet/vnet-header.ts";

/** Bytes of the longest outer headers: IPv6, and Geneve with all options. */
const MAX_OUTER_BYTES = 14 + 40 + 8 + 260;

const L3 = 14;
const UDP_BYTES = 8;
const IP4 = 0x0800;
const IP6 = 0x86dd;
const DONT_FRAGMENT = 0x4000;
/** Stands for a checksum that is still to be computed. */
const WANTED = 0xffff;

/** Makes the headers of a tunnel block, whose addresses say both ends. */
export function buildOuterHeader(
  { type, hasPolicy }: Pick<TunnelSpec, "type" | "hasPolicy">,
  { key, dstPort }: Pick<SetTunnelAction, "key" | "dstPort">,
  macs: { readonly src: number; readonly dst: number },
): Uint8Array {
  const bytes = new Uint8Array(MAX_OUTER_BYTES);
  const isGre = type === "gre" || type === "ip6gre";
  putMac(bytes, 0, macs.dst);
  putMac(bytes, 6, macs.src);
  const l4 = writeIp(bytes, key, isGre ? IP_PROTO.gre : IP_PROTO.udp);
  if (isGre) return bytes.slice(0, l4 + writeGre(bytes, l4, GRE_ETHERNET, key));
  // Over IPv6 nothing else would tell a broken address.
  const hasChecksum = tunnelFamily(key) === 6 || (getField(key, FIELDS.tun_flags) & TUNNEL_FLAG.checksum) !== 0;
  putU16(bytes, l4 + 2, dstPort);
  putU16(bytes, l4 + 6, hasChecksum ? WANTED : 0);
  const at = l4 + UDP_BYTES;
  return bytes.slice(0, at + (type === "geneve" ? writeGeneve(bytes, at, key) : writeVxlan(bytes, at, hasPolicy, key)));
}

/**
 * Puts headers in front of a packet, which has room there and is nobody else's; its own checksum becomes complete.
 *
 * @param srcPort - for UDP
 */
export function pushOuterHeader(packet: Packet, header: Uint8Array, srcPort: number): void {
  const { bytes } = packet.arena;
  completeInPlace(bytes, packet.headerAt, packet.at, packet.length);
  const inner = packet.at;
  const innerLength = packet.length;
  const at = inner - header.length;
  bytes.set(header, at);
  packet.at = at;
  packet.length += header.length;
  clearVnetHeader(bytes, packet.headerAt);
  const family = getU16(bytes, at + 12) === IP4 ? 4 : 6;
  const l4 = finishIp(bytes, at + L3, family, packet.length - L3);
  const l4Length = inner - l4 + innerLength;
  if (bytes[at + L3 + (family === 4 ? 9 : 6)] === IP_PROTO.gre) {
    if ((bytes[l4] ?? 0) >= 0x80) finishGre(bytes, l4, inner, addToSum(0, bytes, inner, innerLength));
    return;
  }
  putU16(bytes, l4, srcPort);
  putU16(bytes, l4 + 4, l4Length);
  if (getU16(bytes, l4 + 6) !== 0) finishTransportChecksum(bytes, at + L3, l4, l4Length, IP_PROTO.udp, family);
}

/** Ethernet type and IP header. @returns where the header ends */
function writeIp(bytes: Uint8Array, key: Uint32Array, proto: number): number {
  const tos = getField(key, FIELDS.tun_tos);
  const ttl = getField(key, FIELDS.tun_ttl);
  if (tunnelFamily(key) === 4) {
    putU16(bytes, 12, IP4);
    putU16(bytes, L3, 0x4500 | tos);
    putU16(bytes, L3 + 6, (getField(key, FIELDS.tun_flags) & TUNNEL_FLAG.dontFragment) === 0 ? 0 : DONT_FRAGMENT);
    putU16(bytes, L3 + 8, (ttl << 8) | proto);
    putU32(bytes, L3 + 12, getField(key, FIELDS.tun_src));
    putU32(bytes, L3 + 16, getField(key, FIELDS.tun_dst));
    putU16(bytes, L3 + 10, internetChecksum(bytes, L3, 20));
    return L3 + 20;
  }
  putU16(bytes, 12, IP6);
  putU32(bytes, L3, 0x6000_0000 | (tos << 20));
  putU16(bytes, L3 + 6, (proto << 8) | ttl);
  for (let i = 0; i < 4; i++) {
    putU32(bytes, L3 + 8 + 4 * i, key[FIELDS.tun_ipv6_src.word + i] ?? 0);
    putU32(bytes, L3 + 24 + 4 * i, key[FIELDS.tun_ipv6_dst.word + i] ?? 0);
  }
  return L3 + 40;
}

/** Writes the length of an IP packet, which was zero. @returns where its header ends */
function finishIp(bytes: Uint8Array, l3: number, family: 4 | 6, length: number): number {
  if (family === 6) {
    putU16(bytes, l3 + 4, length - 40);
    return l3 + 40;
  }
  putU16(bytes, l3 + 2, length);
  putU16(bytes, l3 + 10, updateChecksum(getU16(bytes, l3 + 10), 0, length));
  return l3 + 20;
}
