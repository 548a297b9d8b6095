/** Prefixes of both families: an address and the number of leading bits that count. */
import { AddressError } from "./address-error.ts";
import { formatIp4, ip4LengthOfMask, ip4ToBytes, tryParseIp4 } from "./ip4.ts";
import { formatIp6, tryParseIp6 } from "./ip6.ts";

/** An IPv4 or IPv6 prefix. */
export interface Prefix {
  readonly family: 4 | 6;
  /** 4 or 16 bytes, network order, as written: host bits are kept (`10.0.0.7/24` keeps the 7). */
  readonly address: Uint8Array;
  /** Leading bits that count. */
  readonly length: number;
}

/**
 * Reads `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `fe80::/64`, `fe80::/ffff::` or a bare address (a host prefix).
 *
 * @throws AddressError when the address or the length is wrong, or the mask has holes
 */
export function parsePrefix(text: string): Prefix {
  const trimmed = text.trim();
  const slash = trimmed.indexOf("/");
  const addressText = slash < 0 ? trimmed : trimmed.slice(0, slash);
  const lengthText = slash < 0 ? undefined : trimmed.slice(slash + 1);
  const ip4 = tryParseIp4(addressText);
  const family = ip4 === undefined ? 6 : 4;
  const address = ip4 === undefined ? tryParseIp6(addressText) : ip4ToBytes(ip4);
  if (address === undefined) {
    throw new AddressError("a prefix", text, `"${addressText}" is not an IP address`, "10.0.0.0/24 or fd00::/64");
  }
  const nBits = address.length * 8;
  const length = lengthText === undefined ? nBits : parseLength(text, lengthText, nBits);
  return { family, address, length };
}

function parseLength(whole: string, text: string, nBits: number): number {
  if (/^\d{1,3}$/.test(text)) {
    const length = Number(text);
    if (length <= nBits) return length;
    throw new AddressError("a prefix", whole, `length ${text} is more than ${nBits}`, "10.0.0.0/24 or fd00::/64");
  }
  const mask = nBits === 32 ? maskLength4(text) : maskLength6(text);
  if (mask === undefined) {
    throw new AddressError("a prefix", whole, `"${text}" is not a length or contiguous mask`, "10.0.0.0/24");
  }
  return mask;
}

function maskLength4(text: string): number | undefined {
  const mask = tryParseIp4(text);
  return mask === undefined ? undefined : ip4LengthOfMask(mask);
}

function maskLength6(text: string): number | undefined {
  const bytes = tryParseIp6(text);
  if (bytes === undefined) return undefined;
  let bits = "";
  for (const byte of bytes) bits += byte.toString(2).padStart(8, "0");
  return /^1*0*$/.test(bits) ? bits.lastIndexOf("1") + 1 : undefined;
}

/** Writes a prefix; a host prefix is written without its length. */
export function formatPrefix(prefix: Prefix): string {
  const text = formatIp(prefix.address);
  return prefix.length === prefix.address.length * 8 ? text : `${text}/${prefix.length}`;
}

/** Writes an address of either family from its 4 or 16 bytes. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 16) return formatIp6(bytes);
  return formatIp4(new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0));
}

/** Reads an address of either family into 4 or 16 bytes. @throws AddressError when it is neither */
export function parseIp(text: string): Uint8Array {
  const ip4 = tryParseIp4(text.trim());
  const bytes = ip4 === undefined ? tryParseIp6(text.trim()) : ip4ToBytes(ip4);
  if (bytes === undefined) throw new AddressError("an IP address", text, "neither IPv4 nor IPv6", "10.0.0.1 or fd00::1");
  return bytes;
}

/** The mask of a prefix: 4 or 16 bytes. */
export function prefixMask(prefix: Prefix): Uint8Array {
  return Uint8Array.from(prefix.address, (_byte, i) => {
    const nOnes = Math.max(0, Math.min(8, prefix.length - 8 * i));
    return 0xff00 >>> nOnes;
  });
}

/** The prefix with its host bits cleared. */
export function networkOf(prefix: Prefix): Prefix {
  const mask = prefixMask(prefix);
  return { ...prefix, address: prefix.address.map((byte, i) => byte & (mask[i] ?? 0)) };
}

/** Whether `address` (4 or 16 bytes) lies in the prefix; false across families. */
export function prefixContains(prefix: Prefix, address: Uint8Array): boolean {
  if (address.length !== prefix.address.length) return false;
  const mask = prefixMask(prefix);
  return address.every((byte, i) => ((byte ^ (prefix.address[i] ?? 0)) & (mask[i] ?? 0)) === 0);
}
