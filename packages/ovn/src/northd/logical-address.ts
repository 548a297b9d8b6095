/** Reads what people write into a logical port's `addresses` and `port_security`. */
import { formatIp4, formatIp6, formatMac, parseMac, tryParseIp4, tryParseIp6 } from "@tenet/net";

/** One Ethernet address and the IP addresses behind it, in canonical text. */
export interface LogicalAddress {
  readonly mac: string;
  readonly ip4s: readonly string[];
  readonly ip6s: readonly string[];
}

const MAC = /^[0-9a-f]{1,2}(:[0-9a-f]{1,2}){5}$/i;

/**
 * Reads `MAC [IP[/LENGTH]]...`; IP addresses end at the first word that is none, as in the original.
 *
 * @returns `undefined` when the text does not start with an Ethernet address (`unknown`, `router`, `dynamic`)
 * @see ovn-nb(5), Logical_Switch_Port, addresses
 */
export function parseLogicalAddress(text: string): LogicalAddress | undefined {
  const [first = "", ...rest] = text.trim().split(/\s+/);
  if (!MAC.test(first)) return undefined;
  const ip4s: string[] = [];
  const ip6s: string[] = [];
  for (const word of rest) {
    const ip = word.replace(/\/\d{1,3}$/, "");
    const ip4 = tryParseIp4(ip);
    const ip6 = ip4 === undefined ? tryParseIp6(ip) : undefined;
    if (ip4 !== undefined) ip4s.push(formatIp4(ip4));
    else if (ip6 !== undefined) ip6s.push(formatIp6(ip6));
    else break;
  }
  return { mac: formatMac(parseMac(first)), ip4s, ip6s };
}
