/**
 * Port security: which addresses a port may use, as flows of the tables that answer
 * `check_in_port_sec()` and `check_out_port_sec()`.
 *
 * What: an entry is `MAC [IP[/length]]...`. Without addresses only the MAC counts; with addresses, those of its
 * families count, IPv6 also with the link-local address of the MAC. A host part that is not zero names one host,
 * a host part of zero names the whole network.
 * How: flows answer 0 (passes) or 1 (fails) in a bit of the flags register; the defaults, lowest, answer 1.
 * Source of the shape: the flows of OVN 23.03's controller, except that its neighbour flows require hop limit 225
 * where neighbour discovery uses 255 (RFC 4861); here it is 255.
 *
 * @see ovn-nb(5), Logical_Switch_Port, column port_security
 */
import { AppError, messageOf } from "@tenet/kit";
import { formatIp, formatMac, formatPrefix, linkLocalOfMac, networkOf, type Prefix, parseMac, parsePrefix } from "@tenet/net";
import { TABLE } from "../actions/layout.ts";

/** A flow without its port: `match` says nothing about registers. */
export interface PortSecurityFlow {
  readonly table: number;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
}

/** A port security entry that cannot be read. */
export class PortSecurityError extends AppError {
  static override readonly code: string = "OVN_PORT_SECURITY";
  constructor(entry: string, problem: string, cause?: unknown) {
    super(`Cannot read the port security entry "${entry}": ${problem}`, {
      hint: `Write it as "MAC", "MAC IP" or "MAC IP/LENGTH ..."; until then the port can send nothing with it`,
      details: { entry },
      cause,
    });
  }
}

const PASS = "load:0->NXM_NX_REG10[12]";
const FAIL = "load:0x1->NXM_NX_REG10[12]";
const CHECK_NEIGHBOURS = `resubmit(,${TABLE.checkInNeighbours})`;
const NO_MAC = "00:00:00:00:00:00";

interface Entry {
  readonly mac: string;
  readonly linkLocal: string;
  readonly ip4: readonly Prefix[];
  readonly ip6: readonly Prefix[];
}

/** The flows of one entry. @throws PortSecurityError */
export function portSecurityFlows(text: string): PortSecurityFlow[] {
  const entry = parseEntry(text);
  return [...inboundFlows(entry), ...neighbourFlows(entry), ...outboundFlows(entry)];
}

/** What holds for every port with port security: what no entry allows, fails. */
export function portSecurityDefaults(): PortSecurityFlow[] {
  const { checkInPortSecurity: inbound, checkInNeighbours: neighbours, checkOutPortSecurity: outbound } = TABLE;
  return [
    { table: inbound, priority: 80, match: "", actions: FAIL },
    { table: inbound, priority: 95, match: "arp", actions: CHECK_NEIGHBOURS },
    { table: neighbours, priority: 80, match: "arp", actions: FAIL },
    { table: neighbours, priority: 80, match: "icmp6,nw_ttl=255,icmp_type=135", actions: PASS },
    { table: neighbours, priority: 80, match: "icmp6,nw_ttl=255,icmp_type=136", actions: FAIL },
    { table: outbound, priority: 80, match: "", actions: FAIL },
  ];
}

function inboundFlows({ mac, linkLocal, ip4, ip6 }: Entry): PortSecurityFlow[] {
  const flow = (match: string, actions: string): PortSecurityFlow => ({
    table: TABLE.checkInPortSecurity,
    priority: 90,
    match,
    actions,
  });
  if (ip4.length + ip6.length === 0) return [flow(`dl_src=${mac}`, CHECK_NEIGHBOURS)];
  const flows = ip4.map((prefix) => flow(`ip,dl_src=${mac},nw_src=${hostOrNetwork(prefix)}`, PASS));
  if (ip4.length > 0) {
    // A host that has no address yet asks for one.
    flows.push(flow(`udp,dl_src=${mac},nw_src=0.0.0.0,nw_dst=255.255.255.255,tp_src=68,tp_dst=67`, PASS));
  }
  if (ip6.length > 0) {
    for (const source of [...ip6.map(hostOrNetwork), linkLocal]) {
      flows.push(flow(`ipv6,dl_src=${mac},ipv6_src=${source}`, CHECK_NEIGHBOURS));
    }
    // Duplicate address detection and multicast listener reports start from the unspecified address.
    for (const [type, actions] of [
      [131, PASS],
      [135, CHECK_NEIGHBOURS],
      [143, PASS],
    ]) {
      flows.push(flow(`icmp6,dl_src=${mac},ipv6_src=::,ipv6_dst=ff02::/16,icmp_type=${type},icmp_code=0`, `${actions}`));
    }
  }
  return flows;
}

function neighbourFlows({ mac, linkLocal, ip4, ip6 }: Entry): PortSecurityFlow[] {
  const flow = (match: string): PortSecurityFlow => ({ table: TABLE.checkInNeighbours, priority: 90, match, actions: PASS });
  const flows: PortSecurityFlow[] = [];
  if (ip4.length + ip6.length === 0) flows.push(flow(`arp,dl_src=${mac},arp_sha=${mac}`));
  for (const prefix of ip4) flows.push(flow(`arp,dl_src=${mac},arp_spa=${hostOrNetwork(prefix)},arp_sha=${mac}`));
  for (const linkLayer of [mac, NO_MAC]) {
    flows.push(flow(`icmp6,nw_ttl=255,icmp_type=135,icmp_code=0,nd_sll=${linkLayer}`));
    const advertisement = `icmp_type=136,icmp_code=0,nd_tll=${linkLayer}`;
    if (ip6.length === 0) flows.push(flow(`icmp6,nw_ttl=255,${advertisement}`));
    else flows.push(flow(`icmp6,nw_ttl=255,${advertisement},nd_target=${linkLocal}`));
    for (const prefix of ip6) flows.push(flow(`icmp6,dl_src=${mac},${advertisement},nd_target=${hostOrNetwork(prefix)}`));
  }
  return flows;
}

function outboundFlows({ mac, linkLocal, ip4, ip6 }: Entry): PortSecurityFlow[] {
  const flow = (priority: number, match: string, actions: string): PortSecurityFlow => ({
    table: TABLE.checkOutPortSecurity,
    priority,
    match,
    actions,
  });
  const flows = [flow(85, `dl_dst=${mac}`, PASS)];
  if (ip4.length + ip6.length === 0) return flows;
  flows.push(flow(90, `ip,dl_dst=${mac}`, FAIL), flow(90, `ipv6,dl_dst=${mac}`, FAIL));
  const targets4 = new Set(ip4.flatMap((prefix) => [hostOrNetwork(prefix), ...broadcastOf(prefix)]));
  if (ip4.length > 0) targets4.add("255.255.255.255").add("224.0.0.0/4");
  for (const target of targets4) flows.push(flow(95, `ip,dl_dst=${mac},nw_dst=${target}`, PASS));
  const targets6 = ip6.length === 0 ? [] : [...ip6.map(hostOrNetwork), linkLocal, "ff00::/8"];
  for (const target of targets6) flows.push(flow(95, `ipv6,dl_dst=${mac},ipv6_dst=${target}`, PASS));
  return flows;
}

function parseEntry(text: string): Entry {
  const [mac = "", ...addresses] = text.trim().split(/\s+/);
  try {
    const prefixes = addresses.map(parsePrefix);
    return {
      mac: formatMac(parseMac(mac)),
      linkLocal: formatIp(linkLocalOfMac(parseMac(mac))),
      ip4: prefixes.filter((prefix) => prefix.family === 4),
      ip6: prefixes.filter((prefix) => prefix.family === 6),
    };
  } catch (error) {
    throw new PortSecurityError(text, messageOf(error), error);
  }
}

/** `10.0.0.5/24` means the host, `10.0.0.0/24` the network. */
function hostOrNetwork(prefix: Prefix): string {
  return isNetwork(prefix) ? formatPrefix(prefix) : formatIp(prefix.address);
}

function isNetwork(prefix: Prefix): boolean {
  return prefix.length < 8 * prefix.address.length && networkOf(prefix).address.every((byte, i) => byte === prefix.address[i]);
}

/** The directed broadcast address of a host's network. */
function broadcastOf(prefix: Prefix): string[] {
  if (isNetwork(prefix) || prefix.length >= 32) return [];
  const ones = 0xffff_ffff >>> prefix.length;
  const host = prefix.address.reduce((sum, byte) => sum * 256 + byte, 0);
  const last = (host | ones) >>> 0;
  return last === host ? [] : [formatIp(Uint8Array.of(last >>> 24, (last >>> 16) & 255, (last >>> 8) & 255, last & 255))];
}
