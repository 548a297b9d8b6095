/** Computes a transport checksum from scratch, over the pseudo-header and the message. */
import { putU16 } from "./bytes.ts";
import { addToSum, foldSum, pseudoSum4, pseudoSum6 } from "./checksum.ts";

/** Where the checksum sits in a transport header, or -1 when the protocol has none that covers the addresses. */
export function transportChecksumAt(proto: number, family: 4 | 6): number {
  if (proto === 6) return 16;
  if (proto === 17) return 6;
  return proto === 58 && family === 6 ? 2 : -1;
}

/**
 * Writes the checksum of the TCP, UDP or ICMPv6 message at `l4At`; other protocols are left alone.
 *
 * @param ipAt - start of the IP header, whose addresses are covered
 * @param l4Length - bytes of the message, header included
 */
export function finishTransportChecksum(
  bytes: Uint8Array,
  ipAt: number,
  l4At: number,
  l4Length: number,
  proto: number,
  family: 4 | 6,
): void {
  const field = transportChecksumAt(proto, family);
  if (field < 0 || l4Length < field + 2) return;
  putU16(bytes, l4At + field, 0);
  const pseudo = family === 4 ? pseudoSum4(bytes, ipAt, proto, l4Length) : pseudoSum6(bytes, ipAt, proto, l4Length);
  const checksum = ~foldSum(addToSum(pseudo, bytes, l4At, l4Length)) & 0xffff;
  putU16(bytes, l4At + field, proto === 17 && checksum === 0 ? 0xffff : checksum);
}
