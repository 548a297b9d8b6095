/**
 * Builders of IPv4 and IPv6.
 *
 * They also finish the checksum of the TCP, UDP or ICMPv6 message they carry: it covers addresses that only
 * the IP header knows.
 */
import { putU16, putU32 } from "./bytes.ts";
import { finishTransportChecksum } from "./finish-checksum.ts";
import { internetChecksum } from "./checksum.ts";
import { IP_PROTO } from "./numbers.ts";

/** Fields of an IPv4 header without options. */
export interface Ip4Fields {
  readonly src: number;
  readonly dst: number;
  readonly proto: number;
  /** 64 unless given. */
  readonly ttl?: number;
  /** DSCP and ECN; 0 unless given. */
  readonly tos?: number;
  readonly id?: number;
  /** In units of 8 bytes. */
  readonly fragmentOffset?: number;
  readonly moreFragments?: boolean;
  readonly dontFragment?: boolean;
}

/** Fields of an IPv6 header. */
export interface Ip6Fields {
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
  readonly proto: number;
  /** 64 unless given. */
  readonly hopLimit?: number;
  readonly trafficClass?: number;
  readonly label?: number;
  /** Adds a fragment header. */
  readonly fragment?: { readonly offset: number; readonly more: boolean; readonly id: number };
}

/** An IPv4 packet: 20-byte header and payload, checksums complete. */
export function buildIp4(fields: Ip4Fields, payload: Uint8Array): Uint8Array {
  const packet = new Uint8Array(20 + payload.length);
  const offset = fields.fragmentOffset ?? 0;
  const isFragment = offset !== 0 || fields.moreFragments === true;
  packet[0] = 0x45;
  packet[1] = fields.tos ?? 0;
  putU16(packet, 2, packet.length);
  putU16(packet, 4, fields.id ?? 0);
  putU16(packet, 6, (fields.dontFragment === true ? 0x4000 : 0) | (fields.moreFragments === true ? 0x2000 : 0) | offset);
  packet[8] = fields.ttl ?? 64;
  packet[9] = fields.proto;
  putU32(packet, 12, fields.src);
  putU32(packet, 16, fields.dst);
  putU16(packet, 10, internetChecksum(packet, 0, 20));
  packet.set(payload, 20);
  if (!isFragment) finishTransportChecksum(packet, 0, 20, payload.length, fields.proto, 4);
  return packet;
}

/** An IPv6 packet: 40-byte header, a fragment header if asked for, and payload, checksums complete. */
export function buildIp6(fields: Ip6Fields, payload: Uint8Array): Uint8Array {
  const { fragment } = fields;
  const l4At = fragment === undefined ? 40 : 48;
  const packet = new Uint8Array(l4At + payload.length);
  putU32(packet, 0, (6 << 28) | ((fields.trafficClass ?? 0) << 20) | (fields.label ?? 0));
  putU16(packet, 4, packet.length - 40);
  packet[6] = fragment === undefined ? fields.proto : IP_PROTO.fragment;
  packet[7] = fields.hopLimit ?? 64;
  packet.set(fields.src, 8);
  packet.set(fields.dst, 24);
  if (fragment !== undefined) {
    packet[40] = fields.proto;
    putU16(packet, 42, (fragment.offset << 3) | (fragment.more ? 1 : 0));
    putU32(packet, 44, fragment.id);
  }
  packet.set(payload, l4At);
  if (fragment === undefined) finishTransportChecksum(packet, 0, l4At, payload.length, fields.proto, 6);
  return packet;
}
