/** Which tracked connections a controller's request to forget is about. */
import type { ConnectionFilter, ConnectionInfo, ConnectionTuple } from "@tenet/datapath";
import type { CtFlush, CtFlushTuple } from "@tenet/openflow";

const ICMP = 1;
const ICMP6 = 58;

/** The connections of a request. */
export function connectionsMeant({ zone, protocol, original, reply }: CtFlush): ConnectionFilter {
  const findsPackets = isOfPacket(original, protocol) && Object.values(reply).every(isNothing);
  const matches = (connection: ConnectionInfo): boolean =>
    (protocol === 0 || connection.proto === protocol) &&
    ((isMeant(connection, connection.original, original) && isMeant(connection, connection.reply, reply)) ||
      (findsPackets && isMeant(connection, connection.reply, original)));
  const meantZone = zone ?? (findsPackets ? 0 : undefined);
  return { matches, ...(meantZone === undefined ? {} : { zone: meantZone }) };
}

/** Whether a tuple says all that a packet says of its connection: then it is that of packets of either direction. */
function isOfPacket({ src, dst, srcPort, dstPort, icmpId, icmpType, icmpCode }: CtFlushTuple, protocol: number): boolean {
  const ends = protocol === ICMP || protocol === ICMP6 ? [icmpId] : [srcPort, dstPort];
  const isEcho = protocol !== ICMP && protocol !== ICMP6 ? true : icmpType !== undefined && icmpCode !== undefined;
  return protocol !== 0 && isEcho && ![src, dst, ...ends].some(isNothing);
}

/** Whether a part of a tuple says nothing. */
function isNothing(part: Uint8Array | number | undefined): boolean {
  return part === undefined || part === 0 || (part instanceof Uint8Array && part.every((byte) => byte === 0));
}

function isMeant({ family, proto }: ConnectionInfo, tuple: ConnectionTuple, wanted: CtFlushTuple): boolean {
  if (!isSameAddress(family, tuple.src, wanted.src) || !isSameAddress(family, tuple.dst, wanted.dst)) return false;
  if (proto !== ICMP && proto !== ICMP6) return isSame(tuple.srcPort, wanted.srcPort) && isSame(tuple.dstPort, wanted.dstPort);
  const { icmpId, icmpType, icmpCode } = wanted;
  return isSame(tuple.srcPort, icmpId) && isSame(tuple.dstPort >>> 8, icmpType) && isSame(tuple.dstPort & 0xff, icmpCode);
}

/** What is not wanted, or zero, may be anything. */
function isSame(value: number, wanted = 0): boolean {
  return wanted === 0 || value === wanted;
}

function isSameAddress(family: 4 | 6, words: Uint32Array, wanted: Uint8Array | undefined): boolean {
  if (wanted === undefined || wanted.every((byte) => byte === 0)) return true;
  const view = new DataView(wanted.buffer, wanted.byteOffset, wanted.byteLength);
  const bytes = [0, 4, 8, 12].map((at) => view.getUint32(at));
  const own = family === 6 ? [...words] : [0, 0, 0xffff, ...words];
  return own.every((word, i) => word === bytes[i]);
}
