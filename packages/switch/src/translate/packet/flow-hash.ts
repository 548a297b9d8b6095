/**
 * Hashes of packets for choosing between equals: links of `multipath`, members of `bundle`, buckets of groups.
 *
 * What is hashed is read, and so is in the megaflow. The hashes are those of Open vSwitch, bit for bit, so that a packet takes
 * the same of several ways there and here.
 */
import {
  ETH_TYPE,
  FIELDS,
  type FieldSpec,
  finishHash,
  hashBytes,
  hashWord,
  IP_PROTO,
  jenkinsHash,
  networkWord,
} from "@tenet/net";
import type { HashFields, SelectionField } from "@tenet/openflow";
import { isIp } from "../megaflow-mask.ts";
import type { PacketState } from "./packet-state.ts";
import { hasField } from "./prerequisites.ts";

const VID_BITS = 12;

/** The hash of what `fields` names. */
export function hashPacket(packet: PacketState, fields: HashFields, basis: number): number {
  switch (fields) {
    case "eth_src":
      return jenkinsHash(bytesOf(packet, FIELDS.eth_src), basis);
    case "nw_src":
      return hashAddress(packet, FIELDS.nw_src, FIELDS.ipv6_src, basis);
    case "nw_dst":
      return hashAddress(packet, FIELDS.nw_dst, FIELDS.ipv6_dst, basis);
    case "symmetric_l4":
      return symmetricL4(packet, basis);
    case "symmetric_l3":
      return symmetricL3(packet, basis);
    case "symmetric_l3l4":
      return symmetricL3L4(packet, basis, WITHOUT_UDP);
    case "symmetric_l3l4+udp":
      return symmetricL3L4(packet, basis, WITH_UDP);
  }
}

/** The hash of the bits of `fields` that the packet has, which a group's selection names. */
export function hashSelection(packet: PacketState, fields: readonly SelectionField[], parameter: bigint): number {
  let hash = finishHash(hashWord(hashWord(0, Number(parameter & 0xffff_ffffn)), Number(parameter >> 32n)), 8);
  for (const { field, mask } of fields) {
    if (hasField(packet, field)) hash = hashBytes(wireBytesOf(packet, field, mask), hash);
  }
  return hash;
}

const WITHOUT_UDP: ReadonlySet<number> = new Set([IP_PROTO.tcp, IP_PROTO.sctp]);
const WITH_UDP: ReadonlySet<number> = new Set([...WITHOUT_UDP, IP_PROTO.udp]);
/** ICMP has its type and code where others have ports. */
const HAS_PORTS: ReadonlySet<number> = new Set([...WITH_UDP, IP_PROTO.icmp, IP_PROTO.icmp6]);

/** | addresses 16 | EtherType 2 | VLAN 2 | ports 2 | Ethernet 6 | protocol 1 | 0 (3) |, both directions XOR-ed. */
function symmetricL4(packet: PacketState, basis: number): number {
  const bytes = new Uint8Array(32);
  const ethType = packet.read(FIELDS.eth_type);
  putBig(bytes, 16, 2, ethType);
  putBig(bytes, 18, 2, vlanOf(packet));
  bytes.set(xorOf(packet, FIELDS.eth_src, FIELDS.eth_dst), 22);
  if (isIp(ethType)) {
    bytes.set(addressesOf(packet, ethType));
    const protocol = packet.read(FIELDS.nw_proto);
    bytes[28] = protocol;
    const ports = portsOf(packet, protocol);
    if (WITHOUT_UDP.has(protocol)) putBig(bytes, 20, 2, ports);
  }
  return jenkinsHash(bytes, basis);
}

/** | addresses 16 | EtherType 2 | 0 (2) |, both directions XOR-ed. */
function symmetricL3(packet: PacketState, basis: number): number {
  const ethType = packet.read(FIELDS.eth_type);
  const bytes = new Uint8Array(20);
  if (isIp(ethType)) bytes.set(addressesOf(packet, ethType));
  putBig(bytes, 16, 2, ethType);
  return jenkinsHash(bytes, basis);
}

/** Addresses and protocol, and ports of the protocols in `withPorts`; of what is no IP, Ethernet and VLAN. */
function symmetricL3L4(packet: PacketState, basis: number, withPorts: ReadonlySet<number>): number {
  const ethType = packet.read(FIELDS.eth_type);
  if (!isIp(ethType)) return symmetricL2(packet, ethType, basis);
  const addresses = addressesOf(packet, ethType);
  let hash = basis;
  for (let at = 0; at < addresses.length; at += 4) hash = hashWord(hash, networkWord(addresses, at));
  const protocol = packet.read(FIELDS.nw_proto);
  hash = hashWord(hash, protocol);
  const ports = portsOf(packet, protocol);
  if (withPorts.has(protocol)) hash = hashWord(hash, ((ports & 0xff) << 8) | (ports >>> 8));
  return finishHash(hash, basis);
}

/** | EtherType 2 | VLAN 2 | Ethernet 6 | 0 (2) |, both directions XOR-ed. */
function symmetricL2(packet: PacketState, ethType: number, basis: number): number {
  const bytes = new Uint8Array(12);
  putBig(bytes, 0, 2, ethType);
  putBig(bytes, 2, 2, vlanOf(packet));
  bytes.set(xorOf(packet, FIELDS.eth_src, FIELDS.eth_dst), 4);
  let hash = basis;
  for (let at = 0; at < 12; at += 4) hash = hashWord(hash, networkWord(bytes, at));
  return finishHash(hash, basis);
}

/** The VLANs of all tags XOR-ed. */
function vlanOf(packet: PacketState): number {
  const shown = [FIELDS.vlan_tci, FIELDS.vlan_tci1].map((field) => Number(packet.load({ field, start: 0, nBits: VID_BITS })));
  return [...shown, ...packet.hiddenTags].reduce((vid, tci) => vid ^ (tci & 0xfff), 0);
}

function addressesOf(packet: PacketState, ethType: number): Uint8Array {
  if (ethType === ETH_TYPE.ip4) return xorOf(packet, FIELDS.nw_src, FIELDS.nw_dst);
  return xorOf(packet, FIELDS.ipv6_src, FIELDS.ipv6_dst);
}

/** The ports XOR-ed. As at the original they are in the megaflow even when they are not hashed. */
function portsOf(packet: PacketState, protocol: number): number {
  if (!HAS_PORTS.has(protocol)) return 0;
  return packet.read(FIELDS.tp_src) ^ packet.read(FIELDS.tp_dst);
}

function hashAddress(packet: PacketState, ip4: FieldSpec, ip6: FieldSpec, basis: number): number {
  const ethType = packet.read(FIELDS.eth_type);
  if (ethType === ETH_TYPE.ip4) return jenkinsHash(bytesOf(packet, ip4), basis);
  return ethType === ETH_TYPE.ip6 ? jenkinsHash(bytesOf(packet, ip6), basis) : basis;
}

function xorOf(packet: PacketState, a: FieldSpec, b: FieldSpec): Uint8Array {
  const other = bytesOf(packet, b);
  return bytesOf(packet, a).map((byte, i) => byte ^ (other[i] ?? 0));
}

/** A field as its bytes lie in a packet. */
function bytesOf(packet: PacketState, field: FieldSpec): Uint8Array {
  return toBytes(packet.load({ field, start: 0, nBits: field.nBits }), Math.ceil(field.nBits / 8));
}

/** Bits of a field as the original keeps them. */
function wireBytesOf(packet: PacketState, field: SelectionField["field"], mask: Uint32Array): Uint8Array {
  const words = packet.readWords(field, mask);
  let value = 0n;
  for (const word of words) value = (value << 32n) | BigInt(word >>> 0);
  const { sizeBytes = Math.ceil(field.nBits / 8) } = field as { sizeBytes?: number };
  return toBytes(value >> BigInt(field.nWords === 1 ? field.shift : 0), sizeBytes);
}

function toBytes(value: bigint, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = size - 1, rest = value; i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn);
  return bytes;
}

function putBig(bytes: Uint8Array, at: number, size: number, value: number): void {
  for (let i = 0; i < size; i++) bytes[at + i] = value >>> (8 * (size - 1 - i));
}
