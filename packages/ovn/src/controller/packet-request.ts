/**
 * What flows ask the controller to do with a packet: remember an address, write a log line, answer a neighbour.
 *
 * The request is in the packet-in's userdata (see CONTROLLER_OPCODE); the logical ports and registers are in its
 * match. A packet that asks for nothing known, or cannot be what it claims, gives `undefined`.
 *
 * @see ovn-sb(5), actions put_fdb, log, nd_na; RFC 4861, section 7.2.4
 */
import {
  buildEthernet,
  buildIp6,
  buildNeighbor,
  type Dissection,
  dissect,
  ETH_TYPE,
  FIELDS,
  type FieldSpec,
  formatIp4,
  formatIp6,
  formatMac,
  getField,
  getFieldBig,
  getMac,
  IP_PROTO,
  multicastMacOfIp6,
  parseIp6,
} from "@tenet/net";
import { type Action, type PacketIn, parseActions } from "@tenet/openflow";
import { CONTROLLER_OPCODE, setBits } from "../actions/encode.ts";
import { LOG_SEVERITIES, LOG_VERDICTS, type LogVerdict } from "../actions/logical-action.ts";

/** "This address was seen behind this port." */
export interface Sighting {
  readonly mac: string;
  readonly datapathKey: number;
  readonly portKey: number;
}

/** One request. */
export type PacketRequest =
  | ({ readonly type: "learn" } & Sighting)
  | {
      readonly type: "log";
      readonly name: string;
      readonly verdict: LogVerdict | "unknown";
      readonly severity: string;
      readonly summary: string;
    }
  /** Send `frame`, after `actions`, which run in the pipeline where the packet was. */
  | { readonly type: "send"; readonly frame: Uint8Array; readonly actions: readonly Action[] };

const SOLICITED_OVERRIDE = 3;
const ROUTER = 4;
const OVERRIDE = 1;
const ALL_NODES = parseIp6("ff02::1");

/** Reads the request of a packet-in. */
export function requestOf(packet: PacketIn): PacketRequest | undefined {
  const { userdata } = packet;
  if (userdata === undefined || userdata.length < 8) return undefined;
  const opcode = new DataView(userdata.buffer, userdata.byteOffset).getUint32(0);
  const rest = userdata.subarray(8);
  switch (opcode) {
    case CONTROLLER_OPCODE.putFdb:
      return sightingOf(packet);
    case CONTROLLER_OPCODE.log:
      return logLineOf(packet, rest);
    case CONTROLLER_OPCODE.advertise:
      return advertisementFor(packet, rest, SOLICITED_OVERRIDE);
    case CONTROLLER_OPCODE.advertiseRouter:
      return advertisementFor(packet, rest, SOLICITED_OVERRIDE | ROUTER);
    default:
      return undefined;
  }
}

function sightingOf({ data, match }: PacketIn): PacketRequest | undefined {
  if (data.length < 12 || ((data[6] ?? 0) & 1) !== 0) return undefined;
  const datapathKey = Number(getFieldBig(match.key, FIELDS.metadata));
  const portKey = getField(match.key, FIELDS.reg14);
  if (datapathKey === 0 || portKey === 0) return undefined;
  return { type: "learn", mac: formatMac(getMac(data, 6)), datapathKey, portKey };
}

function logLineOf({ data }: PacketIn, rest: Uint8Array): PacketRequest | undefined {
  const [verdict = -1, level] = rest;
  const severity = Object.entries(LOG_SEVERITIES).find(([, number]) => number === level)?.[0] ?? "info";
  const summary = summaryOf(dissect(data));
  return {
    type: "log",
    name: new TextDecoder().decode(rest.subarray(2)),
    verdict: LOG_VERDICTS[verdict] ?? "unknown",
    severity,
    summary,
  };
}

/** A packet in a few words, in the terms of ovs-ofctl. */
function summaryOf({ ethernet, ip4, ip6, tcp, udp, icmp }: Dissection): string {
  const parts: string[] = [];
  if (ethernet !== undefined)
    parts.push(
      `dl_src=${formatMac(ethernet.src)}`,
      `dl_dst=${formatMac(ethernet.dst)}`,
      `dl_type=0x${ethernet.type.toString(16)}`,
    );
  if (ip4 !== undefined) parts.push(`nw_src=${formatIp4(ip4.src)}`, `nw_dst=${formatIp4(ip4.dst)}`, `nw_proto=${ip4.proto}`);
  if (ip6 !== undefined) parts.push(`ipv6_src=${formatIp6(ip6.src)}`, `ipv6_dst=${formatIp6(ip6.dst)}`, `nw_proto=${ip6.proto}`);
  const ports = tcp ?? udp;
  if (ports !== undefined) parts.push(`tp_src=${ports.srcPort}`, `tp_dst=${ports.dstPort}`);
  if (icmp !== undefined) parts.push(`icmp_type=${icmp.type}`, `icmp_code=${icmp.code}`);
  return parts.join(",");
}

/** The advertisement that answers a solicitation; the flow's actions fill in whose it is and where it goes. */
function advertisementFor({ data, match }: PacketIn, rest: Uint8Array, flags: number): PacketRequest | undefined {
  const { ethernet, ip6, icmp, payload } = dissect(data);
  if (ethernet === undefined || ip6 === undefined || icmp?.type !== 135) return undefined;
  if (payload.length < 16) return undefined;
  const target = payload.slice(0, 16);
  // Who only tests whether an address is free has none to be answered at, so all are told.
  const isTest = ip6.src.every((byte) => byte === 0);
  const dst = isTest ? ALL_NODES : ip6.src;
  const message = buildNeighbor({
    kind: "advertisement",
    target,
    targetMac: ethernet.dst,
    flags: isTest ? (flags & ROUTER) | OVERRIDE : flags,
  });
  const datagram = buildIp6({ src: target, dst, proto: IP_PROTO.icmp6, hopLimit: 255 }, message);
  const frame = buildEthernet(
    { dst: isTest ? multicastMacOfIp6(ALL_NODES) : ethernet.src, src: ethernet.dst, type: ETH_TYPE.ip6 },
    datagram,
  );
  const actions = parseActions(new TextDecoder().decode(rest), { file: "nd_na" });
  return { type: "send", frame, actions: [...restoreRegisters(match.key), ...actions] };
}

const REGISTERS: readonly FieldSpec[] = [
  FIELDS.metadata,
  ...Array.from({ length: 16 }, (_, n) => FIELDS[`reg${n}` as keyof typeof FIELDS]),
];

/** Puts the registers back to what they were when the packet left the pipeline. */
function restoreRegisters(key: Uint32Array): Action[] {
  return REGISTERS.flatMap((field) => {
    const value = getFieldBig(key, field);
    return value === 0n ? [] : [setBits({ field, start: 0, nBits: field.nBits }, value, (1n << BigInt(field.nBits)) - 1n)];
  });
}
