/** Addresses and prefixes as text and as numbers. */
import { isIPv4, isIPv6 } from "node:net";

/** An address with a length; a plain address has the length of its version. */
export interface Prefix {
  readonly bits: 32 | 128;
  readonly address: bigint;
  readonly length: number;
}

/** An address as a number; `undefined` if the text is none. */
export function readAddress(text: string): { readonly bits: 32 | 128; readonly value: bigint } | undefined {
  const value = parseAddress(text);
  return value === undefined ? undefined : { bits: isIPv4(text) ? 32 : 128, value };
}

/** A prefix (`address/length`) without host bits, canonical; `undefined` if the text is none. */
export function readPrefix(
  text: string,
): { readonly bits: 32 | 128; readonly value: bigint; readonly length: number; readonly text: string } | undefined {
  const prefix = text.includes("/") ? parsePrefix(text) : undefined;
  if (prefix === undefined) return undefined;
  const { bits, length } = prefix;
  const value = prefix.address & maskOf(prefix);
  return { bits, value, length, text: `${formatAddress(value, bits)}/${length}` };
}

export function formatIpv6(value: bigint): string {
  return formatAddress(value, 128);
}

export function maskOf({ bits, length }: Prefix): bigint {
  return ((1n << BigInt(length)) - 1n) << BigInt(bits - length);
}

/** An address with or without `/length`; without, the length is that of the address. */
export function parsePrefix(text: string): Prefix | undefined {
  const [ip = "", suffix, ...rest] = text.split("/");
  const address = parseAddress(ip);
  if (address === undefined || rest.length > 0) return undefined;
  const bits = isIPv4(ip) ? 32 : 128;
  if (suffix === undefined) return { bits, address, length: bits };
  if (bits === 32 && isIPv4(suffix)) return fromMask(address, Number(parseAddress(suffix)));
  const length = /^\d{1,3}$/.test(suffix) ? Number(suffix) : Number.NaN;
  return length <= bits ? { bits, address, length } : undefined;
}

function fromMask(address: bigint, mask: number): Prefix | undefined {
  const length = Math.clz32(~mask);
  const isContiguous = mask === (length === 0 ? 0 : (-1 << (32 - length)) >>> 0);
  return isContiguous ? { bits: 32, address, length } : undefined;
}

export function parseAddress(ip: string): bigint | undefined {
  if (isIPv4(ip)) return ip.split(".").reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  if (!isIPv6(ip) || ip.includes("%")) return undefined;
  const embedded = ip.replace(/\d+\.\d+\.\d+\.\d+$/, (ip4) => {
    const n = parseAddress(ip4) ?? 0n;
    return `${(n >> 16n).toString(16)}:${(n & 0xffffn).toString(16)}`;
  });
  const [head = "", tail] = embedded.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

export function formatAddress(address: bigint, bits: 32 | 128): string {
  if (bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((address >> BigInt(16 * (7 - i))) & 0xffffn).toString(16));
  const runs = [...groups.join(":").matchAll(/\b0(?::0\b)+/g)].map((match) => match[0]);
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), "");
  if (longest === "") return groups.join(":");
  const text = groups.join(":");
  const at = text.search(new RegExp(`(?:^|:)${longest}(?:$|:)`));
  const from = text.indexOf(longest, at);
  return `${text.slice(0, from).replace(/:$/, "")}::${text.slice(from + longest.length).replace(/^:/, "")}`;
}
