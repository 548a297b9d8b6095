/**
 * The receiving side of a tunnel port: outer headers off a datagram, and into the tunnel fields of a packet.
 *
 * The kernel has reassembled outer fragments and looked at outer checksums; what it gives is one tunnel packet, or
 * several of one size in one piece.
 */
import { openRawReceiver, openUdpReceiver, type ReceivedDatagrams, type TunnelReceiver } from "@tenet/linux";
import { clearTunnel, FIELDS, getU16, GRE_ETHERNET, readGeneve, readGre, readVxlan, setField } from "@tenet/net";
import type { TunnelSpec } from "../datapath.ts";

const SRC = FIELDS.tun_src.word;
const DST = FIELDS.tun_dst.word;
const SRC6 = FIELDS.tun_ipv6_src.word;
const DST6 = FIELDS.tun_ipv6_dst.word;
/** The third word of an IPv4 address that is written as an IPv6 one. */
const MAPPED = 0xffff;

/**
 * Opens what packets of a tunnel arrive by.
 *
 * @param isGathering - whether the host may gather datagrams to longer ones
 * @throws SystemCallError `EADDRINUSE` when its port is taken, `EPERM`
 */
export function openTunnelReceiver({ type, dstPort }: TunnelSpec, isGathering: boolean): TunnelReceiver {
  if (type === "gre") return openRawReceiver("gre", 4);
  return type === "ip6gre" ? openRawReceiver("gre", 6) : openUdpReceiver(dstPort, isGathering);
}

/**
 * Reads the tunnel header at `at`, and the outer headers of datagram `i`, into the tunnel fields of `key`.
 *
 * @returns bytes of the tunnel header; 0 when the packet is not for this kind of port, or broken
 */
export function readTunnel(
  spec: TunnelSpec,
  batch: ReceivedDatagrams,
  i: number,
  at: number,
  end: number,
  key: Uint32Array,
): number {
  clearTunnel(key);
  const { bytes } = batch.arena;
  const size = readTunnelHeader(spec, bytes, at, end, key);
  if (size === 0) return 0;
  setAddress(key, batch.source, 4 * i, SRC, SRC6);
  setAddress(key, batch.destination, 4 * i, DST, DST6);
  setField(key, FIELDS.tun_ttl, batch.ttl[i] ?? 0);
  setField(key, FIELDS.tun_tos, batch.tos[i] ?? 0);
  return size;
}

/** Reads the tunnel header at `at` into a tunnel block that is clear but for addresses. @returns its bytes; 0 when broken */
export function readTunnelHeader(
  { type, hasPolicy }: TunnelSpec,
  bytes: Uint8Array,
  at: number,
  end: number,
  key: Uint32Array,
): number {
  if (type === "geneve") return readGeneve(bytes, at, end, key);
  if (type === "vxlan") return readVxlan(bytes, at, end, hasPolicy, key);
  const size = readGre(bytes, at, end, key);
  return size !== 0 && getU16(bytes, at + 2) === GRE_ETHERNET ? size : 0;
}

function setAddress(key: Uint32Array, words: Uint32Array, at: number, word4: number, word6: number): void {
  if (words[at] === 0 && words[at + 1] === 0 && words[at + 2] === MAPPED) key[word4] = words[at + 3] ?? 0;
  else for (let k = 0; k < 4; k++) key[word6 + k] = words[at + k] ?? 0;
}
