/**
 * Builders of TCP, UDP, ICMP, ICMPv6 and neighbour discovery messages.
 *
 * TCP, UDP and ICMPv6 leave their checksum zero: `buildIp4` and `buildIp6` complete it, as it covers the
 * addresses. ICMP has its checksum at once.
 */
import { putMac, putU16, putU32 } from "./bytes.ts";
import { internetChecksum } from "./checksum.ts";
import { ICMP6_TYPE } from "./numbers.ts";

/** Fields of a TCP header. */
export interface TcpFields {
  readonly srcPort: number;
  readonly dstPort: number;
  readonly seq?: number;
  readonly ack?: number;
  /** 12 bits; see TCP_FLAG. */
  readonly flags?: number;
  /** 65535 unless given. */
  readonly window?: number;
  /** Option bytes; padded to a multiple of 4 with end-of-options. */
  readonly options?: Uint8Array;
}

/** Fields of a UDP header. */
export interface UdpFields {
  readonly srcPort: number;
  readonly dstPort: number;
}

/** Fields of an ICMP or ICMPv6 header; `rest` is the second 32-bit word. */
export interface IcmpFields {
  readonly type: number;
  readonly code?: number;
  /** Echo: identifier in the high, sequence number in the low half. */
  readonly rest?: number;
}

/** Fields of a neighbour solicitation or advertisement. */
export interface NeighborFields {
  readonly kind: "solicitation" | "advertisement";
  readonly target: Uint8Array;
  /** Source link-layer address option. */
  readonly sourceMac?: number;
  /** Target link-layer address option. */
  readonly targetMac?: number;
  /** Advertisement flags: router 4, solicited 2, override 1. */
  readonly flags?: number;
}

/** A TCP segment, checksum zero. */
export function buildTcp(fields: TcpFields, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const headerLength = 20 + (((fields.options?.length ?? 0) + 3) & ~3);
  const segment = new Uint8Array(headerLength + payload.length);
  putU16(segment, 0, fields.srcPort);
  putU16(segment, 2, fields.dstPort);
  putU32(segment, 4, fields.seq ?? 0);
  putU32(segment, 8, fields.ack ?? 0);
  putU16(segment, 12, (headerLength << 10) | ((fields.flags ?? 0) & 0xfff));
  putU16(segment, 14, fields.window ?? 0xffff);
  if (fields.options !== undefined) segment.set(fields.options, 20);
  segment.set(payload, headerLength);
  return segment;
}

/** A UDP datagram, checksum zero. */
export function buildUdp(fields: UdpFields, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const datagram = new Uint8Array(8 + payload.length);
  putU16(datagram, 0, fields.srcPort);
  putU16(datagram, 2, fields.dstPort);
  putU16(datagram, 4, datagram.length);
  datagram.set(payload, 8);
  return datagram;
}

/** An ICMP message with its checksum. */
export function buildIcmp4(fields: IcmpFields, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const message = buildIcmp6(fields, payload);
  putU16(message, 2, internetChecksum(message));
  return message;
}

/** An ICMPv6 message, checksum zero. */
export function buildIcmp6(fields: IcmpFields, payload: Uint8Array = new Uint8Array(0)): Uint8Array {
  const message = new Uint8Array(8 + payload.length);
  message[0] = fields.type;
  message[1] = fields.code ?? 0;
  putU32(message, 4, fields.rest ?? 0);
  message.set(payload, 8);
  return message;
}

/** A neighbour solicitation or advertisement (an ICMPv6 message, checksum zero). @see RFC 4861, section 4 */
export function buildNeighbor(fields: NeighborFields): Uint8Array {
  const options = [linkLayerOption(1, fields.sourceMac), linkLayerOption(2, fields.targetMac)];
  const body = Uint8Array.from([...fields.target, ...options.flat()]);
  const isSolicitation = fields.kind === "solicitation";
  const type = isSolicitation ? ICMP6_TYPE.neighborSolicitation : ICMP6_TYPE.neighborAdvertisement;
  return buildIcmp6({ type, rest: isSolicitation ? 0 : (fields.flags ?? 0) << 29 }, body);
}

function linkLayerOption(type: number, mac: number | undefined): number[] {
  if (mac === undefined) return [];
  const option = new Uint8Array(8);
  option.set([type, 1]);
  putMac(option, 2, mac);
  return [...option];
}
