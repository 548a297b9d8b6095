/** IPv6 addresses as 16 bytes; text as RFC 5952 wants it. */
import { AddressError } from "./address-error.ts";
import { formatIp4, tryParseIp4 } from "./ip4.ts";

/**
 * Reads an IPv6 address, with `::` and a dotted-decimal tail allowed.
 *
 * @throws AddressError when it is not one
 */
export function parseIp6(text: string): Uint8Array {
  const address = tryParseIp6(text.trim());
  if (address === undefined) {
    throw new AddressError("an IPv6 address", text, "not eight groups of four hexadecimal digits", "fd00::1");
  }
  return address;
}

/** Reads an IPv6 address; `undefined` when the text is something else. */
export function tryParseIp6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0] ?? "", halves.length === 1);
  const tail = halves.length === 1 ? [] : parseGroups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const nMissing = 8 - head.length - tail.length;
  if (halves.length === 1 ? nMissing !== 0 : nMissing < 1) return undefined;
  const bytes = new Uint8Array(16);
  const groups = [...head, ...Array.from({ length: nMissing }, () => 0), ...tail];
  groups.forEach((group, i) => {
    bytes[2 * i] = group >>> 8;
    bytes[2 * i + 1] = group;
  });
  return bytes;
}

/** Groups of one side of `::`; a dotted-decimal address may end the text. */
function parseGroups(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [i, part] of parts.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const dotted = mayEndDotted && i === parts.length - 1 ? tryParseIp4(part) : undefined;
    if (dotted === undefined) return undefined;
    groups.push(dotted >>> 16, dotted & 0xffff);
  }
  return groups;
}

/**
 * Writes an address in canonical form: lower case, the longest run of zero groups as `::`, and
 * IPv4-mapped addresses with a dotted-decimal tail.
 *
 * @see RFC 5952, sections 4 and 5
 */
export function formatIp6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${formatIp4((((groups[6] ?? 0) << 16) | (groups[7] ?? 0)) >>> 0)}`;
  }
  const { start, length } = longestZeroRun(groups);
  const hex = groups.map((group) => group.toString(16));
  if (length < 2) return hex.join(":");
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}

/**
 * The link-local address that an interface makes from its Ethernet address (modified EUI-64).
 *
 * @see RFC 4291, appendix A
 */
export function linkLocalOfMac(mac: number): Uint8Array {
  const address = new Uint8Array(16);
  address.set([0xfe, 0x80]);
  const bytes = Array.from({ length: 6 }, (_, i) => Math.floor(mac / 256 ** (5 - i)) & 255);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = bytes;
  address.set([a ^ 2, b, c, 0xff, 0xfe, d, e, f], 8);
  return address;
}

/** The group at which a node listens for neighbour solicitations of `address`. @see RFC 4291, section 2.7.1 */
export function solicitedNodeOf(address: Uint8Array): Uint8Array {
  const group = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0);
  group.set(address.subarray(13, 16), 13);
  return group;
}
