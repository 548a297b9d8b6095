/**
 * What: fills a FlowKey from an Ethernet frame.
 *
 * Why: it runs once per packet, before the first cache probe, so it neither allocates nor throws.
 *
 * How: a cursor walks the layers; each layer checks its own length first and leaves its fields zero when the
 * frame ends early or contradicts itself. Lengths in IP headers bound what follows, so Ethernet padding is
 * never taken for payload.
 *
 * Limits: two VLAN tags, or fewer as the caller says, and three MPLS labels; behind a further tag or a label nothing is read. IPv6 extension headers
 * hop-by-hop, routing, destination options, authentication and fragment are walked.
 */
import { getU8, getU16, getU32 } from "./bytes.ts";
import { FIELDS } from "./flow-key.ts";

const IN_PORT = FIELDS.in_port.word;
const ETH_DST = FIELDS.eth_dst.word;
const ETH_SRC = FIELDS.eth_src.word;
const ETH_TYPE_VLAN = FIELDS.eth_type.word; //  | eth_type | vlan_tci | vlan_tpid | vlan_tci1 | vlan_tpid1 | 0 |
const MPLS_LSE = FIELDS.mpls_lse.word;
/** What programs were made for that know of one tag. */
export const DEFAULT_VLAN_LIMIT = 1;
/** Tags that a FlowKey has room for. */
export const MAX_VLAN_LIMIT = 2;
const MAX_LABELS = 3;
const BOTTOM_OF_STACK = 0x100;
const NW = FIELDS.nw_proto.word; //  | proto | tos | ttl | frag |
const NW_SRC = FIELDS.nw_src.word;
const NW_DST = FIELDS.nw_dst.word;
const IPV6_SRC = FIELDS.ipv6_src.word;
const IPV6_LABEL = FIELDS.ipv6_label.word;
const ND_TARGET = FIELDS.nd_target.word;
const ARP_SHA = FIELDS.arp_sha.word;
const ARP_THA = FIELDS.arp_tha.word;
const TP = FIELDS.tp_src.word; //  | tp_src | tp_dst |
const TCP_FLAGS = FIELDS.tcp_flags.word; //  | tcp_flags | nd_options_type | 0 |
const ND_RESERVED = FIELDS.nd_reserved.word;

/**
 * Fills `out` from a frame; metadata other than `in_port` becomes zero.
 *
 * @param frame - bytes that hold the frame
 * @param length - bytes of the frame
 * @param inPort - value of `in_port`
 * @param out - `Uint32Array(FLOW_WORDS)`, overwritten
 * @param at - where in `frame` the Ethernet header starts
 * @param vlanLimit - how many tags are read, at most 2; behind a further one nothing is
 */
export function parseFlowKey(
  frame: Uint8Array,
  length: number,
  inPort: number,
  out: Uint32Array,
  at = 0,
  vlanLimit: number = DEFAULT_VLAN_LIMIT,
): void {
  out.fill(0);
  out[IN_PORT] = inPort;
  const end = at + Math.min(length, frame.length - at);
  if (end - at < 14) return;
  out[ETH_DST] = getU16(frame, at);
  out[ETH_DST + 1] = getU32(frame, at + 2);
  out[ETH_SRC] = getU16(frame, at + 6);
  out[ETH_SRC + 1] = getU32(frame, at + 8);

  let cursor = at + 12;
  let type = getU16(frame, cursor);
  let tci = 0;
  if (vlanLimit > 0 && isTag(type) && end - cursor >= 6) {
    const tpid = type;
    tci = getU16(frame, cursor + 2) | 0x1000;
    cursor += 4;
    type = getU16(frame, cursor);
    out[ETH_TYPE_VLAN + 1] = tpid << 16;
    if (vlanLimit > 1 && isTag(type) && end - cursor >= 6) {
      out[ETH_TYPE_VLAN + 1] = (tpid << 16) | getU16(frame, cursor + 2) | 0x1000;
      out[ETH_TYPE_VLAN + 2] = type << 16;
      cursor += 4;
      type = getU16(frame, cursor);
    }
  }
  cursor += 2;
  if (type < 0x600) {
    type = snapType(frame, cursor, end);
    cursor += 8;
  }
  out[ETH_TYPE_VLAN] = (type << 16) | tci;

  if (type === 0x0800) parseIp4Header(frame, cursor, end, out);
  else if (type === 0x86dd) parseIp6Header(frame, cursor, end, out);
  else if (type === 0x0806 || type === 0x8035) parseArpHeader(frame, cursor, end, out);
  else if (type === 0x8847 || type === 0x8848) parseLabels(frame, cursor, end, out);
}

function isTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8;
}

/** The outermost labels, down to the bottom of the stack. */
function parseLabels(frame: Uint8Array, at: number, end: number, out: Uint32Array): void {
  for (let i = 0; i < MAX_LABELS && end - at >= 4 * (i + 1); i++) {
    const entry = getU32(frame, at + 4 * i);
    out[MPLS_LSE + i] = entry;
    if ((entry & BOTTOM_OF_STACK) !== 0) return;
  }
}

/** The EtherType in an 802.2 SNAP header, or 0x05ff when the frame has none. */
function snapType(frame: Uint8Array, at: number, end: number): number {
  if (end - at < 8) return 0x05ff;
  if (getU32(frame, at) !== 0xaaaa0300 || getU16(frame, at + 4) !== 0) return 0x05ff;
  const type = getU16(frame, at + 6);
  return type >= 0x600 ? type : 0x05ff;
}

function parseArpHeader(frame: Uint8Array, at: number, end: number, out: Uint32Array): void {
  if (end - at < 28) return;
  if (getU32(frame, at) !== 0x00010800 || getU16(frame, at + 4) !== 0x0604) return; // Ethernet and IPv4 only
  const opcode = getU16(frame, at + 6);
  out[NW] = opcode <= 0xff ? opcode << 24 : 0;
  out[ARP_SHA] = getU16(frame, at + 8);
  out[ARP_SHA + 1] = getU32(frame, at + 10);
  out[NW_SRC] = getU32(frame, at + 14);
  out[ARP_THA] = getU16(frame, at + 18);
  out[ARP_THA + 1] = getU32(frame, at + 20);
  out[NW_DST] = getU32(frame, at + 24);
}

function parseIp4Header(frame: Uint8Array, at: number, end: number, out: Uint32Array): void {
  if (end - at < 20) return;
  const headerLength = (getU8(frame, at) & 15) * 4; // the version is not checked: the EtherType has said it
  const totalLength = getU16(frame, at + 2);
  if (headerLength < 20 || totalLength < headerLength || totalLength > end - at) return;
  out[NW_SRC] = getU32(frame, at + 12);
  out[NW_DST] = getU32(frame, at + 16);
  const flagsOffset = getU16(frame, at + 6);
  const frag = (flagsOffset & 0x1fff) !== 0 ? 3 : (flagsOffset & 0x2000) !== 0 ? 1 : 0;
  const proto = getU8(frame, at + 9);
  out[NW] = (proto << 24) | (getU8(frame, at + 1) << 16) | (getU8(frame, at + 8) << 8) | frag;
  if ((frag & 2) === 0) parseTransport(frame, at + headerLength, at + totalLength, proto, out);
}

function parseIp6Header(frame: Uint8Array, at: number, end: number, out: Uint32Array): void {
  if (end - at < 40) return;
  const first = getU32(frame, at);
  const payloadLength = getU16(frame, at + 4);
  if (payloadLength > end - at - 40) return;
  for (let i = 0; i < 8; i++) out[IPV6_SRC + i] = getU32(frame, at + 8 + 4 * i); // source, then destination
  const stop = at + 40 + payloadLength;
  let cursor = at + 40;
  let proto = getU8(frame, at + 6);
  let frag = 0;
  while (isExtension(proto)) {
    if (stop - cursor < 8) return;
    const next = getU8(frame, cursor);
    if (proto === 44) {
      const offsetFlags = getU16(frame, cursor + 2);
      if (offsetFlags !== 0) frag = (offsetFlags & 0xfff8) !== 0 ? 3 : 1;
      if ((frag & 2) !== 0) break; // the headers of a later fragment are not here: nw_proto stays 44
      cursor += 8;
    } else {
      cursor += proto === 51 ? (getU8(frame, cursor + 1) + 2) * 4 : (getU8(frame, cursor + 1) + 1) * 8;
      if (cursor > stop) return;
    }
    proto = next;
  }
  out[IPV6_LABEL] = first & 0xfffff;
  out[NW] = (proto << 24) | (((first >>> 20) & 0xff) << 16) | (getU8(frame, at + 7) << 8) | frag;
  if ((frag & 2) === 0) parseTransport(frame, cursor, stop, proto, out);
}

function isExtension(proto: number): boolean {
  return proto === 0 || proto === 43 || proto === 44 || proto === 51 || proto === 60;
}

/** Reads by protocol alone: ICMP inside IPv6 is odd, but has its type and code where ICMP has them. */
function parseTransport(frame: Uint8Array, at: number, end: number, proto: number, out: Uint32Array): void {
  const length = end - at;
  if (proto === 6) {
    if (length < 20) return;
    const headerLength = (getU8(frame, at + 12) >>> 4) * 4;
    if (headerLength < 20 || headerLength > length) return;
    out[TP] = getU32(frame, at);
    out[TCP_FLAGS] = (getU16(frame, at + 12) & 0xfff) << 16;
  } else if (proto === 17) {
    if (length >= 8) out[TP] = getU32(frame, at);
  } else if (proto === 132) {
    if (length >= 12) out[TP] = getU32(frame, at);
  } else if (proto === 1 || proto === 2) {
    if (length >= 8) out[TP] = (getU8(frame, at) << 16) | getU8(frame, at + 1);
  } else if (proto === 58) {
    if (length < 8) return;
    const type = getU8(frame, at);
    const code = getU8(frame, at + 1);
    out[TP] = (type << 16) | code;
    if ((type === 135 || type === 136) && code === 0 && length >= 24) parseNeighborDiscovery(frame, at, end, out);
  }
}

/** Flags, target and link-layer options of a solicitation or advertisement; an option given twice leaves all but the flags zero. */
function parseNeighborDiscovery(frame: Uint8Array, at: number, end: number, out: Uint32Array): void {
  let source = -1;
  let target = -1;
  let firstType = 0;
  out[ND_RESERVED] = getU32(frame, at + 4);
  let cursor = at + 24;
  while (end - cursor >= 8) {
    const option = getU8(frame, cursor);
    const optionLength = getU8(frame, cursor + 1) * 8;
    if (optionLength === 0 || optionLength > end - cursor) break;
    if (optionLength === 8 && option === 1) {
      if (source >= 0) return;
      source = cursor + 2;
      firstType ||= option;
    } else if (optionLength === 8 && option === 2) {
      if (target >= 0) return;
      target = cursor + 2;
      firstType ||= option;
    }
    cursor += optionLength;
  }
  out[TCP_FLAGS] = firstType << 8;
  for (let i = 0; i < 4; i++) out[ND_TARGET + i] = getU32(frame, at + 8 + 4 * i);
  if (source >= 0) {
    out[ARP_SHA] = getU16(frame, source);
    out[ARP_SHA + 1] = getU32(frame, source + 2);
  }
  if (target >= 0) {
    out[ARP_THA] = getU16(frame, target);
    out[ARP_THA + 1] = getU32(frame, target + 2);
  }
}
