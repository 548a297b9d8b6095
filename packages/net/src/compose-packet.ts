/**
 * Makes a frame that parses back to a given FlowKey: the inverse of `parseFlowKey`, for tracing.
 *
 * Metadata (registers, tunnel, conntrack) is not part of a frame and is ignored. Fields that a frame of the
 * key's type cannot carry (ports of a later fragment, say) are ignored as well, so that any key gives a frame;
 * for a key that `parseFlowKey` can produce, the frame gives that key again.
 */
import { buildArp, buildEthernet, buildVlan } from "./build-link.ts";
import { buildIp4, buildIp6 } from "./build-ip.ts";
import { buildIcmp4, buildIcmp6, buildTcp, buildUdp } from "./build-transport.ts";
import { putMac, putU16, putU32 } from "./bytes.ts";
import { FIELDS, type FieldSpec, getField } from "./flow-key.ts";
import { ETH_TYPE, ICMP6_TYPE, IP_PROTO, NW_FRAG, VLAN_PRESENT } from "./numbers.ts";

const BOTTOM_OF_STACK = 0x100;
const ETH_BYTES = 14;
const MAX_8023_BYTES = 1500;
const EMPTY = new Uint8Array(0);

/**
 * A frame for `key`, checksums complete, not padded.
 *
 * @param payload - what a TCP, UDP or ICMP echo message carries
 */
export function composePacket(key: Uint32Array, payload: Uint8Array = EMPTY): Uint8Array {
  const type = getField(key, FIELDS.eth_type);
  const addresses = { dst: macField(key, FIELDS.eth_dst), src: macField(key, FIELDS.eth_src) };
  const body = composeNetwork(key, type, payload);
  // One that does not say what is in it says how long it is.
  const frame = buildEthernet(
    { ...addresses, type: type < 0x600 ? Math.min(ETH_BYTES + body.length, MAX_8023_BYTES) : type },
    body,
  );
  return putTag(putTag(frame, key, FIELDS.vlan_tci1, FIELDS.vlan_tpid1), key, FIELDS.vlan_tci, FIELDS.vlan_tpid);
}

/** The frame with a tag of the key around it, if that is there. */
function putTag(frame: Uint8Array, key: Uint32Array, tciField: FieldSpec, tpidField: FieldSpec): Uint8Array {
  const tci = getField(key, tciField);
  if ((tci & VLAN_PRESENT) === 0) return frame;
  return buildVlan({ vid: tci & 0xfff, pcp: tci >>> 13, tpid: getField(key, tpidField) || ETH_TYPE.vlan }, frame);
}

function composeNetwork(key: Uint32Array, type: number, payload: Uint8Array): Uint8Array {
  if (type === ETH_TYPE.ip4) return composeIp4(key, payload);
  if (type === ETH_TYPE.ip6) return composeIp6(key, payload);
  if (type === ETH_TYPE.arp || type === ETH_TYPE.rarp) return composeArp(key);
  if (type === ETH_TYPE.mpls || type === ETH_TYPE.mplsMulticast) return composeLabels(key, payload);
  return payload;
}

/** The labels down to the bottom of the stack. */
function composeLabels(key: Uint32Array, payload: Uint8Array): Uint8Array {
  const labels = [FIELDS.mpls_lse, FIELDS.mpls_lse1, FIELDS.mpls_lse2].map((field) => getField(key, field));
  const bottom = labels.findIndex((label) => (label & BOTTOM_OF_STACK) !== 0);
  const nLabels = bottom < 0 ? labels.length : bottom + 1;
  const bytes = new Uint8Array(4 * nLabels + payload.length);
  for (const [i, label] of labels.slice(0, nLabels).entries()) putU32(bytes, 4 * i, label);
  bytes.set(payload, 4 * nLabels);
  return bytes;
}

function composeArp(key: Uint32Array): Uint8Array {
  return buildArp({
    operation: getField(key, FIELDS.nw_proto),
    senderMac: macField(key, FIELDS.arp_sha),
    senderIp: getField(key, FIELDS.nw_src),
    targetMac: macField(key, FIELDS.arp_tha),
    targetIp: getField(key, FIELDS.nw_dst),
  });
}

function composeIp4(key: Uint32Array, payload: Uint8Array): Uint8Array {
  const frag = getField(key, FIELDS.nw_frag);
  const proto = getField(key, FIELDS.nw_proto);
  const isLater = (frag & NW_FRAG.later) !== 0;
  const fields = {
    src: getField(key, FIELDS.nw_src),
    dst: getField(key, FIELDS.nw_dst),
    proto,
    ttl: getField(key, FIELDS.nw_ttl),
    tos: getField(key, FIELDS.nw_tos),
    fragmentOffset: isLater ? 185 : 0,
    moreFragments: frag === NW_FRAG.any,
  };
  return buildIp4(fields, isLater ? payload : composeTransport(key, proto, payload));
}

function composeIp6(key: Uint32Array, payload: Uint8Array): Uint8Array {
  const frag = getField(key, FIELDS.nw_frag);
  const proto = getField(key, FIELDS.nw_proto);
  const isLater = (frag & NW_FRAG.later) !== 0;
  const fields = {
    src: wordsToBytes(key, FIELDS.ipv6_src),
    dst: wordsToBytes(key, FIELDS.ipv6_dst),
    proto: isLater ? IP_PROTO.udp : proto,
    hopLimit: getField(key, FIELDS.nw_ttl),
    trafficClass: getField(key, FIELDS.nw_tos),
    label: getField(key, FIELDS.ipv6_label) & 0xfffff,
  };
  const body = isLater ? payload : composeTransport(key, proto, payload);
  if (frag === 0) return buildIp6(fields, body);
  return buildIp6({ ...fields, fragment: { offset: isLater ? 185 : 0, more: !isLater, id: 1 } }, body);
}

function composeTransport(key: Uint32Array, proto: number, payload: Uint8Array): Uint8Array {
  const srcPort = getField(key, FIELDS.tp_src);
  const dstPort = getField(key, FIELDS.tp_dst);
  if (proto === IP_PROTO.tcp) {
    return buildTcp({ srcPort, dstPort, flags: getField(key, FIELDS.tcp_flags), window: 0 }, payload);
  }
  if (proto === IP_PROTO.udp) return buildUdp({ srcPort, dstPort }, payload);
  if (proto === IP_PROTO.sctp) {
    const header = new Uint8Array(12 + payload.length);
    putU16(header, 0, srcPort);
    putU16(header, 2, dstPort);
    header.set(payload, 12);
    return header;
  }
  if (proto === IP_PROTO.icmp || proto === IP_PROTO.igmp) {
    return buildIcmp4({ type: srcPort, code: dstPort }, payload);
  }
  if (proto === IP_PROTO.icmp6) return composeIcmp6(key, srcPort, dstPort, payload);
  return payload;
}

function composeIcmp6(key: Uint32Array, type: number, code: number, payload: Uint8Array): Uint8Array {
  const isDiscovery = type === ICMP6_TYPE.neighborSolicitation || type === ICMP6_TYPE.neighborAdvertisement;
  if (code !== 0 || !isDiscovery) return buildIcmp6({ type, code }, payload);
  const firstOption = getField(key, FIELDS.nd_options_type);
  const options = [
    { option: 1, mac: macField(key, FIELDS.arp_sha) },
    { option: 2, mac: macField(key, FIELDS.arp_tha) },
  ];
  if (firstOption === 2) options.reverse();
  const present = options.filter(({ option, mac }) => mac !== 0 || option === firstOption);
  const body = new Uint8Array(16 + 8 * present.length);
  body.set(wordsToBytes(key, FIELDS.nd_target));
  for (const [i, { option, mac }] of present.entries()) {
    body.set([option, 1], 16 + 8 * i);
    putMac(body, 18 + 8 * i, mac);
  }
  return buildIcmp6({ type, rest: getField(key, FIELDS.nd_reserved) }, body);
}

/** A 48-bit field as a number. */
function macField(key: Uint32Array, field: FieldSpec): number {
  return ((key[field.word] ?? 0) & 0xffff) * 0x1_0000_0000 + (key[field.word + 1] ?? 0);
}

/** A 128-bit field as 16 bytes. */
function wordsToBytes(key: Uint32Array, field: FieldSpec): Uint8Array {
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 4; i++) putU32(bytes, 4 * i, key[field.word + i] ?? 0);
  return bytes;
}
