/**
 * Sets header fields of a frame in place, and keeps its checksums true.
 *
 * Checksums are updated incrementally (RFC 1624). When a frame's transport checksum is still partial, its field
 * holds the plain sum of the pseudo-header: then only a change of address changes it, and without the complement.
 */
import { FIELDS, getField, getU16, getU32, putU16, putU32, transportChecksumAt, updateChecksum } from "@tenet/net";
import { setMpls } from "./mpls.ts";
import { changeSctp } from "./sctp-checksum.ts";
import { isPartial } from "./vnet-header.ts";

const ETH_DST = FIELDS.eth_dst.word;
const ETH_SRC = FIELDS.eth_src.word;
const ETH_TYPE_VLAN = FIELDS.eth_type.word; //  | eth_type | vlan_tci |
const MPLS_LSE = FIELDS.mpls_lse.word;
const NW = FIELDS.nw_proto.word; //  | proto | tos | ttl | frag |
const NW_SRC = FIELDS.nw_src.word;
const NW_DST = FIELDS.nw_dst.word;
const IPV6_SRC = FIELDS.ipv6_src.word;
const IPV6_LABEL = FIELDS.ipv6_label.word;
const ND_TARGET = FIELDS.nd_target.word;
const ARP_SHA = FIELDS.arp_sha.word;
const ARP_THA = FIELDS.arp_tha.word;
const TP = FIELDS.tp_src.word; //  | tp_src | tp_dst |
const ND_RESERVED = FIELDS.nd_reserved.word;
const ND_OPTIONS_TYPE = FIELDS.nd_options_type;
/** Bytes that a transport header has at least; less is none. */
const MIN_TRANSPORT = new Map([
  [1, 8],
  [6, 20],
  [17, 8],
  [58, 8],
  [132, 12],
]);

/** Sets fields; one per datapath, as it keeps where it is in the frame between steps. */
export class Rewriter {
  #bytes: Uint8Array = new Uint8Array(0);
  #end = 0;
  #proto = 0;
  #l4At = -1;
  /** Where the transport checksum is; -1 when there is none to keep. */
  #checksumAt = -1;
  #isPartial = false;

  /**
   * Applies `key` under `mask` to the frame at `at`. Fields that the frame does not have are left out: also those
   * beyond the end of an IP packet, and all of one whose lengths contradict the frame.
   *
   * @param headerAt - the frame's virtio-net header
   */
  apply(bytes: Uint8Array, headerAt: number, at: number, length: number, key: Uint32Array, mask: Uint32Array): void {
    if (length < 14) return;
    this.#bytes = bytes;
    this.#end = at + length;
    this.#isPartial = isPartial(bytes, headerAt);
    this.#setMac(at, key, mask, ETH_DST);
    this.#setMac(at + 6, key, mask, ETH_SRC);
    let typeAt = at + 12;
    let type = getU16(bytes, typeAt);
    const tciMask = (mask[ETH_TYPE_VLAN] ?? 0) & 0xefff;
    for (; (type === 0x8100 || type === 0x88a8) && this.#end - typeAt >= 6; type = getU16(bytes, typeAt)) {
      if (tciMask !== 0 && typeAt === at + 12) putMasked16(bytes, typeAt + 2, key[ETH_TYPE_VLAN] ?? 0, tciMask);
      typeAt += 4;
    }
    setMpls(bytes, typeAt, this.#end, key[MPLS_LSE] ?? 0, mask[MPLS_LSE] ?? 0);
    const l3At = typeAt + 2;
    if (type === 0x0800) this.#setIp4(l3At, key, mask);
    else if (type === 0x86dd) this.#setIp6(l3At, key, mask);
    else if (type === 0x0806 || type === 0x8035) this.#setArp(l3At, key, mask);
  }

  #setMac(at: number, key: Uint32Array, mask: Uint32Array, word: number): void {
    const high = mask[word] ?? 0;
    const low = mask[word + 1] ?? 0;
    if ((high | low) === 0) return;
    putMasked16(this.#bytes, at, key[word] ?? 0, high);
    putMasked32(this.#bytes, at + 2, key[word + 1] ?? 0, low);
  }

  #setArp(at: number, key: Uint32Array, mask: Uint32Array): void {
    if (this.#end - at < 28) return;
    putMasked16(this.#bytes, at + 6, (key[NW] ?? 0) >>> 24, (mask[NW] ?? 0) >>> 24);
    this.#setMac(at + 8, key, mask, ARP_SHA);
    putMasked32(this.#bytes, at + 14, key[NW_SRC] ?? 0, mask[NW_SRC] ?? 0);
    this.#setMac(at + 18, key, mask, ARP_THA);
    putMasked32(this.#bytes, at + 24, key[NW_DST] ?? 0, mask[NW_DST] ?? 0);
  }

  #setIp4(at: number, key: Uint32Array, mask: Uint32Array): void {
    const bytes = this.#bytes;
    const headerLength = ((bytes[at] ?? 0) & 15) * 4;
    if (this.#end - at < 20) return;
    const totalLength = getU16(bytes, at + 2);
    if (headerLength < 20 || totalLength < headerLength || totalLength > this.#end - at) return;
    this.#end = at + totalLength;
    const isLater = (getU16(bytes, at + 6) & 0x1fff) !== 0;
    this.#findTransport(isLater ? -1 : at + headerLength, bytes[at + 9] ?? 0, 4);
    this.#setIp4Address(at, at + 12, key[NW_SRC] ?? 0, mask[NW_SRC] ?? 0);
    this.#setIp4Address(at, at + 16, key[NW_DST] ?? 0, mask[NW_DST] ?? 0);
    const nw = key[NW] ?? 0;
    const nwMask = mask[NW] ?? 0;
    this.#setIp4Word(at, at, nw >>> 16, (nwMask >>> 16) & 0xff); // version, IHL | tos
    this.#setIp4Word(at, at + 8, nw & 0xff00, nwMask & 0xff00); // ttl | proto
    this.#setTransport(key, mask, 1);
  }

  #setIp4Address(headerAt: number, at: number, value: number, mask: number): void {
    if (mask === 0) return;
    this.#setIp4Word(headerAt, at, value >>> 16, mask >>> 16, true);
    this.#setIp4Word(headerAt, at + 2, value & 0xffff, mask & 0xffff, true);
  }

  /** Sets 16 bits of an IPv4 header; an address is also covered by the transport checksum. */
  #setIp4Word(headerAt: number, at: number, value: number, mask: number, isAddress = false): void {
    if (mask === 0) return;
    const bytes = this.#bytes;
    const before = getU16(bytes, at);
    putMasked16(bytes, at, value, mask);
    const after = getU16(bytes, at);
    putU16(bytes, headerAt + 10, updateChecksum(getU16(bytes, headerAt + 10), before, after));
    if (isAddress) this.#updatePseudo(before, after);
  }

  #setIp6(at: number, key: Uint32Array, mask: Uint32Array): void {
    const bytes = this.#bytes;
    const payloadLength = getU16(bytes, at + 4);
    if (this.#end - at < 40 || payloadLength > this.#end - at - 40) return;
    this.#end = at + 40 + payloadLength;
    this.#findIp6Transport(at);
    for (let i = 0; i < 8; i++) this.#setIp6AddressWord(at + 8 + 4 * i, key[IPV6_SRC + i] ?? 0, mask[IPV6_SRC + i] ?? 0);
    const tos = ((key[NW] ?? 0) >>> 16) & 0xff;
    const tosMask = ((mask[NW] ?? 0) >>> 16) & 0xff;
    const label = (key[IPV6_LABEL] ?? 0) & 0xfffff;
    const labelMask = (mask[IPV6_LABEL] ?? 0) & 0xfffff;
    putMasked32(bytes, at, (tos << 20) | label, (tosMask << 20) | labelMask);
    putMasked16(bytes, at + 6, (key[NW] ?? 0) >>> 8, ((mask[NW] ?? 0) >>> 8) & 0xff); // next header | hop limit
    this.#setTransport(key, mask, 58);
  }

  #setIp6AddressWord(at: number, value: number, mask: number): void {
    if (mask === 0) return;
    const before = getU32(this.#bytes, at);
    putMasked32(this.#bytes, at, value, mask);
    const after = getU32(this.#bytes, at);
    this.#updatePseudo(before >>> 16, after >>> 16);
    this.#updatePseudo(before & 0xffff, after & 0xffff);
  }

  /** Walks extension headers to the transport header. */
  #findIp6Transport(at: number): void {
    const bytes = this.#bytes;
    let proto = bytes[at + 6] ?? 0;
    let cursor = at + 40;
    while ((proto === 0 || proto === 43 || proto === 44 || proto === 51 || proto === 60) && this.#end - cursor >= 8) {
      if (proto === 44 && (getU16(bytes, cursor + 2) & 0xfff8) !== 0) break;
      const units = bytes[cursor + 1] ?? 0;
      const next = bytes[cursor] ?? 0;
      cursor += proto === 44 ? 8 : proto === 51 ? (units + 2) * 4 : (units + 1) * 8;
      proto = next;
    }
    this.#findTransport(cursor, proto, 6);
  }

  #findTransport(at: number, proto: number, family: 4 | 6): void {
    const field = transportChecksumAt(proto, family);
    this.#proto = proto;
    this.#l4At = at >= 0 && this.#end - at >= (MIN_TRANSPORT.get(proto) ?? 4) ? at : -1;
    this.#checksumAt = at >= 0 && field >= 0 && this.#end - at >= field + 2 ? at + field : -1;
    const isUdp4 = proto === 17 && family === 4 && this.#checksumAt >= 0;
    if (isUdp4 && !this.#isPartial && getU16(this.#bytes, this.#checksumAt) === 0) this.#checksumAt = -1; // not used
  }

  #setTransport(key: Uint32Array, mask: Uint32Array, icmpProto: number): void {
    const at = this.#l4At;
    const bytes = this.#bytes;
    if (at < 0) return;
    const value = key[TP] ?? 0;
    const ones = mask[TP] ?? 0;
    if (ones !== 0 && (this.#proto === 6 || this.#proto === 17)) {
      this.#setCovered(at, value >>> 16, ones >>> 16);
      this.#setCovered(at + 2, value & 0xffff, ones & 0xffff);
    }
    if (ones !== 0 && this.#proto === 132) {
      const setPorts = (): void => putMasked32(bytes, at, value, ones);
      if (this.#isPartial) setPorts();
      else changeSctp(bytes, at, this.#end, setPorts);
    }
    if (this.#proto !== icmpProto) return;
    // ICMP covers no addresses, so its checksum is not found as a transport checksum.
    if (icmpProto === 1) this.#checksumAt = at + 2;
    this.#setCovered(at, ((value >>> 8) & 0xff00) | (value & 0xff), ((ones >>> 8) & 0xff00) | (ones & 0xff));
    const type = bytes[at] ?? 0;
    if (icmpProto === 58 && (type === 135 || type === 136) && this.#end - at >= 24) this.#setDiscovery(at, key, mask);
  }

  #setDiscovery(at: number, key: Uint32Array, mask: Uint32Array): void {
    this.#setCovered32(at + 4, key[ND_RESERVED] ?? 0, mask[ND_RESERVED] ?? 0);
    for (let i = 0; i < 4; i++) this.#setCovered32(at + 8 + 4 * i, key[ND_TARGET + i] ?? 0, mask[ND_TARGET + i] ?? 0);
    const typeMask = getField(mask, ND_OPTIONS_TYPE);
    let isFirst = true;
    for (let cursor = at + 24; this.#end - cursor >= 8; ) {
      const option = this.#bytes[cursor];
      const optionLength = (this.#bytes[cursor + 1] ?? 0) * 8;
      if (optionLength === 0) return;
      const word = option === 1 ? ARP_SHA : option === 2 ? ARP_THA : -1;
      if (word >= 0 && optionLength === 8) {
        this.#setCovered(cursor + 2, key[word] ?? 0, mask[word] ?? 0);
        this.#setCovered32(cursor + 4, key[word + 1] ?? 0, mask[word + 1] ?? 0);
        if (isFirst) this.#setCovered(cursor, getField(key, ND_OPTIONS_TYPE) << 8, typeMask << 8); // type | length
        isFirst = false;
      }
      cursor += optionLength;
    }
  }

  #setCovered32(at: number, value: number, mask: number): void {
    this.#setCovered(at, value >>> 16, mask >>> 16);
    this.#setCovered(at + 2, value & 0xffff, mask & 0xffff);
  }

  /** Sets 16 bits that the transport checksum covers but the pseudo-header does not hold. */
  #setCovered(at: number, value: number, mask: number): void {
    if (mask === 0) return;
    const before = getU16(this.#bytes, at);
    putMasked16(this.#bytes, at, value, mask);
    if (!this.#isPartial) this.#updateTransport(before, getU16(this.#bytes, at));
  }

  /** Carries a change of 16 bits of the pseudo-header into the transport checksum. */
  #updatePseudo(before: number, after: number): void {
    if (!this.#isPartial) {
      this.#updateTransport(before, after);
      return;
    }
    const at = this.#checksumAt;
    if (at < 0) return;
    const sum = getU16(this.#bytes, at);
    putU16(this.#bytes, at, ~updateChecksum(~sum & 0xffff, before, after) & 0xffff);
  }

  #updateTransport(before: number, after: number): void {
    const at = this.#checksumAt;
    if (at < 0) return;
    const checksum = updateChecksum(getU16(this.#bytes, at), before, after);
    putU16(this.#bytes, at, this.#proto === 17 && checksum === 0 ? 0xffff : checksum);
  }
}

function putMasked16(bytes: Uint8Array, at: number, value: number, mask: number): void {
  if (mask !== 0) putU16(bytes, at, (getU16(bytes, at) & ~mask) | (value & mask));
}

function putMasked32(bytes: Uint8Array, at: number, value: number, mask: number): void {
  if (mask !== 0) putU32(bytes, at, (getU32(bytes, at) & ~mask) | (value & mask));
}
