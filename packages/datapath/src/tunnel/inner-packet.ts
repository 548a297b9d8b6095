/** What the sending side of a tunnel looks at in the packets that go into it. */
import { FIELDS, getU16, getU32 } from "@tenet/net";
import type { SetTunnelAction } from "../datapath.ts";

const DST = FIELDS.tun_dst.word;
const DST6 = FIELDS.tun_ipv6_dst.word;
const IP4 = 0x0800;
const IP6 = 0x86dd;
const TCP = 6;
const UDP = 17;
const SCTP = 132;
/** Of an IPv4 header's flags and offset: set in fragments. */
const MORE_OR_OFFSET = 0x3fff;
const GRE = 47;
const L3 = 14;
/** A loop has no VLAN tags: the frame is as the host's own stack made it. */
const MIN_BYTES = L3 + 40;

/** A hash that is the same for all packets of a connection in one direction. */
export function hashInner(bytes: Uint8Array, at: number, length: number): number {
  let hash = mix(getU32(bytes, at + 2), getU32(bytes, at + 8));
  const type = getU16(bytes, at + 12);
  if (type === IP4 && length >= L3 + 24) {
    hash = mix(mix(hash, getU32(bytes, at + L3 + 12)), getU32(bytes, at + L3 + 16));
    const isWhole = bytes[at + L3] === 0x45 && (getU16(bytes, at + L3 + 6) & MORE_OR_OFFSET) === 0;
    if (isWhole && hasPorts(bytes[at + L3 + 9])) hash = mix(hash, getU32(bytes, at + L3 + 20));
  } else if (type === IP6 && length >= L3 + 44) {
    hash = mix(mix(hash, getU32(bytes, at + L3 + 20)), getU32(bytes, at + L3 + 36));
    if (hasPorts(bytes[at + L3 + 6])) hash = mix(hash, getU32(bytes, at + L3 + 40));
  }
  return hash;
}

/** Whether the protocol's header begins with ports: all packets of a connection have the same. */
function hasPorts(proto: number | undefined): boolean {
  return proto === TCP || proto === UDP || proto === SCTP;
}

/**
 * Whether a packet is the outer packet of the very tunnel that it is about to go into: it is addressed to the same
 * endpoint by the same protocol, so it would come back, longer, without end.
 */
export function isOwnOuter(bytes: Uint8Array, at: number, length: number, { key, dstPort }: SetTunnelAction): boolean {
  if (length < MIN_BYTES) return false;
  const type = getU16(bytes, at + 12);
  if (type === IP4) {
    if (getU32(bytes, at + L3 + 16) !== key[DST]) return false;
    return isOfTunnel(bytes, bytes[at + L3 + 9] ?? 0, at + L3 + ((bytes[at + L3] ?? 0) & 15) * 4, dstPort);
  }
  if (type !== IP6) return false;
  for (let k = 0; k < 4; k++) if (getU32(bytes, at + L3 + 24 + 4 * k) !== key[DST6 + k]) return false;
  return isOfTunnel(bytes, bytes[at + L3 + 6] ?? 0, at + L3 + 40, dstPort);
}

function isOfTunnel(bytes: Uint8Array, proto: number, transportAt: number, dstPort: number): boolean {
  return dstPort === 0 ? proto === GRE : proto === UDP && getU16(bytes, transportAt + 2) === dstPort;
}

/** One round of a multiply-rotate hash. */
function mix(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1);
  return ((product << 13) | (product >>> 19)) >>> 0;
}
