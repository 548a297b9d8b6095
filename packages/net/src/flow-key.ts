/**
 * FlowKey: every field that a packet can be matched on, as 32-bit words in one fixed order.
 *
 * A flow, a match and a mask are all `Uint32Array(FLOW_WORDS)` of this layout, so that lookup, masking
 * and hashing are loops over words and no layer converts for another. Words are grouped in the four
 * stages of staged lookup: metadata, L2, L3, L4.
 *
 * A field of at most 32 bits occupies bits `shift .. shift+nBits-1` of one word. A wider field occupies
 * `nWords` whole words, most significant first, right-aligned.
 *
 * Conventions of the values (those of Open vSwitch):
 * - `vlan_tci`: 0 when untagged, else the TCI of the outer tag with bit 12 (0x1000, "CFI") set; `vlan_tpid` is the tag's
 *   Ethernet type. `vlan_tci1` and `vlan_tpid1` are those of the tag beneath it.
 * - `nw_frag`: bit 0 = is a fragment, bit 1 = not the first.
 * - `eth_type` below 0x600 (802.3 without SNAP) reads as 0x05ff.
 * - ARP uses `nw_proto` (opcode, low 8 bits), `nw_src` (spa), `nw_dst` (tpa), `arp_sha`, `arp_tha`.
 * - ICMP and ICMPv6 type and code are `tp_src` and `tp_dst`; neighbour discovery uses `nd_target`, and
 *   `arp_sha`/`arp_tha` as `nd_sll`/`nd_tll`; `nd_options_type` is that of its first link-layer option, 0 without any.
 * - `ct_state` uses the OpenFlow bit order: new 1, est 2, rel 4, rpl 8, inv 0x10, trk 0x20, snat 0x40, dnat 0x80.
 * - `tun_flags`: OAM 1, don't fragment 2, checksum 4, key 8; OpenFlow sees the first alone.
 * - `tun_options` is the packet's Geneve options. In the datapath they lie as on the wire, and `tun_options_present` is
 *   their size in bytes. In the pipeline they lie where the bridge's option table puts them, values alone, and bit N of
 *   `tun_options_present` tells that the option of `tun_metadataN` is there.
 * - `mpls_lse` to `mpls_lse2` are the outermost label stack entries, 0 where there is none.
 * - `packet_type` is 0 for Ethernet, else namespace (high 16 bits) and type.
 * - `ct_nw_proto` to `ct_tp_dst` are the connection's original tuple; for ICMP the type and code stand in for ports.
 *
 * @see ovs-fields(7)
 */

/** Where a field lives in a FlowKey. */
export interface FieldSpec {
  readonly name: FieldName;
  /** Width in bits. */
  readonly nBits: number;
  /** First word. */
  readonly word: number;
  /** Words occupied; 1 for fields of at most 32 bits. */
  readonly nWords: number;
  /** Position of the least significant bit in the (last) word. */
  readonly shift: number;
  /** The bit of `tun_options_present` that tells whether the field is there; absent for fields that are no option. */
  readonly presentBit?: number;
}

const LAYOUT = [
  // stage 0: metadata
  ["in_port", 32],
  ["packet_type", 32],
  ["recirc_id", 32],
  ["dp_hash", 32],
  ["actset_output", 32],
  ["conj_id", 32],
  ["pkt_mark", 32],
  ["metadata", 64],
  ["reg0", 32],
  ["reg1", 32],
  ["reg2", 32],
  ["reg3", 32],
  ["reg4", 32],
  ["reg5", 32],
  ["reg6", 32],
  ["reg7", 32],
  ["reg8", 32],
  ["reg9", 32],
  ["reg10", 32],
  ["reg11", 32],
  ["reg12", 32],
  ["reg13", 32],
  ["reg14", 32],
  ["reg15", 32],
  ["ct_state", 32],
  ["ct_zone", 32],
  ["ct_mark", 32],
  ["ct_label", 128],
  ["ct_nw_proto", 8],
  ["ct_nw_src", 32],
  ["ct_nw_dst", 32],
  ["ct_ipv6_src", 128],
  ["ct_ipv6_dst", 128],
  ["ct_tp_src", 16],
  ["ct_tp_dst", 16],
  ["tun_id", 64],
  ["tun_src", 32],
  ["tun_dst", 32],
  ["tun_ipv6_src", 128],
  ["tun_ipv6_dst", 128],
  ["tun_flags", 16],
  ["tun_tos", 8],
  ["tun_ttl", 8],
  ["tun_gbp_id", 16],
  ["tun_gbp_flags", 8],
  ["tun_gtpu_flags", 8],
  ["tun_gtpu_msgtype", 8],
  ["tun_erspan_ver", 8],
  ["tun_erspan_dir", 8],
  ["tun_erspan_hwid", 8],
  ["tun_erspan_idx", 32],
  ["tun_options_present", 64],
  ["tun_options", 2048],
  // stage 1: L2
  ["eth_dst", 48],
  ["eth_src", 48],
  ["eth_type", 16],
  ["vlan_tci", 16],
  ["vlan_tpid", 16],
  ["vlan_tci1", 16],
  ["vlan_tpid1", 16],
  ["mpls_lse", 32],
  ["mpls_lse1", 32],
  ["mpls_lse2", 32],
  // stage 2: L3
  ["nw_proto", 8],
  ["nw_tos", 8],
  ["nw_ttl", 8],
  ["nw_frag", 8],
  ["nw_src", 32],
  ["nw_dst", 32],
  ["ipv6_src", 128],
  ["ipv6_dst", 128],
  ["ipv6_label", 32],
  ["nd_target", 128],
  ["arp_sha", 48],
  ["arp_tha", 48],
  // stage 3: L4
  ["tp_src", 16],
  ["tp_dst", 16],
  ["tcp_flags", 16],
  ["nd_options_type", 8],
  ["nd_reserved", 32],
] as const;

/** Names of the FlowKey's fields. */
export type FieldName = (typeof LAYOUT)[number][0];

const FIRST_OF_STAGE = new Set<FieldName>(["eth_dst", "nw_proto", "tp_src"]);

function layOut(): { fields: Record<FieldName, FieldSpec>; nWords: number; stageEnds: number[] } {
  const fields = {} as Record<FieldName, FieldSpec>;
  const stageEnds: number[] = [];
  let word = 0;
  let freeBits = 0; // bits still free in the word before `word`
  for (const [name, nBits] of LAYOUT) {
    if (FIRST_OF_STAGE.has(name)) {
      stageEnds.push(word);
      freeBits = 0;
    }
    if (nBits < 32 && nBits <= freeBits) {
      freeBits -= nBits;
      fields[name] = { name, nBits, word: word - 1, nWords: 1, shift: freeBits };
      continue;
    }
    const nWords = Math.ceil(nBits / 32);
    freeBits = nBits < 32 ? 32 - nBits : 0;
    fields[name] = { name, nBits, word, nWords, shift: freeBits };
    word += nWords;
  }
  return { fields, nWords: word, stageEnds: [...stageEnds, word] };
}

const laidOut = layOut();

/** Every field by name. */
export const FIELDS: Readonly<Record<FieldName, FieldSpec>> = { ...laidOut.fields };

/** Length of a FlowKey in 32-bit words. */
export const FLOW_WORDS: number = laidOut.nWords;

/** One past the last word of each stage: metadata, L2, L3, L4 (the last equals {@link FLOW_WORDS}). */
export const STAGE_ENDS: readonly number[] = laidOut.stageEnds;

/** A new FlowKey, all zero. */
export function makeFlowKey(): Uint32Array {
  return new Uint32Array(FLOW_WORDS);
}

/** Reads a field of at most 32 bits. */
export function getField(key: Uint32Array, field: FieldSpec): number {
  const word = key[field.word] ?? 0;
  return field.nBits === 32 ? word : (word >>> field.shift) & ((1 << field.nBits) - 1);
}

/** Writes a field of at most 32 bits; excess high bits of `value` are dropped. */
export function setField(key: Uint32Array, field: FieldSpec, value: number): void {
  if (field.nBits === 32) {
    key[field.word] = value;
    return;
  }
  const ones = ((1 << field.nBits) - 1) << field.shift;
  key[field.word] = ((key[field.word] ?? 0) & ~ones) | ((value << field.shift) & ones);
}

/** Reads a field of any width as an unsigned bigint; for edges (text, wire), not for hot paths. */
export function getFieldBig(key: Uint32Array, field: FieldSpec): bigint {
  if (field.nWords === 1) return BigInt(getField(key, field) >>> 0);
  let value = 0n;
  for (let i = 0; i < field.nWords; i++) value = (value << 32n) | BigInt(key[field.word + i] ?? 0);
  return value;
}

/** Writes a field of any width from an unsigned bigint; for edges (text, wire), not for hot paths. */
export function setFieldBig(key: Uint32Array, field: FieldSpec, value: bigint): void {
  if (field.nWords === 1) {
    setField(key, field, Number(value & 0xffffffffn));
    return;
  }
  let rest = value;
  for (let i = field.nWords - 1; i >= 0; i--) {
    key[field.word + i] = Number(rest & 0xffffffffn);
    rest >>= 32n;
  }
}

/** The all-ones value of a field: its exact-match mask. */
export function fieldOnes(field: FieldSpec): bigint {
  return (1n << BigInt(field.nBits)) - 1n;
}
