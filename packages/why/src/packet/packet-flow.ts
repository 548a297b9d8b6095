/** The flow of a packet in the syntax of ovs-ofctl, with every field that real packets of its kind have. */
import { formatIp6, formatMac, multicastMacOfIp6, parseIp6, solicitedNodeOf } from "@tenet/net";
import type { Protocol } from "../question/question.ts";

/** Ethernet and IP addresses of a packet; without `ip` on either side the field is left zero. */
export interface PacketEnds {
  readonly inPort: number;
  readonly family: 4 | 6;
  readonly source: { readonly mac: string; readonly ip: string | undefined };
  readonly target: { readonly mac: string; readonly ip: string | undefined };
}

/** First of the ports that systems choose for themselves (RFC 6335, section 6). */
const EPHEMERAL_PORT = 49152;
const BROADCAST = "ff:ff:ff:ff:ff:ff";

/** Both ends and ports turned around. */
export function answerFlow(ends: PacketEnds, protocol: Exclude<Protocol, { name: "arp" } | { name: "nd" }>): string {
  if (protocol.name === "icmp") {
    return ipFlow(ends, ends.family === 4 ? "icmp,icmp_type=0,icmp_code=0" : "icmp6,icmp_type=129,icmp_code=0");
  }
  const ports = `tp_src=${protocol.port},tp_dst=${protocol.sourcePort ?? EPHEMERAL_PORT}`;
  const flags = protocol.name === "tcp" ? ",tcp_flags=syn|ack" : "";
  return ipFlow(ends, `${protocol.name}${ends.family === 6 ? "6" : ""},${ports}${flags}`);
}

/** What is not asked is as in a first packet: TTL 64, a SYN, an echo request. */
export function packetFlow(ends: PacketEnds, protocol: Protocol): string {
  switch (protocol.name) {
    case "arp":
      return arpRequest(ends);
    case "nd":
      return neighborSolicitation(ends);
    case "icmp":
      return ipFlow(ends, ends.family === 4 ? "icmp,icmp_type=8,icmp_code=0" : "icmp6,icmp_type=128,icmp_code=0");
    default: {
      const ports = `tp_src=${protocol.sourcePort ?? EPHEMERAL_PORT},tp_dst=${protocol.port}`;
      const flags = protocol.name === "tcp" ? ",tcp_flags=syn" : "";
      return ipFlow(ends, `${protocol.name}${ends.family === 6 ? "6" : ""},${ports}${flags}`);
    }
  }
}

function ipFlow({ inPort, family, source, target }: PacketEnds, protocol: string): string {
  const prefix = family === 4 ? "nw" : "ipv6";
  return [
    `in_port=${inPort},dl_src=${source.mac},dl_dst=${target.mac}`,
    protocol,
    ...(source.ip === undefined ? [] : [`${prefix}_src=${source.ip}`]),
    ...(target.ip === undefined ? [] : [`${prefix}_dst=${target.ip}`]),
    "nw_ttl=64",
  ].join(",");
}

function arpRequest({ inPort, source, target }: PacketEnds): string {
  const addresses = `arp_spa=${source.ip ?? "0.0.0.0"},arp_tpa=${target.ip ?? "0.0.0.0"}`;
  const hardware = `arp_sha=${source.mac},arp_tha=00:00:00:00:00:00`;
  return `in_port=${inPort},dl_src=${source.mac},dl_dst=${BROADCAST},arp,arp_op=1,${addresses},${hardware}`;
}

function neighborSolicitation({ inPort, source, target }: PacketEnds): string {
  const wanted = target.ip ?? "::";
  const group = solicitedNodeOf(parseIp6(wanted));
  const ethernet = `in_port=${inPort},dl_src=${source.mac},dl_dst=${formatMac(multicastMacOfIp6(group))}`;
  const ip = `ipv6_src=${source.ip ?? "::"},ipv6_dst=${formatIp6(group)},nw_ttl=255`;
  return `${ethernet},icmp6,${ip},icmp_type=135,icmp_code=0,nd_target=${wanted},nd_sll=${source.mac}`;
}
