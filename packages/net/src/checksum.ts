/**
 * The internet checksum: over bytes, over the pseudo-headers of TCP, UDP and ICMPv6, and updated in place.
 *
 * Sums are kept unfolded (plain numbers well below 2^53) and folded once at the end.
 *
 * @see RFC 1071, RFC 1624 (incremental update, equation 3), RFC 8200 section 8.1 (pseudo-header)
 */
import { getU16 } from "./bytes.ts";

/** Adds the 16-bit words of `bytes[at .. at+length)` to an unfolded sum; an odd last byte is padded with zero. */
export function addToSum(sum: number, bytes: Uint8Array, at: number, length: number): number {
  const end = at + (length & ~1);
  let total = sum;
  for (let i = at; i < end; i += 2) total += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  return (length & 1) === 1 ? total + ((bytes[end] ?? 0) << 8) : total;
}

/** Folds an unfolded sum to 16 bits with end-around carry. */
export function foldSum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x1_0000) + Math.floor(folded / 0x1_0000);
  return folded;
}

/** The internet checksum of a range of bytes. */
export function internetChecksum(bytes: Uint8Array, at = 0, length: number = bytes.length - at): number {
  return ~foldSum(addToSum(0, bytes, at, length)) & 0xffff;
}

/** The unfolded sum of an IPv4 pseudo-header whose IP header starts at `ipAt`. */
export function pseudoSum4(bytes: Uint8Array, ipAt: number, proto: number, l4Length: number): number {
  return addToSum(proto + l4Length, bytes, ipAt + 12, 8);
}

/** The unfolded sum of an IPv6 pseudo-header whose IP header starts at `ipAt`. */
export function pseudoSum6(bytes: Uint8Array, ipAt: number, proto: number, l4Length: number): number {
  return addToSum(proto + (l4Length >>> 16) + (l4Length & 0xffff), bytes, ipAt + 8, 32);
}

/**
 * The checksum after one 16-bit word of what it covers changed from `before` to `after`.
 *
 * @see RFC 1624, equation 3: HC' = ~(~HC + ~m + m')
 */
export function updateChecksum(checksum: number, before: number, after: number): number {
  let sum = (~checksum & 0xffff) + (~before & 0xffff) + (after & 0xffff);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** As {@link updateChecksum} for a 32-bit word. */
export function updateChecksum32(checksum: number, before: number, after: number): number {
  return updateChecksum(updateChecksum(checksum, before >>> 16, after >>> 16), before, after);
}

/** Applies a change of one 16-bit word to the checksum stored at `at`. */
export function updateChecksumAt(bytes: Uint8Array, at: number, before: number, after: number): void {
  const checksum = updateChecksum(getU16(bytes, at), before, after);
  bytes[at] = checksum >>> 8;
  bytes[at + 1] = checksum;
}
