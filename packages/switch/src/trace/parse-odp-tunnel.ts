/**
 * Reads what a flow in the datapath's syntax says of the tunnel that packets came out of, where an OpenFlow match has no words
 * for it: `tunnel(...,tos=0x3,ttl=64,geneve({class=0x102,type=0x80,len=4,0xa}),vxlan(gbp(id=7)),flags(df|key))`.
 *
 * Options lie in the key as on the wire, see flow-key.ts. Ports of the outer packets are passed over: no flow matches on them.
 */
import { FIELDS, type FieldName, fieldOnes, getField, MAX_OPTIONS_BYTES, setField, TUNNEL_FLAG } from "@tenet/net";
import type { Match } from "@tenet/openflow";

const FLAGS: Readonly<Record<string, number>> = {
  df: TUNNEL_FLAG.dontFragment,
  csum: TUNNEL_FLAG.checksum,
  key: TUNNEL_FLAG.key,
  oam: TUNNEL_FLAG.oam,
};
const OPTIONS = FIELDS.tun_options.word;
const OPTIONS_SIZE = FIELDS.tun_options_present.word + 1;
/** Class, type and length of an option. */
const HEADER_BITS = 0xffffff1f;

/** Sets what the content of a `tunnel(...)` says. @returns whether it can be said */
export function setTunnel(match: Match, content: string): boolean {
  setNumber(match, "tun_tos", valueOf(content, "tos"));
  setNumber(match, "tun_ttl", valueOf(content, "ttl"));
  const policy = /\bvxlan\(gbp\(([^)]*)\)\)/.exec(content)?.[1] ?? "";
  setNumber(match, "tun_gbp_id", valueOf(policy, "id"));
  setNumber(match, "tun_gbp_flags", valueOf(policy, "flags"));
  const flags = /\bflags\(([^)]*)\)/.exec(content)?.[1];
  const options = /\bgeneve\(([^)]*)\)/.exec(content)?.[1];
  if ((flags !== undefined && !setFlags(match, flags)) || (options !== undefined && !setOptions(match, options))) return false;
  if (valueOf(content, "tun_id") !== undefined) addFlag(match, TUNNEL_FLAG.key);
  return true;
}

/** `value`, or `value/mask`, behind a name. */
function valueOf(text: string, name: string): string | undefined {
  return new RegExp(`(?:^|,)\\s*${name}=([^,)]*)`).exec(text)?.[1];
}

function setNumber({ key, mask }: Match, name: FieldName, text: string | undefined): void {
  if (text === undefined) return;
  const ones = Number(fieldOnes(FIELDS[name]));
  const [value = 0, bits = ones] = text.split("/").map(Number);
  setField(key, FIELDS[name], value & bits);
  setField(mask, FIELDS[name], bits & ones);
}

/** `df|key`, which says all flags, or `+df-csum`, which says two. */
function setFlags({ key, mask }: Match, text: string): boolean {
  const isSigned = /^[+-]/.test(text);
  const names = isSigned ? [...text.matchAll(/([+-])(\w+)/g)].map(([, sign, name = ""]) => ({ name, isSet: sign === "+" })) : [];
  const all = isSigned ? names : text.split("|").flatMap((name) => (name === "" ? [] : { name, isSet: true }));
  let [value, bits] = [0, isSigned ? 0 : Number(fieldOnes(FIELDS.tun_flags))];
  for (const { name, isSet } of all) {
    const flag = FLAGS[name];
    if (flag === undefined) return false;
    bits |= flag;
    if (isSet) value |= flag;
  }
  setField(key, FIELDS.tun_flags, value);
  setField(mask, FIELDS.tun_flags, bits);
  return true;
}

/** Sets one flag that is told otherwise. */
function addFlag({ key, mask }: Match, flag: number): void {
  setField(key, FIELDS.tun_flags, getField(key, FIELDS.tun_flags) | flag);
  setField(mask, FIELDS.tun_flags, getField(mask, FIELDS.tun_flags) | flag);
}

/** `{class=0x102,type=0x80,len=4,0xa/0xf}{...}`. */
function setOptions({ key, mask }: Match, text: string): boolean {
  let at = 0;
  for (const [, content = ""] of text.matchAll(/\{([^}]*)\}/g)) {
    const length = Number(valueOf(content, "len") ?? 0);
    const header = ((Number(valueOf(content, "class") ?? 0) << 16) | (Number(valueOf(content, "type") ?? 0) << 8)) >>> 0;
    const nWords = length / 4;
    if (!Number.isInteger(nWords) || nWords < 0 || 4 * (at + 1 + nWords) > MAX_OPTIONS_BYTES) return false;
    key[OPTIONS + at] = header | nWords;
    mask[OPTIONS + at] = HEADER_BITS;
    const body = content.split(",").find((part) => !part.includes("=")) ?? "0x0";
    const [, value, bits] = /^\s*(0x[0-9a-f]+)(?:\/(0x[0-9a-f]+))?\s*$/i.exec(body) ?? [];
    if (value === undefined) return false;
    const meant = bits === undefined ? (1n << BigInt(32 * nWords)) - 1n : BigInt(bits);
    setWords(mask, OPTIONS + at + 1, nWords, meant);
    setWords(key, OPTIONS + at + 1, nWords, BigInt(value) & meant);
    at += 1 + nWords;
  }
  key[OPTIONS_SIZE] = 4 * at;
  mask[OPTIONS_SIZE] = 0xffffffff;
  return true;
}

function setWords(words: Uint32Array, at: number, length: number, value: bigint): void {
  for (let i = 0; i < length; i++) words[at + i] = Number((value >> BigInt(32 * (length - 1 - i))) & 0xffffffffn);
}
