/**
 * Finds out what a sender on this machine left to do.
 *
 * What: a packet whose tunnel begins in a kernel on the same machine (a namespace, a container) comes without its inner
 * transport checksum, and TCP as one packet for many: no wire was there to make them complete. A datagram socket does
 * not tell. How: an unfinished checksum field holds the sum of the pseudo-header, which a finished one does once in
 * 65,536 times, and then finishing it again changes nothing. What is left is noted in the virtio-net header, for the
 * receiver to trust, or for whoever needs it complete.
 */
import { foldSum, getU16, getU8, pseudoSum4, pseudoSum6 } from "@tenet/net";
import { writeVnetHeader } from "../packet/vnet-header.ts";

const ETHERNET_BYTES = 14;
const TCP = 6;
const UDP = 17;
/** A frame of TCP that is longer is cut: whatever device it goes to takes its segments. */
const MAX_FRAME_BYTES = 1514;
/** Bytes of the IP packets that a large one is to be cut into. */
const CUT_PACKET_BYTES = 1400;

/** Writes the virtio-net header of a frame that came out of a tunnel. */
export function noteOffload(bytes: Uint8Array, headerAt: number, at: number, length: number): void {
  const type = getU16(bytes, at + 12);
  const l3 = at + ETHERNET_BYTES;
  if (type === 0x0800 && length >= ETHERNET_BYTES + 20) {
    const headerLength = (getU8(bytes, l3) & 15) * 4;
    const l4Length = getU16(bytes, l3 + 2) - headerLength;
    if ((getU16(bytes, l3 + 6) & 0x3fff) !== 0) return;
    noteTransport(bytes, headerAt, at, length, { family: 4, proto: getU8(bytes, l3 + 9), l4: l3 + headerLength, l4Length });
  } else if (type === 0x86dd && length >= ETHERNET_BYTES + 40) {
    const transport = { family: 6, proto: getU8(bytes, l3 + 6), l4: l3 + 40, l4Length: getU16(bytes, l3 + 4) } as const;
    noteTransport(bytes, headerAt, at, length, transport);
  }
}

interface Transport {
  readonly family: 4 | 6;
  readonly proto: number;
  readonly l4: number;
  readonly l4Length: number;
}

function noteTransport(
  bytes: Uint8Array,
  headerAt: number,
  at: number,
  length: number,
  { family, proto, l4, l4Length }: Transport,
): void {
  if (proto !== TCP && proto !== UDP) return;
  const field = proto === TCP ? 16 : 6;
  if (l4Length < (proto === TCP ? 20 : 8) || l4 + l4Length > at + length) return;
  const l3 = at + ETHERNET_BYTES;
  const sum = family === 4 ? pseudoSum4(bytes, l3, proto, l4Length) : pseudoSum6(bytes, l3, proto, l4Length);
  if (getU16(bytes, l4 + field) !== foldSum(sum)) return;
  const headers = l4 - l3 + (getU8(bytes, l4 + 12) >>> 4) * 4;
  const segmentSize = proto === TCP && length > MAX_FRAME_BYTES ? CUT_PACKET_BYTES - headers : 0;
  writeVnetHeader(bytes, headerAt, { transport: l4 - at, field, family, headers: ETHERNET_BYTES + headers, segmentSize });
}
