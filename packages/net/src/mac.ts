/** Ethernet addresses as 48-bit numbers: they fit a double exactly, compare with `===` and key a Map. */
import { AddressError } from "./address-error.ts";

/** The broadcast address, ff:ff:ff:ff:ff:ff. */
export const MAC_BROADCAST = 0xffff_ffff_ffff;

const MAC_TEXT =
  /^([0-9a-f]{1,2})[:-]([0-9a-f]{1,2})[:-]([0-9a-f]{1,2})[:-]([0-9a-f]{1,2})[:-]([0-9a-f]{1,2})[:-]([0-9a-f]{1,2})$/i;

/**
 * Reads `0a:00:00:00:00:01` (also with `-`).
 *
 * @throws AddressError when the text is not six hexadecimal bytes
 */
export function parseMac(text: string): number {
  const match = MAC_TEXT.exec(text.trim());
  if (match === null) throw new AddressError("an Ethernet address", text, "not six hexadecimal bytes", "0a:00:00:00:00:01");
  let mac = 0;
  for (const byte of match.slice(1)) mac = mac * 256 + Number.parseInt(byte, 16);
  return mac;
}

/** Writes an address in lower case with colons. */
export function formatMac(mac: number): string {
  const digits = mac.toString(16).padStart(12, "0");
  return (digits.match(/../g) ?? []).join(":");
}

/** Whether an address is a group address (multicast or broadcast). */
export function isMulticastMac(mac: number): boolean {
  return (Math.floor(mac / 0x100_0000_0000) & 1) === 1;
}

/** The multicast Ethernet address of an IPv6 group: 33:33 and the last four bytes. @see RFC 2464, section 7 */
export function multicastMacOfIp6(group: Uint8Array): number {
  const low = new DataView(group.buffer, group.byteOffset, group.byteLength).getUint32(12);
  return 0x3333_0000_0000 + low;
}
