/** Tracked connections as `dpctl/dump-conntrack` shows them. */
import { type ConnectionInfo, type ConnectionTuple, TCP_STATES } from "@tenet/datapath";
import { IP_PROTO } from "@tenet/net";
import { formatAddress, formatLabel } from "./format-ct.ts";

const NAMES: Readonly<Record<number, string>> = {
  [IP_PROTO.icmp]: "icmp",
  [IP_PROTO.igmp]: "igmp",
  [IP_PROTO.tcp]: "tcp",
  [IP_PROTO.udp]: "udp",
  [IP_PROTO.icmp6]: "icmpv6",
  [IP_PROTO.sctp]: "sctp",
};

/** How much to show. */
export interface ConnectionFormat {
  /** Also the states of both ends. */
  readonly isVerbose?: boolean;
  /** Also what is left to live. */
  readonly showsTimeout?: boolean;
}

/** The name of an IP protocol, or its number. */
export function protocolName(proto: number): string {
  return NAMES[proto] ?? String(proto);
}

/** One connection on one line. */
export function formatConnection(
  connection: ConnectionInfo,
  { isVerbose = false, showsTimeout = false }: ConnectionFormat = {},
): string {
  const { proto, zone, original, reply, mark, label, tcpStates, timeoutMs } = connection;
  const parts = [
    protocolName(proto),
    `orig=(${formatTuple(original, proto)})`,
    `reply=(${formatTuple(reply, proto)})`,
    ...(isVerbose ? ["id=0"] : []),
    ...(zone === 0 ? [] : [`zone=${zone}`]),
    ...(isVerbose ? ["status=0"] : []),
    ...(showsTimeout ? [`timeout=${Math.floor(timeoutMs / 1000)}`] : []),
    ...(mark === 0 ? [] : [`mark=${mark}`]),
    ...(label.every((word) => word === 0) ? [] : [`labels=${formatLabel(label)}`]),
  ];
  if (tcpStates !== undefined) parts.push(`protoinfo=(${formatStates(tcpStates, isVerbose)})`);
  return parts.join(",");
}

/** The state of a whole connection: that of the end that has come further. */
export function stateOf([original, reply]: readonly [string, string]): string {
  const states: readonly string[] = TCP_STATES;
  return states.indexOf(original) > states.indexOf(reply) ? original : reply;
}

function formatStates(states: readonly [string, string], isVerbose: boolean): string {
  if (isVerbose) return `state_orig=${states[0]},state_reply=${states[1]},flags_orig=0,flags_reply=0`;
  return `state=${stateOf(states)}`;
}

function formatTuple({ src, dst, srcPort, dstPort }: ConnectionTuple, proto: number): string {
  const addresses = `src=${formatAddress(src)},dst=${formatAddress(dst)}`;
  if (proto === IP_PROTO.icmp || proto === IP_PROTO.icmp6) {
    return `${addresses},id=${srcPort},type=${dstPort >>> 8},code=${dstPort & 0xff}`;
  }
  return `${addresses},sport=${srcPort},dport=${dstPort}`;
}
