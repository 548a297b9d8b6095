/** Tunnel headers in the original's syntax: `tunnel(tun_id=0x5,src=10.0.0.1,dst=10.0.0.2,ttl=64,flags(df|key))`. */
import {
  fieldOnes,
  FIELDS,
  type FieldName,
  formatIp4,
  formatIp6,
  getField,
  getFieldBig,
  makeFlowKey,
  optionsSizeOf,
  tunnelFamily,
  TUNNEL_FLAG,
} from "@tenet/net";
import { formatOption } from "@tenet/openflow";
import type { PlacedOption, TlvTable } from "../table/tlv-table.ts";

const FLAG_NAMES: readonly (readonly [number, string])[] = [
  [TUNNEL_FLAG.oam, "oam"],
  [TUNNEL_FLAG.dontFragment, "df"],
  [TUNNEL_FLAG.checksum, "csum"],
  [TUNNEL_FLAG.key, "key"],
];
const OPTIONS = FIELDS.tun_options.word;
const EXACT = makeFlowKey().fill(0xffffffff);

/** What a packet goes into a tunnel with; fields that are zero are left out. */
export function formatTunnel(key: Uint32Array, dstPort: number): string {
  const isSet = (name: FieldName): boolean => getFieldBig(key, FIELDS[name]) !== 0n;
  const flags = getField(key, FIELDS.tun_flags);
  const names = FLAG_NAMES.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name);
  const parts = [
    ...((flags & TUNNEL_FLAG.key) === 0 && !isSet("tun_id") ? [] : [`tun_id=0x${getFieldBig(key, FIELDS.tun_id).toString(16)}`]),
    ...addressesOf(key, EXACT, isSet),
    ...(isSet("tun_tos") ? [`tos=0x${getField(key, FIELDS.tun_tos).toString(16)}`] : []),
    `ttl=${getField(key, FIELDS.tun_ttl)}`,
    ...(dstPort === 0 ? [] : [`tp_dst=${dstPort}`]),
    ...policyOf(key, EXACT, isSet("tun_gbp_id") || isSet("tun_gbp_flags")),
    ...optionsOf(key, EXACT, true),
    `flags(${names.join("|")})`,
  ];
  return `tunnel(${parts.join(",")})`;
}

/**
 * What a megaflow matches of the tunnel that packets came out of; nothing for packets that came out of none.
 *
 * @param isGeneve - whether the tunnel's headers have room for options
 */
export function formatTunnelMatch(key: Uint32Array, mask: Uint32Array, isGeneve: boolean): string[] {
  if (tunnelFamily(key) === 0) return [];
  const isMatched = (name: FieldName): boolean => getFieldBig(mask, FIELDS[name]) !== 0n;
  const flags = getField(key, FIELDS.tun_flags);
  const flagsMask = getField(mask, FIELDS.tun_flags);
  const hasKey = (flags & TUNNEL_FLAG.key) !== 0;
  const shown = FLAG_NAMES.filter(([bit]) => (flagsMask & bit) !== 0 && (hasKey || bit !== TUNNEL_FLAG.key));
  const signed = shown.map(([bit, name]) => `${(flags & bit) === 0 ? "-" : "+"}${name}`);
  const parts = [
    ...(hasKey ? valueOf(key, mask, "tun_id", "tun_id") : []),
    ...addressesOf(key, mask, isMatched),
    ...(getField(key, FIELDS.tun_tos) === 0 ? [] : valueOf(key, mask, "tos", "tun_tos")),
    ...(isMatched("tun_ttl") ? [`ttl=${getField(key, FIELDS.tun_ttl)}`] : []),
    ...policyOf(key, mask, isMatched("tun_gbp_id") || isMatched("tun_gbp_flags")),
    ...(isGeneve && optionsSizeOf(key) === 0 ? ["geneve()"] : optionsOf(key, mask, isMatched("tun_options_present"))),
    ...(signed.length === 0 ? [] : [`flags(${signed.join("")})`]),
  ];
  return [`tunnel(${parts.join(",")})`];
}

/** The options of a packet that a bridge's tables see, as `tun_metadataN=…`. */
export function formatOptions(key: Uint32Array, table: TlvTable): string[] {
  return inOrder(table)
    .filter(({ mapping }) => isPresent(key, mapping.index))
    .map(({ field }) => formatOption(field, getFieldBig(key, field), fieldOnes(field)));
}

/** What is matched of such options; `NP` says that packets do not have one. */
export function formatOptionMatches(key: Uint32Array, mask: Uint32Array, table: TlvTable): string[] {
  return inOrder(table).flatMap(({ mapping: { index }, field }) => {
    const bits = getFieldBig(mask, field);
    if (bits === 0n && !isPresent(mask, index)) return [];
    return [isPresent(key, index) ? formatOption(field, getFieldBig(key, field) & bits, bits) : `${field.text}=NP`];
  });
}

function inOrder(table: TlvTable): PlacedOption[] {
  return [...table.placed()].sort((a, b) => a.mapping.index - b.mapping.index);
}

/** Whether the option of a `tun_metadata` field is there; of a mask, whether that counts. */
function isPresent(words: Uint32Array, index: number): boolean {
  const { word } = FIELDS.tun_options_present;
  return (((words[word + (index < 32 ? 1 : 0)] ?? 0) >>> (index & 31)) & 1) !== 0;
}

function addressesOf(key: Uint32Array, mask: Uint32Array, isShown: (name: FieldName) => boolean): string[] {
  const parts: string[] = [];
  for (const [label, name] of [
    ["src", "tun_src"],
    ["dst", "tun_dst"],
  ] as const) {
    if (isShown(name)) parts.push(`${label}=${formatIp4(getField(key, FIELDS[name]))}${suffix(mask, name, formatAddress4)}`);
  }
  for (const [label, name] of [
    ["ipv6_src", "tun_ipv6_src"],
    ["ipv6_dst", "tun_ipv6_dst"],
  ] as const) {
    if (isShown(name))
      parts.push(`${label}=${formatAddress6(getFieldBig(key, FIELDS[name]))}${suffix(mask, name, formatAddress6)}`);
  }
  return parts;
}

function policyOf(key: Uint32Array, mask: Uint32Array, isShown: boolean): string[] {
  if (!isShown) return [];
  const parts = [
    ...(getField(mask, FIELDS.tun_gbp_id) === 0 ? [] : [`id=${getField(key, FIELDS.tun_gbp_id)}`]),
    ...valueOf(key, mask, "flags", "tun_gbp_flags"),
  ];
  return [`vxlan(gbp(${parts.join(",")}))`];
}

/** `geneve({class=0x102,type=0x80,len=4,0x10002}{...})`, with a mask behind a value of which not all bits count. */
function optionsOf(key: Uint32Array, mask: Uint32Array, isShown: boolean): string[] {
  const nWords = optionsSizeOf(key) / 4;
  if (!isShown || nWords === 0) return [];
  const options: string[] = [];
  for (let at = 0; at < nWords; ) {
    const header = key[OPTIONS + at] ?? 0;
    const length = header & 0x1f;
    const value = hexOf(key, OPTIONS + at + 1, length);
    const bits = hexOf(mask, OPTIONS + at + 1, length);
    const text = length === 0 ? "" : `,${value}${bits === hexOf(EXACT, OPTIONS, length) ? "" : `/${bits}`}`;
    const type = (header >>> 8) & 0xff;
    options.push(`{class=${hash(header >>> 16)},type=${hash(type)},len=${4 * length}${text}}`);
    at += 1 + length;
  }
  return [`geneve(${options.join("")})`];
}

function valueOf(key: Uint32Array, mask: Uint32Array, label: string, name: FieldName): string[] {
  if (getFieldBig(mask, FIELDS[name]) === 0n) return [];
  return [`${label}=0x${getFieldBig(key, FIELDS[name]).toString(16)}${suffix(mask, name, (bits) => `0x${bits.toString(16)}`)}`];
}

function suffix(mask: Uint32Array, name: FieldName, format: (bits: bigint) => string): string {
  const bits = getFieldBig(mask, FIELDS[name]);
  return bits === (1n << BigInt(FIELDS[name].nBits)) - 1n ? "" : `/${format(bits)}`;
}

function formatAddress4(value: bigint): string {
  return formatIp4(Number(value));
}

function formatAddress6(value: bigint): string {
  return formatIp6(Uint8Array.from({ length: 16 }, (_, i) => Number((value >> BigInt(120 - 8 * i)) & 0xffn)));
}

function hexOf(words: Uint32Array, at: number, length: number): string {
  let value = 0n;
  for (let i = 0; i < length; i++) value = (value << 32n) | BigInt(words[at + i] ?? 0);
  return `0x${value.toString(16)}`;
}

/** As C's `%#x`. */
function hash(value: number): string {
  return value === 0 ? "0" : `0x${value.toString(16)}`;
}
