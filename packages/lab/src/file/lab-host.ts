/** A host of a lab file: name, the logical port it is plugged into, addresses, and what it serves. */
import {
  AddressError,
  formatMac,
  formatPrefix,
  isMulticastMac,
  parseIp,
  parseMac,
  parsePrefix,
  prefixContains,
} from "@tenet/net";
import { didYouMean, type SourcePosition } from "@tenet/kit";
import { required, type SourceNode } from "./source-node.ts";

/** A host as the lab file describes it. */
export interface LabHost {
  readonly name: string;
  /** Name of its logical switch port. */
  readonly port: string;
  readonly mac: string;
  /** With prefix length. */
  readonly addresses: readonly string[];
  readonly gateway: string | undefined;
  /** TCP ports it serves. */
  readonly listen: readonly number[];
  /** Where its name stands in the lab file. */
  readonly at: SourcePosition;
}

const KEYS = ["name", "port", "mac", "addresses", "gateway", "listen"];
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/**
 * Reads one element of `hosts`.
 *
 * @param ports - the logical switch ports there are; `undefined` when the lab leaves them to others
 * @throws LabFileError
 */
export function readHost(node: SourceNode, ports: readonly string[] | undefined): LabHost {
  const fields = node.fields("a host: name, mac, addresses, …", KEYS);
  const nameNode = required(node, fields, "name", "web1");
  const name = nameNode.text("the host's name");
  if (!NAME.test(name)) {
    throw nameNode.error(`"${name}" cannot be a host's name`, { expected: "letters, digits, '-', '_' and '.'" });
  }
  const addresses = readAddresses(required(node, fields, "addresses", "[10.0.0.1/24]"));
  const portNode = fields.get("port") ?? nameNode;
  const port = portNode.text("the name of a logical switch port");
  if (ports !== undefined && !ports.includes(port)) {
    // A host would wait for it in vain: say so before anything starts.
    throw portNode.error(`there is no logical switch port "${port}" to plug ${name} into`, { hint: didYouMean(port, ports) });
  }
  return {
    name,
    port,
    mac: readMac(required(node, fields, "mac", "0a:00:00:00:00:01")),
    addresses,
    gateway: readGateway(fields.get("gateway"), addresses),
    listen: (fields.get("listen")?.items("a list of TCP ports such as [80, 443]") ?? []).map((item) =>
      item.integer("a TCP port, 1 to 65535", 1, 65_535),
    ),
    at: nameNode.at,
  };
}

function readMac(node: SourceNode): string {
  const expected = "an Ethernet address such as 0a:00:00:00:00:01";
  const mac = parsed(node, expected, parseMac);
  if (isMulticastMac(mac)) throw node.error(`${node.describe()} is a group address`, { expected });
  return formatMac(mac);
}

function readAddresses(node: SourceNode): string[] {
  const items = node.items("a list of addresses such as [10.0.0.1/24]");
  if (items.length === 0) throw node.error("no address is given", { expected: "at least one, such as 10.0.0.1/24" });
  return items.map((item) => {
    const expected = "an address with its prefix length, such as 10.0.0.1/24 or fd00::1/64";
    const text = item.text(expected);
    if (!text.includes("/")) throw item.error(`"${text}" has no prefix length`, { expected });
    const prefix = parsed(item, expected, parsePrefix);
    return text.includes("/") && prefix.length === prefix.address.length * 8
      ? `${formatPrefix(prefix)}/${prefix.length}`
      : formatPrefix(prefix);
  });
}

function readGateway(node: SourceNode | undefined, addresses: readonly string[]): string | undefined {
  if (node === undefined) return undefined;
  const expected = "an address inside one of the host's own networks";
  const gateway = parsed(node, expected, parseIp);
  const isNear = addresses.some((address) => prefixContains(parsePrefix(address), gateway));
  if (!isNear) throw node.error(`${node.describe()} lies in none of the host's networks`, { expected });
  return node.text(expected);
}

function parsed<T>(node: SourceNode, expected: string, parse: (text: string) => T): T {
  const text = node.text(expected);
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw node.error(error.message, { expected });
  }
}
