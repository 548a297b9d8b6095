/** Addresses and prefixes as bits in 32-bit words: what the index of networks is made of. */
import { Scalar } from "../scalar.ts";
import type { Value } from "../value.ts";
import { parsePrefix } from "./address-text.ts";

/** How one network lies to another. */
export type NetworkRelation = "inside" | "around" | "overlaps";

/** A network; made once and read into. */
export interface Network {
  /** Words of an address: 1 for version 4, 4 for version 6. */
  nWords: 1 | 4;
  readonly words: Int32Array;
  /** Leading bits that count. */
  length: number;
}

export function emptyNetwork(): Network {
  return { nWords: 1, words: new Int32Array(4), length: 0 };
}

/** Reads what the functions over addresses read, typed values and texts; false if the value is no network. */
export function readNetwork(value: Value, into: Network): boolean {
  if (value instanceof Scalar && (value.type === "ip" || value.type === "prefix")) return readScalar(value, into);
  if (typeof value !== "string") return false;
  const prefix = parsePrefix(value);
  if (prefix === undefined) return false;
  put(prefix.address, prefix.bits, prefix.length, into);
  return true;
}

/** True if the first network lies so to the second. */
export function isRelated(a: Network, how: NetworkRelation, b: Network): boolean {
  if (a.nWords !== b.nWords) return false;
  if (how === "inside" ? a.length < b.length : how === "around" && a.length > b.length) return false;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i * 32 < length; i++) {
    const difference = (a.words[i] as number) ^ (b.words[i] as number);
    if (difference !== 0) return i * 32 + Math.clz32(difference) >= length;
  }
  return true;
}

const FIRST_V6 = 1n << 128n;
const FIRST_V6_PREFIX = FIRST_V6 << 8n;

/** The order of an address is its number with the version in front, that of a prefix has eight bits more for the length. */
function readScalar({ type, order }: Scalar, into: Network): boolean {
  const wide = order as bigint;
  const isPrefix = type === "prefix";
  if (wide < (isPrefix ? FIRST_V6_PREFIX : FIRST_V6)) {
    const number = Number(wide);
    into.nWords = 1;
    into.words[0] = isPrefix ? Math.floor(number / 256) : number;
    into.length = isPrefix ? number % 256 : 32;
  } else if (isPrefix) put(wide >> 8n, 128, Number(wide & 255n), into);
  else put(wide, 128, 128, into);
  return true;
}

function put(address: bigint, bits: 32 | 128, length: number, into: Network): void {
  into.nWords = bits === 32 ? 1 : 4;
  into.length = length;
  for (let rest = address, i = into.nWords - 1; i >= 0; i--, rest >>= 32n) into.words[i] = Number(BigInt.asIntN(32, rest));
}
