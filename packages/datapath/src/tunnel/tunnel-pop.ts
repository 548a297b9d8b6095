/**
 * Takes the outer headers off a packet, into its tunnel fields.
 *
 * The flow table has said by addresses, protocol and port whose packet it is; lengths, checksums and the tunnel's header are
 * looked at here. A checksum that the device left to do was on no wire, and is believed.
 */
import {
  addToSum,
  clearTunnel,
  FIELDS,
  foldSum,
  getU16,
  getU32,
  internetChecksum,
  IP_PROTO,
  pseudoSum4,
  pseudoSum6,
  setField,
  getField,
  TUNNEL_FLAG,
} from "@tenet/net";
import type { TunnelSpec } from "../datapath.ts";
import type { Packet } from "../packet/packet.ts";
import { clearVnetHeader, isPartial, segmentation, shiftVnetHeader } from "../packet/vnet-header.ts";
import { noteOffload } from "./inner-offload.ts";
import { readTunnelHeader } from "./tunnel-input.ts";

const L3 = 14;
const UDP_BYTES = 8;
const IP4 = 0x0800;
const IP6 = 0x86dd;
const MORE_OR_OFFSET = 0x3fff;
const SRC6 = FIELDS.tun_ipv6_src.word;
const DST6 = FIELDS.tun_ipv6_dst.word;

/**
 * Makes a packet, which is nobody else's, the one inside it.
 *
 * @returns false when it is broken, a fragment, or none of this kind of tunnel; then it is as it was
 */
export function popTunnel(packet: Packet, spec: TunnelSpec): boolean {
  const { at, headerAt, length, tunnel } = packet;
  const { bytes } = packet.arena;
  clearTunnel(tunnel);
  const l3 = at + L3;
  const family = getU16(bytes, at + 12) === IP4 ? 4 : 6;
  const l4 = family === 4 ? readIp4(bytes, l3, at + length, tunnel) : readIp6(bytes, at, at + length, tunnel);
  if (l4 === 0) return false;
  const end = l3 + (family === 4 ? getU16(bytes, l3 + 2) : 40 + getU16(bytes, l3 + 4));
  const isGre = spec.type === "gre" || spec.type === "ip6gre";
  if (bytes[l3 + (family === 4 ? 9 : 6)] !== (isGre ? IP_PROTO.gre : IP_PROTO.udp)) return false;
  if (!isGre && !readUdp(packet, l4, end, family)) return false;
  const start = isGre ? l4 : l4 + UDP_BYTES;
  const size = readTunnelHeader(spec, bytes, start, end, tunnel);
  if (size === 0) return false;
  const inner = start + size;
  packet.at = inner;
  packet.length = end - inner;
  packet.hasTunnel = true;
  if (isPartial(bytes, headerAt) && at + segmentation(bytes, headerAt).transportOffset > inner) {
    shiftVnetHeader(bytes, headerAt, at - inner);
  } else {
    clearVnetHeader(bytes, packet.headerAt);
    noteOffload(bytes, packet.headerAt, inner, packet.length);
  }
  return true;
}

/** Whether a bundle is one of outer datagrams: of tunnel packets, not of the segments inside one. */
export function isOuterBundle({ arena: { bytes }, headerAt }: Packet): boolean {
  return segmentation(bytes, headerAt).kind === "udp";
}

/** @returns where the header ends; 0 when it is broken or a fragment's */
function readIp4(bytes: Uint8Array, l3: number, end: number, tunnel: Uint32Array): number {
  const headerLength = ((bytes[l3] ?? 0) & 15) * 4;
  const length = getU16(bytes, l3 + 2);
  if (end - l3 < 20 || (bytes[l3] ?? 0) >>> 4 !== 4 || headerLength < 20 || length < headerLength || length > end - l3) return 0;
  if ((getU16(bytes, l3 + 6) & MORE_OR_OFFSET) !== 0 || internetChecksum(bytes, l3, headerLength) !== 0) return 0;
  setField(tunnel, FIELDS.tun_src, getU32(bytes, l3 + 12));
  setField(tunnel, FIELDS.tun_dst, getU32(bytes, l3 + 16));
  setField(tunnel, FIELDS.tun_tos, bytes[l3 + 1] ?? 0);
  setField(tunnel, FIELDS.tun_ttl, bytes[l3 + 8] ?? 0);
  return l3 + headerLength;
}

/** As {@link readIp4}, of a frame. */
function readIp6(bytes: Uint8Array, at: number, end: number, tunnel: Uint32Array): number {
  const l3 = at + L3;
  if (end - l3 < 40 || getU16(bytes, at + 12) !== IP6 || getU16(bytes, l3 + 4) > end - l3 - 40) return 0;
  for (let i = 0; i < 4; i++) {
    tunnel[SRC6 + i] = getU32(bytes, l3 + 8 + 4 * i);
    tunnel[DST6 + i] = getU32(bytes, l3 + 24 + 4 * i);
  }
  setField(tunnel, FIELDS.tun_tos, (getU16(bytes, l3) >>> 4) & 0xff);
  setField(tunnel, FIELDS.tun_ttl, bytes[l3 + 7] ?? 0);
  return l3 + 40;
}

/** Looks at length and checksum of a datagram. @returns whether they are right */
function readUdp({ arena: { bytes }, headerAt, at, tunnel }: Packet, l4: number, end: number, family: 4 | 6): boolean {
  const length = getU16(bytes, l4 + 4);
  if (end - l4 < UDP_BYTES || length !== end - l4) return false;
  if (getU16(bytes, l4 + 6) === 0) return true;
  setField(tunnel, FIELDS.tun_flags, getField(tunnel, FIELDS.tun_flags) | TUNNEL_FLAG.checksum);
  if (isPartial(bytes, headerAt)) return true;
  const l3 = at + L3;
  const pseudo = family === 4 ? pseudoSum4(bytes, l3, IP_PROTO.udp, length) : pseudoSum6(bytes, l3, IP_PROTO.udp, length);
  return foldSum(addToSum(pseudo, bytes, l4, length)) === 0xffff;
}
