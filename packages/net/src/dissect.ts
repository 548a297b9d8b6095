/**
 * Reads a frame into plain objects, layer by layer: the comfortable counterpart of `parseFlowKey`, for hosts,
 * tools and tests. It allocates; the fast path does not use it.
 */
import { getMac, getU8, getU16, getU32 } from "./bytes.ts";
import { ETH_TYPE, IP_PROTO } from "./numbers.ts";

/** The layers found; what the frame does not carry, or carries truncated, is absent. */
export interface Dissection {
  readonly ethernet?: { readonly dst: number; readonly src: number; readonly type: number };
  readonly vlan?: { readonly tpid: number; readonly vid: number; readonly pcp: number };
  readonly arp?: {
    readonly operation: number;
    readonly senderMac: number;
    readonly senderIp: number;
    readonly targetMac: number;
    readonly targetIp: number;
  };
  readonly ip4?: {
    readonly src: number;
    readonly dst: number;
    readonly proto: number;
    readonly ttl: number;
    readonly tos: number;
    readonly id: number;
    /** Flags (3 bits) and offset (13 bits). */
    readonly fragment: number;
  };
  readonly ip6?: {
    readonly src: Uint8Array;
    readonly dst: Uint8Array;
    readonly proto: number;
    readonly hopLimit: number;
    readonly trafficClass: number;
    readonly label: number;
  };
  readonly tcp?: {
    readonly srcPort: number;
    readonly dstPort: number;
    readonly seq: number;
    readonly ack: number;
    readonly flags: number;
    readonly window: number;
  };
  readonly udp?: { readonly srcPort: number; readonly dstPort: number };
  /** ICMP or ICMPv6; `rest` is the second 32-bit word. */
  readonly icmp?: { readonly type: number; readonly code: number; readonly rest: number };
  /** What follows the last layer read; a view into the frame. */
  readonly payload: Uint8Array;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Reads the layers of a frame; never throws. Payloads and IPv6 addresses are views into `frame`. */
export function dissect(frame: Uint8Array): Dissection {
  const out: Mutable<Dissection> = { payload: frame };
  if (frame.length < 14) return out;
  let at = 12;
  let type = getU16(frame, at);
  if ((type === ETH_TYPE.vlan || type === ETH_TYPE.qinq) && frame.length >= 18) {
    const tci = getU16(frame, 14);
    out.vlan = { tpid: type, vid: tci & 0xfff, pcp: tci >>> 13 };
    at = 16;
    type = getU16(frame, at);
  }
  out.ethernet = { dst: getMac(frame, 0), src: getMac(frame, 6), type };
  out.payload = frame.subarray(at + 2);
  if (type === ETH_TYPE.arp) readArp(out, out.payload);
  else if (type === ETH_TYPE.ip4) readIp4(out, out.payload);
  else if (type === ETH_TYPE.ip6) readIp6(out, out.payload);
  return out;
}

function readArp(out: Mutable<Dissection>, bytes: Uint8Array): void {
  if (bytes.length < 28 || getU32(bytes, 0) !== 0x0001_0800 || getU16(bytes, 4) !== 0x0604) return;
  out.arp = {
    operation: getU16(bytes, 6),
    senderMac: getMac(bytes, 8),
    senderIp: getU32(bytes, 14),
    targetMac: getMac(bytes, 18),
    targetIp: getU32(bytes, 24),
  };
  out.payload = bytes.subarray(28);
}

function readIp4(out: Mutable<Dissection>, bytes: Uint8Array): void {
  const headerLength = (getU8(bytes, 0) & 15) * 4;
  const totalLength = getU16(bytes, 2);
  if (getU8(bytes, 0) >>> 4 !== 4 || headerLength < 20 || totalLength < headerLength || totalLength > bytes.length) return;
  const fragment = getU16(bytes, 6);
  const proto = getU8(bytes, 9);
  out.ip4 = {
    src: getU32(bytes, 12),
    dst: getU32(bytes, 16),
    proto,
    ttl: getU8(bytes, 8),
    tos: getU8(bytes, 1),
    id: getU16(bytes, 4),
    fragment,
  };
  out.payload = bytes.subarray(headerLength, totalLength);
  if ((fragment & 0x1fff) === 0) readTransport(out, out.payload, proto, IP_PROTO.icmp);
}

function readIp6(out: Mutable<Dissection>, bytes: Uint8Array): void {
  const payloadLength = getU16(bytes, 4);
  if (getU8(bytes, 0) >>> 4 !== 6 || bytes.length < 40 + payloadLength) return;
  const first = getU32(bytes, 0);
  const proto = getU8(bytes, 6);
  out.ip6 = {
    src: bytes.subarray(8, 24),
    dst: bytes.subarray(24, 40),
    proto,
    hopLimit: getU8(bytes, 7),
    trafficClass: (first >>> 20) & 0xff,
    label: first & 0xfffff,
  };
  out.payload = bytes.subarray(40, 40 + payloadLength);
  readTransport(out, out.payload, proto, IP_PROTO.icmp6);
}

function readTransport(out: Mutable<Dissection>, bytes: Uint8Array, proto: number, icmpProto: number): void {
  if (proto === IP_PROTO.tcp && bytes.length >= 20) {
    const headerLength = (getU8(bytes, 12) >>> 4) * 4;
    if (headerLength < 20 || headerLength > bytes.length) return;
    out.tcp = {
      srcPort: getU16(bytes, 0),
      dstPort: getU16(bytes, 2),
      seq: getU32(bytes, 4),
      ack: getU32(bytes, 8),
      flags: getU16(bytes, 12) & 0xfff,
      window: getU16(bytes, 14),
    };
    out.payload = bytes.subarray(headerLength);
  } else if (proto === IP_PROTO.udp && bytes.length >= 8) {
    out.udp = { srcPort: getU16(bytes, 0), dstPort: getU16(bytes, 2) };
    out.payload = bytes.subarray(8);
  } else if (proto === icmpProto && bytes.length >= 8) {
    out.icmp = { type: getU8(bytes, 0), code: getU8(bytes, 1), rest: getU32(bytes, 4) };
    out.payload = bytes.subarray(8);
  }
}
