/** The functions that the northd rules call: text in, text out, nothing else. */
import { createHash } from "node:crypto";
import type { FunctionDef, Value } from "@tenet/datalog";
import { formatIp6, formatMac, solicitedNodeOf, tryParseIp6 } from "@tenet/net";
import { parseLogicalAddress } from "./logical-address.ts";

/** Functions of `rules/northd.dl`, by the names they have there. */
export const NORTHD_FUNCTIONS: readonly FunctionDef[] = [
  { name: "address_mac", nArgs: 1, call: onText((text) => parseLogicalAddress(text)?.mac) },
  { name: "address_ip4s", nArgs: 1, isSet: true, call: onText((text) => parseLogicalAddress(text)?.ip4s ?? []) },
  { name: "address_ip6s", nArgs: 1, isSet: true, call: onText((text) => parseLogicalAddress(text)?.ip6s ?? []) },
  { name: "solicited_node", nArgs: 1, call: onText(solicitedNode) },
  { name: "private_mac", nArgs: 1, call: onText(privateMac) },
  { name: "quote", nArgs: 1, call: onText((text) => JSON.stringify(text)) },
];

type Result = Value | undefined | Iterable<Value>;

function onText(call: (text: string) => Result): (arg: Value) => Result {
  return (arg) => (typeof arg === "string" ? call(arg) : undefined);
}

/** The multicast group to which neighbours of an IPv6 address are asked. */
function solicitedNode(ip: string): string | undefined {
  const address = tryParseIp6(ip);
  return address === undefined ? undefined : formatIp6(solicitedNodeOf(address));
}

/** An Ethernet address that is always the same for the same text: locally administered, not a group. */
function privateMac(seed: string): string {
  const hash = createHash("sha256").update(seed).digest();
  return formatMac((((hash.readUInt8(0) & 0xfc) | 0x02) << 8) * 2 ** 32 + hash.readUIntBE(1, 5));
}
