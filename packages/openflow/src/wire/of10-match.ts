/**
 * The fixed match of OpenFlow 1.0: 40 bytes, with a bit per wildcarded field.
 *
 * Prefixes are counts of wildcarded low bits. It cannot say everything that a match can; what it cannot
 * say goes as NXM.
 */
import { FIELDS, getField, ip4LengthOfMask, ip4MaskOfLength, setField } from "@tenet/net";
import { type ByteReader, type ByteWriter, defineStruct } from "@tenet/wire";
import type { Match } from "../action.ts";
import { isSameMatch, makeMatch, setMatchField, trimMatch } from "../match/match.ts";
import { matchField } from "../match/match-field.ts";

/** ofp_match, OpenFlow 1.0.0 section 5.2.3. */
const of10Match = defineStruct({
  wildcards: "u32",
  inPort: "u16",
  ethSrc: "u48",
  ethDst: "u48",
  vlan: "u16",
  pcp: "u8",
  pad1: "pad:1",
  ethType: "u16",
  tos: "u8",
  proto: "u8",
  pad2: "pad:2",
  nwSrc: "u32",
  nwDst: "u32",
  tpSrc: "u16",
  tpDst: "u16",
});

const WILD = {
  inPort: 1 << 0,
  vlan: 1 << 1,
  ethSrc: 1 << 2,
  ethDst: 1 << 3,
  ethType: 1 << 4,
  proto: 1 << 5,
  tpSrc: 1 << 6,
  tpDst: 1 << 7,
  pcp: 1 << 20,
  tos: 1 << 21,
} as const;
const NW_SRC_SHIFT = 8;
const NW_DST_SHIFT = 14;
const UNTAGGED = 0xffff;
const VLAN_TCI = matchField("vlan_tci");
const ETH_SRC = matchField("eth_src");
const ETH_DST = matchField("eth_dst");

/** Whether OpenFlow 1.0 can say a match without extensions. */
export function isOf10Match(match: Match): boolean {
  return isSameMatch(fromFixed(toFixed(match)), match);
}

/** Writes 40 bytes. The caller has made sure of {@link isOf10Match}. */
export function writeOf10Match(writer: ByteWriter, match: Match): void {
  writer.struct(of10Match, toFixed(match));
}

/** Reads 40 bytes; fields without their prerequisite count as wildcarded, as OpenFlow 1.0 has it. */
export function readOf10Match(reader: ByteReader): Match {
  return fromFixed(reader.struct(of10Match));
}

type Fixed = ReturnType<typeof of10Match.read>;

function toFixed(match: Match): Fixed {
  const { key, mask } = match;
  let wildcards = 0;
  const exact = (field: keyof typeof FIELDS, ones: number, bit: number): number => {
    if (getField(mask, FIELDS[field]) !== ones) wildcards |= bit;
    return getField(mask, FIELDS[field]) === ones ? getField(key, FIELDS[field]) : 0;
  };
  const mac = (field: typeof ETH_SRC, bit: number): number => {
    const isExact = mask[field.word] === 0xffff && mask[field.word + 1] === 0xffff_ffff;
    if (!isExact) wildcards |= bit;
    return isExact ? (key[field.word] ?? 0) * 0x1_0000_0000 + (key[field.word + 1] ?? 0) : 0;
  };
  const prefix = (field: "nw_src" | "nw_dst", shift: number): number => {
    const length = ip4LengthOfMask(getField(mask, FIELDS[field])) ?? 0;
    wildcards |= (32 - length) << shift;
    return getField(key, FIELDS[field]);
  };
  const fixed = {
    inPort: exact("in_port", 0xffff_ffff, WILD.inPort),
    ethSrc: mac(ETH_SRC, WILD.ethSrc),
    ethDst: mac(ETH_DST, WILD.ethDst),
    ethType: exact("eth_type", 0xffff, WILD.ethType),
    proto: exact("nw_proto", 0xff, WILD.proto),
    nwSrc: prefix("nw_src", NW_SRC_SHIFT),
    nwDst: prefix("nw_dst", NW_DST_SHIFT),
    ...portsOf(match),
    ...vlanOf(match),
    tos: getField(key, FIELDS.nw_tos) & 0xfc,
  };
  if (fixed.wildVlan) wildcards |= WILD.vlan;
  if (fixed.wildPcp) wildcards |= WILD.pcp;
  if (fixed.wildSrc) wildcards |= WILD.tpSrc;
  if (fixed.wildDst) wildcards |= WILD.tpDst;
  if ((getField(mask, FIELDS.nw_tos) & 0xfc) !== 0xfc) wildcards |= WILD.tos;
  return { ...fixed, wildcards };
}

function portsOf({ key, mask }: Match): { tpSrc: number; tpDst: number; wildSrc: boolean; wildDst: boolean } {
  const isAny = (field: "tp_src" | "tp_dst"): boolean => (getField(mask, FIELDS[field]) & 0xff) !== 0xff;
  return {
    tpSrc: getField(key, FIELDS.tp_src),
    tpDst: getField(key, FIELDS.tp_dst),
    wildSrc: isAny("tp_src"),
    wildDst: isAny("tp_dst"),
  };
}

function vlanOf({ key, mask }: Match): { vlan: number; pcp: number; wildVlan: boolean; wildPcp: boolean } {
  const tci = getField(key, FIELDS.vlan_tci);
  const tciMask = getField(mask, FIELDS.vlan_tci);
  const isUntagged = tciMask === 0xffff && tci === 0;
  return {
    vlan: isUntagged ? UNTAGGED : tci & 0xfff,
    pcp: tci >>> 13,
    wildVlan: !isUntagged && (tciMask & 0x1fff) !== 0x1fff,
    wildPcp: (tciMask & 0xe000) !== 0xe000,
  };
}

function fromFixed(fixed: Fixed): Match {
  const match = makeMatch();
  const { wildcards } = fixed;
  const exact = (field: keyof typeof FIELDS, ones: number, value: number, bit: number): void => {
    if ((wildcards & bit) !== 0) return;
    setField(match.key, FIELDS[field], value);
    setField(match.mask, FIELDS[field], ones);
  };
  exact("in_port", 0xffff_ffff, fixed.inPort, WILD.inPort);
  if ((wildcards & WILD.ethSrc) === 0) setMatchField(match, ETH_SRC, BigInt(fixed.ethSrc));
  if ((wildcards & WILD.ethDst) === 0) setMatchField(match, ETH_DST, BigInt(fixed.ethDst));
  setVlan(match, fixed);
  exact("eth_type", 0xffff, fixed.ethType, WILD.ethType);
  if ((wildcards & WILD.ethType) === 0) setNetwork(match, fixed, exact);
  trimMatch(match);
  return match;
}

function setVlan(match: Match, { wildcards, vlan, pcp }: Fixed): void {
  const hasVid = (wildcards & WILD.vlan) === 0;
  if (hasVid && vlan === UNTAGGED) return setMatchField(match, VLAN_TCI, 0n);
  if (hasVid) setMatchField(match, VLAN_TCI, BigInt(0x1000 | (vlan & 0xfff)), 0x1fffn);
  if ((wildcards & WILD.pcp) === 0) setMatchField(match, VLAN_TCI, BigInt(0x1000 | ((pcp & 7) << 13)), 0xf000n);
}

function setNetwork(
  match: Match,
  fixed: Fixed,
  exact: (field: keyof typeof FIELDS, ones: number, value: number, bit: number) => void,
): void {
  const isIp = fixed.ethType === 0x0800;
  if (!isIp && fixed.ethType !== 0x0806 && fixed.ethType !== 0x8035) return;
  exact("nw_proto", 0xff, fixed.proto, WILD.proto);
  for (const [field, value, shift] of [
    ["nw_src", fixed.nwSrc, NW_SRC_SHIFT],
    ["nw_dst", fixed.nwDst, NW_DST_SHIFT],
  ] as const) {
    const mask = ip4MaskOfLength(32 - Math.min(32, (fixed.wildcards >>> shift) & 0x3f));
    setField(match.key, FIELDS[field], (value & mask) >>> 0);
    setField(match.mask, FIELDS[field], mask);
  }
  if (!isIp) return;
  exact("nw_tos", 0xfc, fixed.tos & 0xfc, WILD.tos);
  const hasPorts = (fixed.wildcards & WILD.proto) === 0 && [1, 6, 17, 132].includes(fixed.proto);
  if (!hasPorts) return;
  exact("tp_src", 0xffff, fixed.tpSrc, WILD.tpSrc);
  exact("tp_dst", 0xffff, fixed.tpDst, WILD.tpDst);
}
