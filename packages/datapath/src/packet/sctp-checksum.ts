/**
 * Keeps the checksum of an SCTP packet true when its ports change.
 *
 * CRC32c is linear: the checksum changes by the difference of two checksums, so one that was wrong stays as wrong.
 *
 * @see RFC 9260, appendix A
 */
import { getU32, putU32 } from "@tenet/net";

/** Castagnoli's, reflected: the highest bit is that of x^0. */
export const POLYNOMIAL = 0x82f63b78;

/** Where the header has its checksum; that of no other protocol is there. */
export const SCTP_CHECKSUM_AT = 8;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ POLYNOMIAL;
  return crc;
});

/** CRC32c of an SCTP packet whose checksum field counts as zero, as it is read from the wire in network order. */
export function sctpChecksum(bytes: Uint8Array, at: number, end: number): number {
  let crc = 0xffffffff;
  for (let i = at; i < end; i++) {
    const isChecksum = i >= at + SCTP_CHECKSUM_AT && i < at + SCTP_CHECKSUM_AT + 4;
    const byte = isChecksum ? 0 : (bytes[i] ?? 0);
    crc = (TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  }
  crc = ~crc;
  return (((crc & 0xff) << 24) | ((crc & 0xff00) << 8) | ((crc >>> 8) & 0xff00) | (crc >>> 24)) >>> 0;
}

/** Runs a change of an SCTP packet and carries it into the checksum. */
export function changeSctp(bytes: Uint8Array, at: number, end: number, change: () => void): void {
  const before = sctpChecksum(bytes, at, end);
  change();
  const after = sctpChecksum(bytes, at, end);
  putU32(bytes, at + SCTP_CHECKSUM_AT, getU32(bytes, at + SCTP_CHECKSUM_AT) ^ before ^ after);
}
