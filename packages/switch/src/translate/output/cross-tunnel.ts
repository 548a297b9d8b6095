/**
 * What a packet goes into a tunnel with: from the settings of the interface, and from the packet where they say so. And
 * what it comes out with.
 *
 * What is taken from the packet is read, and so is in the megaflow.
 *
 * @see RFC 6040 (ECN)
 */
import type { SetTunnelAction } from "@tenet/datapath";
import { FIELDS, type FieldSpec, getField, makeFlowKey, setField, setFieldBig, tunnelFamily, TUNNEL_FLAG } from "@tenet/net";
import type { TlvTable } from "../../table/tlv-table.ts";
import { isMapped, type TunnelAddress, type TunnelConfig } from "../../tunnel/tunnel-config.ts";
import { toWireOptions } from "../../tunnel/tunnel-options.ts";
import { isIp } from "../megaflow-mask.ts";
import type { PacketState } from "../packet/packet-state.ts";

const DSCP = 0xfc;
const ECN = 3;
const ECN_CE = 3;
const ECN_ECT0 = 2;
/** The flag that only headers of Geneve have. */
const OAM = Uint32Array.of(TUNNEL_FLAG.oam << FIELDS.tun_flags.shift);
const WHOLE_WORD = Uint32Array.of(0xffffffff);

/** The outer headers of a packet; `undefined` when nothing says where it is to go, or its options do not fit. */
export function enterTunnel(packet: PacketState, config: TunnelConfig, table: TlvTable): SetTunnelAction | undefined {
  const key = makeFlowKey();
  setAddress(key, packet, config.remote, FIELDS.tun_dst, FIELDS.tun_ipv6_dst);
  if (tunnelFamily(key) === 0) return undefined;
  if (config.local !== undefined) setAddress(key, packet, config.local, FIELDS.tun_src, FIELDS.tun_ipv6_src);
  if (config.outKey === "flow") copy(key, packet, FIELDS.tun_id);
  else setFieldBig(key, FIELDS.tun_id, config.outKey ?? 0n);
  setInherited(key, packet, config);
  setField(key, FIELDS.tun_flags, flagsOf(packet, config));
  if (config.hasPolicy) {
    setField(key, FIELDS.tun_gbp_id, packet.read(FIELDS.tun_gbp_id));
    setField(key, FIELDS.tun_gbp_flags, packet.read(FIELDS.tun_gbp_flags));
  }
  if (config.type === "geneve" && !copyOptions(key, packet, table)) return undefined;
  return { type: "setTunnel", key, dstPort: config.dstPort };
}

/** Whether outer headers lead to the address that the packet `key` came out of a tunnel at. */
export function isBackToUs(outer: Uint32Array, key: Uint32Array): boolean {
  if (tunnelFamily(key) === 0) return false;
  return isSameField(outer, key, FIELDS.tun_dst) && isSameField(outer, key, FIELDS.tun_ipv6_dst);
}

/**
 * Marks a packet that met congestion on its way through the tunnel.
 *
 * @returns false when it would have to be marked and its sender does not know of marks
 */
export function leaveTunnel(packet: PacketState): boolean {
  const isCongested = (packet.read(FIELDS.tun_tos) & ECN) === ECN_CE;
  if (!isCongested || !isIp(packet.read(FIELDS.eth_type))) return true;
  const { word, shift } = FIELDS.nw_tos;
  const bits = ECN << shift;
  const [inner = 0] = packet.readWords(FIELDS.nw_tos, Uint32Array.of(bits));
  const ecn = (inner & bits) >>> shift;
  if (ecn === 0) return false;
  if (ecn !== ECN_CE) packet.writeWord(word, ECN_CE << shift, bits);
  return true;
}

function isSameField(a: Uint32Array, b: Uint32Array, { word, nWords }: FieldSpec): boolean {
  for (let i = word; i < word + nWords; i++) if (a[i] !== b[i]) return false;
  return true;
}

function setAddress(
  key: Uint32Array,
  packet: PacketState,
  address: TunnelAddress | "flow",
  field4: FieldSpec,
  field6: FieldSpec,
): void {
  if (address === "flow") {
    copy(key, packet, field4);
    if (getField(key, field4) === 0) copy(key, packet, field6);
  } else if (isMapped(address)) setField(key, field4, address[3]);
  else key.set(address, field6.word);
}

/** TOS and TTL. ECN is the packet's own always, but congestion experienced inside is not told outside again. */
function setInherited(key: Uint32Array, packet: PacketState, { tos, ttl }: TunnelConfig): void {
  const hasIp = isIp(packet.read(FIELDS.eth_type));
  const bits = tos === "inherit" ? DSCP | ECN : ECN;
  const [inner = 0] = hasIp ? packet.readWords(FIELDS.nw_tos, Uint32Array.of(bits << FIELDS.nw_tos.shift)) : [];
  const innerTos = inner >>> FIELDS.nw_tos.shift;
  const ecn = (innerTos & ECN) === ECN_CE ? ECN_ECT0 : innerTos & ECN;
  setField(key, FIELDS.tun_tos, (tos === "inherit" ? innerTos & DSCP : tos) | ecn);
  const outerTtl = ttl === "inherit" ? (hasIp ? packet.read(FIELDS.nw_ttl) : 64) : ttl;
  setField(key, FIELDS.tun_ttl, outerTtl);
}

function flagsOf(packet: PacketState, { type, dontFragment, hasChecksum, outKey }: TunnelConfig): number {
  const [flags = 0] = type === "geneve" ? packet.readWords(FIELDS.tun_flags, OAM) : [];
  return (
    (flags >>> FIELDS.tun_flags.shift) |
    (dontFragment ? TUNNEL_FLAG.dontFragment : 0) |
    (hasChecksum ? TUNNEL_FLAG.checksum : 0) |
    (outKey === undefined ? 0 : TUNNEL_FLAG.key)
  );
}

function copyOptions(key: Uint32Array, packet: PacketState, table: TlvTable): boolean {
  const present = packet.readWords(FIELDS.tun_options_present);
  const valueOf = (word: number): number => {
    const [value = 0] = packet.readWords({ ...FIELDS.tun_options, word, nWords: 1, nBits: 32 }, WHOLE_WORD);
    return value >>> 0;
  };
  return toWireOptions(key, present, valueOf, table);
}

function copy(key: Uint32Array, packet: PacketState, field: FieldSpec): void {
  key.set(packet.readWords(field), field.word);
}
