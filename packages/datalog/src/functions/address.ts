/** Built-in functions over IP addresses, prefixes and MAC addresses in text form. */
import { isIP, isIPv4, isIPv6 } from "node:net";
import type { FunctionDef } from "../check/core.ts";
import { Scalar } from "../scalar.ts";
import type { Value } from "../value.ts";
import { formatAddress, maskOf, parseAddress, parsePrefix, type Prefix } from "./address-text.ts";
import { define } from "./define.ts";
import { emptyNetwork, isRelated, type NetworkRelation, readNetwork } from "./network.ts";

/** Address functions. */
export const ADDRESS_FUNCTIONS: readonly FunctionDef[] = [
  define("is_ip", ["a"], (s) => isIP(s) !== 0),
  define("is_ip4", ["a"], (s) => isIPv4(s)),
  define("is_ip6", ["a"], (s) => isIPv6(s)),
  define("is_prefix", ["a"], (s) => s.includes("/") && parsePrefix(s) !== undefined),
  networkTest("ip_in_prefix", "inside", (ip) =>
    ip instanceof Scalar ? ip.type === "ip" : typeof ip === "string" && isIP(ip) !== 0,
  ),
  networkTest("prefixes_overlap", "overlaps"),
  define("prefix_network", ["a"], networkOf),
  define("prefix_length", ["a"], (s) => parsePrefix(s)?.length),
  define("prefix_mask", ["a"], (s) => {
    const prefix = parsePrefix(s);
    return prefix && formatAddress(maskOf(prefix), prefix.bits);
  }),
  define("ip4_to_int", ["a"], (s) => (isIPv4(s) ? Number(parseAddress(s)) : undefined)),
  define("int_to_ip4", ["n"], (n) => (Number.isInteger(n) && n >= 0 && n < 2 ** 32 ? formatAddress(BigInt(n), 32) : undefined)),
  define("is_mac", ["a"], (s) => MAC.test(s)),
  define("mac_to_int", ["a"], (s) => (MAC.test(s) ? Number.parseInt(s.replaceAll(":", ""), 16) : undefined)),
  define("int_to_mac", ["n"], formatMac),
];

/** The order of two addresses, version 4 before version 6; `undefined` if one is none. */
export function compareAddresses(a: string, b: string): number | undefined {
  const [first, second] = [parsePrefix(a), parsePrefix(b)];
  if (first === undefined || second === undefined || a.includes("/") || b.includes("/")) return undefined;
  if (first.bits !== second.bits) return first.bits - second.bits;
  return first.address === second.address ? 0 : first.address < second.address ? -1 : 1;
}

/** True if both are the same network, whatever host bits they are written with. */
export function sameNetwork(a: string, b: string): boolean | undefined {
  return relate(a, b, (first, second) => first.length === second.length);
}

/** A test of how the first network lies to the second: `false` if the first is not what `accepts` wants, no result if one is none. */
export function networkTest(
  name: string,
  relates: NetworkRelation,
  accepts: (first: Value) => boolean = () => true,
): FunctionDef {
  const [a, b] = [emptyNetwork(), emptyNetwork()];
  const call = (first: Value, second: Value): boolean | undefined => {
    if (!isAddressLike(first) || !isAddressLike(second)) return undefined;
    if (!accepts(first)) return false;
    return readNetwork(first, a) && readNetwork(second, b) ? isRelated(a, relates, b) : undefined;
  };
  return { name, nArgs: 2, relates, call };
}

const MAC = /^[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}$/;

function isAddressLike(value: Value): boolean {
  return typeof value === "string" || value instanceof Scalar;
}

function formatMac(n: number): string | undefined {
  if (!Number.isInteger(n) || n < 0 || n >= 2 ** 48) return undefined;
  return n.toString(16).padStart(12, "0").match(/../g)?.join(":");
}

function relate(a: string, b: string, accept: (a: Prefix, b: Prefix) => boolean): boolean | undefined {
  const [first, second] = [parsePrefix(a), parsePrefix(b)];
  if (first === undefined || second === undefined) return undefined;
  if (first.bits !== second.bits || !accept(first, second)) return false;
  const shift = BigInt(first.bits - Math.min(first.length, second.length));
  return first.address >> shift === second.address >> shift;
}

function networkOf(text: string): string | undefined {
  const prefix = parsePrefix(text);
  return prefix && `${formatAddress(prefix.address & maskOf(prefix), prefix.bits)}/${prefix.length}`;
}
