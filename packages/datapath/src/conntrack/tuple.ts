/**
 * What tells connections apart: zone, protocol, addresses, ports, as ten 32-bit words.
 *
 *   | family 8 | protocol 8 | zone 16 |  source (4 words)  |  destination (4 words)  | source port 16 | dest. port 16 |
 *
 * An IPv4 address fills the first of its four words. ICMP has `| identifier 16 | type 8 | code 8 |` in place of ports,
 * so that a request and its answer are each other's reverse.
 */

/** Words of a tuple. */
export const TUPLE_WORDS = 10;

/** Zones that there are. */
export const N_ZONES = 65_536;

/** First word of each part. */
export const TUPLE = { head: 0, src: 1, dst: 5, ports: 9 } as const;

const ICMP = 1;
const ICMP6 = 58;

/** Types of ICMP messages that are asked and answered, both ways. */
const ANSWERS_OF_ICMP: readonly (number | undefined)[] = pairs([8, 0], [13, 14], [15, 16]);
const ANSWERS_OF_ICMP6: readonly (number | undefined)[] = pairs([128, 129]);

/** The head word of a tuple. */
export function headOf(family: number, proto: number, zone: number): number {
  return ((family << 24) | (proto << 16) | zone) >>> 0;
}

/** The protocol in a tuple. */
export function protoOf(tuple: Uint32Array): number {
  return ((tuple[TUPLE.head] ?? 0) >>> 16) & 0xff;
}

/** The zone in a tuple. */
export function zoneOf(tuple: Uint32Array): number {
  return (tuple[TUPLE.head] ?? 0) & 0xffff;
}

/** 4 or 6. */
export function familyOf(tuple: Uint32Array): number {
  return (tuple[TUPLE.head] ?? 0) >>> 24;
}

/** Whether the last word holds an ICMP identifier, type and code. */
export function isIcmp(proto: number): boolean {
  return proto === ICMP || proto === ICMP6;
}

/** The type of the answer to an ICMP message that is asked or answered; `undefined` for every other type. */
export function icmpAnswer(proto: number, type: number): number | undefined {
  return (proto === ICMP ? ANSWERS_OF_ICMP : ANSWERS_OF_ICMP6)[type];
}

/** Writes the tuple of the answer to packets of `tuple` into `out`, which may be `tuple` itself. */
export function reverseTuple(tuple: Uint32Array, out: Uint32Array): void {
  out[TUPLE.head] = tuple[TUPLE.head] ?? 0;
  for (let i = 0; i < 4; i++) {
    const src = tuple[TUPLE.src + i] ?? 0;
    out[TUPLE.src + i] = tuple[TUPLE.dst + i] ?? 0;
    out[TUPLE.dst + i] = src;
  }
  const ports = tuple[TUPLE.ports] ?? 0;
  const proto = protoOf(tuple);
  out[TUPLE.ports] = isIcmp(proto)
    ? (ports & 0xffff00ff) | ((icmpAnswer(proto, (ports >>> 8) & 0xff) ?? 0) << 8)
    : (ports << 16) | (ports >>> 16);
}

/** What `hashTuple` multiplies by, as signed numbers, and rotates by. */
export const TUPLE_MIX: Readonly<Record<"word" | "rotation" | "last", number>> = {
  word: 0x9e3779b1 | 0,
  rotation: 13,
  last: 0x85ebca6b | 0,
};

/** A hash of a tuple, a 32-bit integer. */
export function hashTuple(tuple: Uint32Array, seed: number): number {
  const { word, rotation, last } = TUPLE_MIX;
  let hash = seed;
  for (let i = 0; i < TUPLE_WORDS; i++) {
    const product = Math.imul(hash ^ (tuple[i] ?? 0), word);
    hash = (product << rotation) | (product >>> (32 - rotation));
  }
  hash = Math.imul(hash ^ (hash >>> 16), last);
  return hash ^ (hash >>> 13);
}

/** Whether two tuples are the same. */
export function isSameTuple(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = TUPLE_WORDS - 1; i >= 0; i--) if (a[i] !== b[i]) return false;
  return true;
}

function pairs(...all: readonly (readonly [number, number])[]): (number | undefined)[] {
  const answers: (number | undefined)[] = Array.from({ length: 256 });
  for (const [a, b] of all) {
    answers[a] = b;
    answers[b] = a;
  }
  return answers;
}
