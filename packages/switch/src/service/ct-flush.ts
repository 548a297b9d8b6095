/** Which tracked connections a controller's request to forget is about. */
import type { ConnectionFilter, ConnectionInfo, ConnectionTuple } from "@tenet/datapath";
import type { CtFlush, CtFlushTuple } from "@tenet/openflow";

const ICMP = 1;
const ICMP6 = 58;

/** The connections of a request. */
export function connectionsMeant({ zone, protocol, original, reply }: CtFlush): ConnectionFilter {
  const matches = (connection: ConnectionInfo): boolean =>
    (protocol === 0 || connection.proto === protocol) &&
    isMeant(connection, connection.original, original) &&
    isMeant(connection, connection.reply, reply);
  return { matches, ...(zone === undefined ? {} : { zone }) };
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
