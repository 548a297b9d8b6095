/** IPv4 addresses as unsigned 32-bit numbers. */
import { AddressError } from "./address-error.ts";

const IP4_TEXT = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

/**
 * Reads dotted-decimal text.
 *
 * @throws AddressError when it is not four numbers of 0 to 255
 */
export function parseIp4(text: string): number {
  const address = tryParseIp4(text.trim());
  if (address === undefined) {
    throw new AddressError("an IPv4 address", text, "not four numbers of 0 to 255", "10.0.0.1");
  }
  return address;
}

/** Reads dotted-decimal text; `undefined` when it is something else. */
export function tryParseIp4(text: string): number | undefined {
  const match = IP4_TEXT.exec(text);
  if (match === null) return undefined;
  let address = 0;
  for (const part of match.slice(1)) {
    const byte = Number(part);
    if (byte > 255) return undefined;
    address = address * 256 + byte;
  }
  return address;
}

/** Writes an address in dotted decimal. */
export function formatIp4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** The address as four bytes, network order. */
export function ip4ToBytes(address: number): Uint8Array {
  return Uint8Array.of(address >>> 24, address >>> 16, address >>> 8, address);
}

/** The mask of a prefix length of 0 to 32: 24 gives 0xffffff00. */
export function ip4MaskOfLength(length: number): number {
  return length <= 0 ? 0 : (0xffff_ffff << (32 - Math.min(length, 32))) >>> 0;
}

/** The prefix length of a contiguous mask; `undefined` when the mask has holes. */
export function ip4LengthOfMask(mask: number): number | undefined {
  const length = Math.clz32(~mask);
  return ip4MaskOfLength(length) === mask >>> 0 ? length : undefined;
}
