/** Tracked connections as JSON: addresses and labels as text, what does not apply left out. */
import type { ConnectionInfo, ConnectionTuple } from "@tenet/datapath";
import { protocolName } from "../../trace/format-connection.ts";
import { formatAddress, formatLabel } from "../../trace/format-ct.ts";

/** One direction: ICMP has an identifier, a type and a code in place of ports. */
export interface DirectionDescription {
  readonly src: string;
  readonly dst: string;
  readonly sport?: number;
  readonly dport?: number;
  readonly id?: number;
  readonly type?: number;
  readonly code?: number;
}

/** A tracked connection, as `tenet conntrack -o json` prints it. */
export interface ConnectionDescription {
  /** Name of the protocol, or its number. */
  readonly proto: string;
  readonly zone: number;
  readonly original: DirectionDescription;
  readonly reply: DirectionDescription;
  readonly mark: number;
  /** 128 bits in hexadecimal digits. */
  readonly label: string;
  /** States of both ends, of TCP alone. */
  readonly tcpStates?: readonly [original: string, reply: string];
  /** Time to live if nothing comes. */
  readonly timeoutMs: number;
}

/** Describes a connection. */
export function describeConnection(connection: ConnectionInfo): ConnectionDescription {
  const { zone, original, reply, mark, label, tcpStates, timeoutMs } = connection;
  const proto = protocolName(connection.proto);
  return {
    proto,
    zone,
    original: describeDirection(original, proto),
    reply: describeDirection(reply, proto),
    mark,
    label: formatLabel(label),
    ...(tcpStates === undefined ? {} : { tcpStates }),
    timeoutMs: Math.round(timeoutMs),
  };
}

function describeDirection({ src, dst, srcPort, dstPort }: ConnectionTuple, proto: string): DirectionDescription {
  const [from, to] = [formatAddress(src), formatAddress(dst)];
  if (proto === "icmp" || proto === "icmpv6")
    return { src: from, dst: to, id: srcPort, type: dstPort >>> 8, code: dstPort & 0xff };
  const hasPorts = proto === "tcp" || proto === "udp" || proto === "sctp";
  return hasPorts ? { src: from, dst: to, sport: srcPort, dport: dstPort } : { src: from, dst: to };
}
