/**
 * The fixed match of OpenFlow 1.1: 88 bytes, with masks for addresses and metadata and a bit for each other field that is
 * wildcarded.
 *
 * It knows nothing of IPv6, registers or tunnels. A switch tells without them of flows that match on such, as Open vSwitch does;
 * who sends a match to be carried out makes sure of {@link checkOf11}.
 *
 * @see OpenFlow 1.1.0, section A.2.3
 */
import { FIELDS, getField, setField } from "@tenet/net";
import { AppError } from "@tenet/kit";
import { type ByteReader, type ByteWriter, defineStruct } from "@tenet/wire";
import type { Match } from "../action.ts";
import { isSameMatch, makeMatch, setMatchField, setNarrowField, trimMatch } from "../match/match.ts";
import { matchField } from "../match/match-field.ts";
import { ipProtocolOf, meetsPrerequisite } from "../match/prerequisite.ts";
import { OpenFlowError } from "./openflow-error.ts";
import { narrowPort, widenPort } from "./port-number.ts";

/** ofp_match, after type and length. */
const of11Match = defineStruct({
  inPort: "u32",
  wildcards: "u32",
  ethSrc: "u48",
  ethSrcMask: "u48",
  ethDst: "u48",
  ethDstMask: "u48",
  vlan: "u16",
  pcp: "u8",
  pad1: "pad:1",
  ethType: "u16",
  tos: "u8",
  proto: "u8",
  nwSrc: "u32",
  nwSrcMask: "u32",
  nwDst: "u32",
  nwDstMask: "u32",
  tpSrc: "u16",
  tpDst: "u16",
  mplsLabel: "u32",
  mplsTc: "u8",
  pad2: "pad:3",
  metadata: "u64",
  metadataMask: "u64",
});

type Fixed = ReturnType<typeof of11Match.read>;

/** Bytes of the match, with type and length. */
export const OF11_MATCH_SIZE: number = 4 + of11Match.size;

const WILD = {
  inPort: 1 << 0,
  vlan: 1 << 1,
  pcp: 1 << 2,
  ethType: 1 << 3,
  tos: 1 << 4,
  proto: 1 << 5,
  tpSrc: 1 << 6,
  tpDst: 1 << 7,
  mplsLabel: 1 << 8,
  mplsTc: 1 << 9,
} as const;

/** VLAN IDs that stand for any tag, and for none. */
const [ANY_VLAN, UNTAGGED] = [0xfffe, 0xffff];
const [TAGGED, VID, PCP] = [0x1000, 0xfff, 0xe000];
const DSCP = 0xfc;
const ALL_48 = 0xffff_ffff_ffff;
const ALL_64 = 0xffff_ffff_ffff_ffffn;
const ICMP = 1;
/** Protocols that have ports. */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 132]);
const ETH_SRC = matchField("eth_src");
const ETH_DST = matchField("eth_dst");
const METADATA = matchField("metadata");
const MPLS_LABEL = matchField("mpls_label");
const MPLS_TC = matchField("mpls_tc");

/** Whether the fixed match can say all of a match. */
function isOf11Match(match: Match): boolean {
  return isSameMatch(fromFixed(toFixed(match), makeMatch(), 0), match);
}

/** Refuses a match that would become broader on its way. @throws AppError */
export function checkOf11(match: Match): void {
  if (isOf11Match(match)) return;
  throw new AppError("Cannot encode the match: OpenFlow 1.1 has not all of its fields", {
    code: "OPENFLOW_MATCH_NOT_ENCODABLE",
    hint: "Negotiate another version",
  });
}

/** Writes the match, without what it cannot say. */
export function writeOf11Match(writer: ByteWriter, match: Match): void {
  writer.u16(0).u16(OF11_MATCH_SIZE).struct(of11Match, toFixed(match));
}

/** Reads the match after its type and length, into an empty one. @throws OpenFlowError, TruncatedError */
export function readOf11Match(reader: ByteReader, match: Match): Match {
  const { at } = reader;
  return fromFixed(reader.struct(of11Match), match, at);
}

function toFixed({ key, mask }: Match): Fixed {
  let wildcards = 0;
  const exact = (field: Parameters<typeof getField>[1], wild: number, bits = 0xffff_ffff): number => {
    if ((getField(mask, field) & bits) === 0) wildcards |= wild;
    return (getField(key, field) & getField(mask, field) & bits) >>> 0;
  };
  const inPort = exact(FIELDS.in_port, WILD.inPort);
  const { vlan, pcp, wild } = vlanOf({ key, mask });
  wildcards |= wild;
  return {
    inPort: widenPort(inPort),
    ethSrc: macOf(key, ETH_SRC.word),
    ethSrcMask: ALL_48 - macOf(mask, ETH_SRC.word),
    ethDst: macOf(key, ETH_DST.word),
    ethDstMask: ALL_48 - macOf(mask, ETH_DST.word),
    vlan,
    pcp,
    ethType: exact(FIELDS.eth_type, WILD.ethType),
    tos: exact(FIELDS.nw_tos, WILD.tos, DSCP),
    proto: exact(FIELDS.nw_proto, WILD.proto),
    nwSrc: getField(key, FIELDS.nw_src),
    nwSrcMask: ~getField(mask, FIELDS.nw_src) >>> 0,
    nwDst: getField(key, FIELDS.nw_dst),
    nwDstMask: ~getField(mask, FIELDS.nw_dst) >>> 0,
    tpSrc: exact(FIELDS.tp_src, WILD.tpSrc),
    tpDst: exact(FIELDS.tp_dst, WILD.tpDst),
    mplsLabel: exact(MPLS_LABEL, WILD.mplsLabel),
    mplsTc: exact(MPLS_TC, WILD.mplsTc),
    metadata: wide(key),
    metadataMask: ALL_64 - wide(mask),
    wildcards,
  };
}

function macOf(words: Uint32Array, at: number): number {
  return (words[at] ?? 0) * 0x1_0000_0000 + (words[at + 1] ?? 0);
}

function wide(words: Uint32Array): bigint {
  return (BigInt(words[METADATA.word] ?? 0) << 32n) | BigInt(words[METADATA.word + 1] ?? 0);
}

function vlanOf({ key, mask }: Pick<Match, "key" | "mask">): { vlan: number; pcp: number; wild: number } {
  const [tci, tciMask] = [getField(key, FIELDS.vlan_tci), getField(mask, FIELDS.vlan_tci)];
  if (tciMask === 0) return { vlan: 0, pcp: 0, wild: WILD.vlan | WILD.pcp };
  if ((tciMask & TAGGED) !== 0 && (tci & TAGGED) === 0) return { vlan: UNTAGGED, pcp: 0, wild: WILD.pcp };
  const hasPcp = (tciMask & PCP) !== 0;
  return { vlan: (tciMask & VID) === 0 ? ANY_VLAN : tci & VID, pcp: hasPcp ? tci >>> 13 : 0, wild: hasPcp ? 0 : WILD.pcp };
}

function fromFixed(fixed: Fixed, match: Match, at: number): Match {
  const { wildcards } = fixed;
  const has = (wild: number): boolean => (wildcards & wild) === 0;
  const exact = (field: Parameters<typeof setField>[1], value: number, ones: number): void => {
    setField(match.key, field, value);
    setField(match.mask, field, ones);
  };
  if (has(WILD.inPort)) exact(FIELDS.in_port, narrowPort(fixed.inPort) ?? refuse("port", fixed.inPort, at), 0xffff_ffff);
  setMatchField(match, ETH_SRC, BigInt(fixed.ethSrc), BigInt(ALL_48 - fixed.ethSrcMask));
  setMatchField(match, ETH_DST, BigInt(fixed.ethDst), BigInt(ALL_48 - fixed.ethDstMask));
  setMatchField(match, METADATA, fixed.metadata, ALL_64 - fixed.metadataMask);
  if (has(WILD.vlan)) setVlan(match, fixed, has(WILD.pcp), at);
  if (has(WILD.ethType)) exact(FIELDS.eth_type, fixed.ethType, 0xffff);
  if (meetsPrerequisite(match, "ipv4") || meetsPrerequisite(match, "arp")) {
    if (has(WILD.proto)) exact(FIELDS.nw_proto, fixed.proto, 0xff);
    exact(FIELDS.nw_src, (fixed.nwSrc & ~fixed.nwSrcMask) >>> 0, ~fixed.nwSrcMask >>> 0);
    exact(FIELDS.nw_dst, (fixed.nwDst & ~fixed.nwDstMask) >>> 0, ~fixed.nwDstMask >>> 0);
  }
  if (meetsPrerequisite(match, "ipv4")) {
    if (has(WILD.tos)) exact(FIELDS.nw_tos, (fixed.tos & ~DSCP) === 0 ? fixed.tos : refuse("TOS", fixed.tos, at), DSCP);
    const protocol = ipProtocolOf(match);
    if (protocol === ICMP) checkIcmp(fixed, has, at);
    if (protocol === ICMP || WITH_PORTS.has(protocol)) {
      if (has(WILD.tpSrc)) exact(FIELDS.tp_src, fixed.tpSrc, 0xffff);
      if (has(WILD.tpDst)) exact(FIELDS.tp_dst, fixed.tpDst, 0xffff);
    }
  }
  if (meetsPrerequisite(match, "mpls")) {
    if (has(WILD.mplsLabel)) setNarrowField(match, MPLS_LABEL, fixed.mplsLabel, 0xf_ffff);
    if (has(WILD.mplsTc)) setNarrowField(match, MPLS_TC, fixed.mplsTc, 7);
  }
  trimMatch(match);
  return match;
}

function setVlan(match: Match, { vlan, pcp }: Fixed, hasPcp: boolean, at: number): void {
  if (vlan === UNTAGGED) {
    setField(match.mask, FIELDS.vlan_tci, 0xffff);
    return;
  }
  if (vlan > VID && vlan !== ANY_VLAN) refuse("VLAN ID", vlan, at);
  if (hasPcp && pcp > 7) refuse("VLAN priority", pcp, at);
  const isAny = vlan === ANY_VLAN;
  setField(match.key, FIELDS.vlan_tci, TAGGED | (isAny ? 0 : vlan) | (hasPcp ? pcp << 13 : 0));
  setField(match.mask, FIELDS.vlan_tci, TAGGED | (isAny ? 0 : VID) | (hasPcp ? PCP : 0));
}

function checkIcmp({ tpSrc, tpDst }: Fixed, has: (wild: number) => boolean, at: number): void {
  if (!((has(WILD.tpSrc) && tpSrc > 0xff) || (has(WILD.tpDst) && tpDst > 0xff))) return;
  throw new OpenFlowError("OFPBMC_BAD_FIELD", "Types and codes of ICMP have eight bits", { details: { at } });
}

function refuse(what: string, value: number, at: number): never {
  throw new OpenFlowError("OFPBMC_BAD_VALUE", `No ${what} can be ${value}`, { details: { at } });
}
