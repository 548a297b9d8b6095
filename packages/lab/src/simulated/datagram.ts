/** IP packets as a simulated host sends and takes them: either family, checksums made and checked. */
import {
  addToSum,
  buildIp4,
  buildIp6,
  type Dissection,
  dissect,
  ETH_TYPE,
  foldSum,
  IP_PROTO,
  internetChecksum,
  ip4ToBytes,
  pseudoSum4,
  pseudoSum6,
} from "@tenet/net";

/** An IP packet out of a frame. */
export interface Datagram {
  /** 4 or 16 bytes. */
  readonly src: Uint8Array;
  readonly dst: Uint8Array;
  readonly hopLimit: number;
  readonly layers: Dissection;
}

const IP_AT = 14;
const FRAGMENTED = 0x3fff;

/** Reads the IP packet of an untagged frame; `undefined` for anything that a host would not take: fragments, wrong checksums. */
export function readDatagram(frame: Uint8Array): Datagram | undefined {
  const layers = dissect(frame);
  const { ip4, ip6 } = layers;
  if (layers.vlan !== undefined) return undefined;
  if (ip4 !== undefined) {
    const headerLength = ((frame[IP_AT] ?? 0) & 15) * 4;
    if ((ip4.fragment & FRAGMENTED) !== 0 || internetChecksum(frame, IP_AT, headerLength) !== 0) return undefined;
    const length = (((frame[IP_AT + 2] ?? 0) << 8) | (frame[IP_AT + 3] ?? 0)) - headerLength;
    const pseudo = ip4.proto === IP_PROTO.icmp ? 0 : pseudoSum4(frame, IP_AT, ip4.proto, length);
    if (!isWhole(frame, IP_AT + headerLength, length, pseudo)) return undefined;
    return { src: ip4ToBytes(ip4.src), dst: ip4ToBytes(ip4.dst), hopLimit: ip4.ttl, layers };
  }
  if (ip6 === undefined) return undefined;
  const length = ((frame[IP_AT + 4] ?? 0) << 8) | (frame[IP_AT + 5] ?? 0);
  if (!isWhole(frame, IP_AT + 40, length, pseudoSum6(frame, IP_AT, ip6.proto, length))) return undefined;
  return { src: ip6.src.slice(), dst: ip6.dst.slice(), hopLimit: ip6.hopLimit, layers };
}

/** The IP packet around a message, addresses of either family. */
export function buildDatagram(src: Uint8Array, dst: Uint8Array, proto: number, message: Uint8Array, hopLimit = 64): Uint8Array {
  if (src.length === 16) return buildIp6({ src, dst, proto, hopLimit }, message);
  return buildIp4({ src: ip4Number(src), dst: ip4Number(dst), proto, ttl: hopLimit, dontFragment: true }, message);
}

/** The EtherType of a family's packets. */
export function etherTypeOf(address: Uint8Array): number {
  return address.length === 4 ? ETH_TYPE.ip4 : ETH_TYPE.ip6;
}

/** Four bytes as a number. */
export function ip4Number(address: Uint8Array): number {
  return new DataView(address.buffer, address.byteOffset, 4).getUint32(0);
}

/** Whether two addresses are the same. */
export function sameAddress(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function isWhole(frame: Uint8Array, at: number, length: number, pseudo: number): boolean {
  return foldSum(addToSum(pseudo, frame, at, length)) === 0xffff;
}
