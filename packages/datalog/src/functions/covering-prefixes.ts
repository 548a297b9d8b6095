/** The set of all prefixes that contain an address: what joins with a column of prefixes are served by. */
import type { FunctionDef } from "../check/core.ts";
import { scalar } from "../scalar.ts";
import { textOf, type Value } from "../value.ts";
import { formatAddress, parsePrefix } from "./address-text.ts";

/** `covering_prefixes(a)`: the prefixes that contain the address or prefix, the widest first. */
export const COVERING_PREFIXES: FunctionDef = {
  name: "covering_prefixes",
  nArgs: 1,
  isSet: true,
  call: (address) => coveringPrefixes(address ?? null),
};

function coveringPrefixes(address: Value): Value[] {
  const inner = parsePrefix(textOf(address));
  if (inner === undefined) return [];
  const prefixes: Value[] = [];
  for (let length = 0; length <= inner.length; length++) {
    const shift = BigInt(inner.bits - length);
    const prefix = scalar("prefix", `${formatAddress((inner.address >> shift) << shift, inner.bits)}/${length}`);
    if (prefix !== undefined) prefixes.push(prefix);
  }
  return prefixes;
}
