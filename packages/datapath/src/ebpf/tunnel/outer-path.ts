/**
 * What the kernel's program puts in front of packets that go into a tunnel, and where it sends them: made once here, for all packets
 * that go the same way, so that the program stores it as it is and fills in what depends on the packet.
 *
 *  | device 4 | port 4 | header's length 4 | longest frame 4 | sums 4 + 4 | ends 4 + 4 | next hop 20 | 0 4 | flags for room 8 | header ... |
 */
import { FIELDS, getField, IP_PROTO, optionsSizeOf, putU16, setField, tunnelFamily, TUNNEL_FLAG } from "@tenet/net";
import type { SetTunnelAction, TunnelSpec } from "../../datapath.ts";
import { buildOuterHeader } from "../../tunnel/outer-header.ts";

/** Offsets and sizes. */
export const OUTER_PATH = {
  /** The device that outer packets leave by; 0 = the program cannot send there. */
  ifindex: 0,
  portNo: 4,
  headerLength: 8,
  /** Bytes of the longest frame that need not be fragmented. */
  maxLength: 12,
  /** Unfolded sum of the IPv4 header without length and identification, as the machine reads it; 0 for IPv6. */
  ipSum: 16,
  /** The same of what a checksum behind that is over, without lengths, source port and frame; 0 = there is none. */
  sum: 20,
  /** The tunnel's other end, its last word, by family; a packet to it would come back. 0 = none of this family. */
  end4: 24,
  end6: 28,
  /** `struct bpf_redir_neigh`. */
  nextHop: 32,
  /** Flags of `skb_adjust_room`. */
  roomFlags: 56,
  header: 64,
  sizeBytes: 192,
} as const;

/** Bytes of the shortest and longest header that there is room for. */
export const MIN_OUTER_BYTES: number = 14 + 20 + 4;
export const MAX_OUTER_BYTES: number = OUTER_PATH.sizeBytes - OUTER_PATH.header;
/** Bytes of `struct bpf_redir_neigh`. */
export const NEXT_HOP_BYTES = 20;

/** How the host sends to the other end of a tunnel. */
export interface Way {
  readonly ifindex: number;
  /** Bytes of the longest IP packet. */
  readonly mtu: number;
  /** 4 or 16 bytes. */
  readonly destination: Uint8Array;
  /** The address that packets start from: one word, or four. */
  readonly source: Uint32Array;
  /** Gateway or destination, 4 or 16 bytes. */
  readonly nextHop: Uint8Array;
}

const L3 = 14;
const ETHERNET_BYTES = 14;
const DEFAULT_TTL = 64;
const AF = { 4: 2, 6: 10 } as const;
const ROOM = { fixedGso: 1, ip4: 2, ip6: 4, gre: 8, udp: 16, ethernet: 64 } as const;

/** Whether the program can do what the outer headers are to be. */
export function canEncapsulate({ key }: SetTunnelAction): boolean {
  return tunnelFamily(key) !== 0 && ETHERNET_BYTES + 40 + 16 + optionsSizeOf(key) <= MAX_OUTER_BYTES;
}

/** A path as the program has it; without a way, one whose packets all come up. */
export function encodeOuterPath(portNo: number, spec: TunnelSpec, action: SetTunnelAction, way: Way | undefined): Uint8Array {
  const bytes = new Uint8Array(OUTER_PATH.sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(OUTER_PATH.portNo, portNo, true);
  if (way === undefined) return bytes;
  const family = tunnelFamily(action.key) === 6 ? 6 : 4;
  const header = outerHeader(spec, action, way);
  bytes.set(header, OUTER_PATH.header);
  view.setUint32(OUTER_PATH.ifindex, way.ifindex, true);
  view.setUint32(OUTER_PATH.headerLength, header.length, true);
  view.setUint32(OUTER_PATH.maxLength, Math.max(0, way.mtu - header.length + L3), true);
  const isGre = spec.type === "gre" || spec.type === "ip6gre";
  const l4 = L3 + (family === 4 ? 20 : 40);
  if (family === 4) view.setUint32(OUTER_PATH.ipSum, sumOf(header, L3, l4), true);
  if (hasChecksum(action)) {
    const addresses = sumOf(header, l4 - (family === 4 ? 8 : 32), l4);
    view.setUint32(OUTER_PATH.sum, sumOf(header, l4, header.length) + (isGre ? 0 : addresses + (IP_PROTO.udp << 8)), true);
  }
  const endAt = OUTER_PATH.header + L3 + (family === 4 ? 16 : 36);
  bytes.copyWithin(family === 4 ? OUTER_PATH.end4 : OUTER_PATH.end6, endAt, endAt + 4);
  view.setUint32(OUTER_PATH.nextHop, AF[way.nextHop.length === 4 ? 4 : 6], true);
  bytes.set(way.nextHop, OUTER_PATH.nextHop + 4);
  const { fixedGso, ip4, ip6, gre, udp, ethernet } = ROOM;
  view.setUint32(OUTER_PATH.roomFlags, fixedGso | ethernet | (family === 4 ? ip4 : ip6) | (isGre ? gre : udp), true);
  // The inner Ethernet header alone: with the tunnel's header counted in, segments would be cut wrongly.
  view.setUint32(OUTER_PATH.roomFlags + 4, ETHERNET_BYTES << 24, true);
  return bytes;
}

/** With lengths, checksums and the UDP source port zero. */
function outerHeader(spec: TunnelSpec, { key, dstPort }: SetTunnelAction, { source }: Way): Uint8Array {
  const full = key.slice();
  const family = tunnelFamily(key);
  full.set(source, family === 4 ? FIELDS.tun_src.word : FIELDS.tun_ipv6_src.word);
  if (getField(key, FIELDS.tun_ttl) === 0) setField(full, FIELDS.tun_ttl, DEFAULT_TTL);
  const header = buildOuterHeader(spec, { key: full, dstPort }, { src: 0, dst: 0 });
  if (family === 4) putU16(header, L3 + 10, 0);
  if (dstPort !== 0) putU16(header, L3 + (family === 4 ? 20 : 40) + 6, 0);
  return header;
}

function hasChecksum({ key }: SetTunnelAction): boolean {
  return (getField(key, FIELDS.tun_flags) & TUNNEL_FLAG.checksum) !== 0;
}

/** Of 16-bit words, as the machine reads them. */
function sumOf(bytes: Uint8Array, start: number, end: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let sum = 0;
  for (let at = start; at < end; at += 2) sum += view.getUint16(at, true);
  return sum;
}
