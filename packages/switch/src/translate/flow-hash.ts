/**
 * Hashes of packets for choosing between equals: the buckets of a group, the members of a bond.
 *
 * What is hashed is read, and so is in the megaflow. Without fields, both directions of a connection have one hash:
 * addresses and transport ports are combined symmetrically.
 */
import { FIELDS, type FieldSpec, IP_PROTO } from "@tenet/net";
import type { SelectionField } from "@tenet/openflow";
import { isIp } from "./megaflow-mask.ts";
import type { PacketState } from "./packet-state.ts";
import { hasField } from "./prerequisites.ts";

/** Transports that have ports. */
const WITH_PORTS: ReadonlySet<number> = new Set([IP_PROTO.tcp, IP_PROTO.udp, IP_PROTO.sctp]);

/** A 32-bit hash of the bits of `fields` that the packet has; without fields of what tells connections apart. */
export function hashFields(packet: PacketState, fields: readonly SelectionField[], basis: number): number {
  if (fields.length === 0) return hashConnection(packet, basis);
  let hash = basis;
  for (const { field, mask } of fields) {
    if (!hasField(packet, field)) continue;
    for (const word of packet.readWords(field, mask)) hash = add(hash, word);
  }
  return finish(hash);
}

function hashConnection(packet: PacketState, basis: number): number {
  const pair = (a: FieldSpec, b: FieldSpec, hash: number): number => {
    const [left, right] = [packet.readWords(a), packet.readWords(b)];
    return left.reduce((sum, word, i) => add(sum, word ^ (right[i] ?? 0)), hash);
  };
  let hash = pair(FIELDS.eth_src, FIELDS.eth_dst, basis);
  const ethType = packet.read(FIELDS.eth_type);
  hash = add(add(hash, ethType), packet.read(FIELDS.vlan_tci));
  if (!isIp(ethType)) return finish(hash);
  hash = ethType === 0x0800 ? pair(FIELDS.nw_src, FIELDS.nw_dst, hash) : pair(FIELDS.ipv6_src, FIELDS.ipv6_dst, hash);
  const protocol = packet.read(FIELDS.nw_proto);
  hash = add(hash, protocol);
  const isLaterFragment = (packet.read(FIELDS.nw_frag) & 2) !== 0;
  if (!WITH_PORTS.has(protocol) || isLaterFragment) return finish(hash);
  return finish(add(hash, packet.read(FIELDS.tp_src) ^ packet.read(FIELDS.tp_dst)));
}

/** One step of MurmurHash3. */
function add(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e_2d51);
  const mixed = hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b87_3593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe654_6b64) | 0;
}

function finish(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
