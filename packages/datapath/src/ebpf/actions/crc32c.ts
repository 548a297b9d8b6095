/**
 * Assembly that carries a change of a message's first four bytes into its CRC32c.
 *
 * The checksum is linear: it changes by the CRC of the difference with nothing but zeros behind it, and each byte of zeros multiplies that by
 * x^8, modulo the polynomial. So for a message of n bytes the difference is multiplied by x^(8 n): four times, once for each digit of n to the base of 16,
 * by a factor of which a table has the products with all digits of the difference. Products with different digits are added up, which is XOR. That is
 * a third of the instructions that a multiplication bit by bit takes, and the verifier goes through them for each place in a list.
 */
import { asm, type Code, type MapReference } from "@tenet/bpf";
import { POLYNOMIAL } from "../../packet/sctp-checksum.ts";

const DIGIT_BITS = 4;
const DIGITS = 2 ** DIGIT_BITS;
/** Of a message's length, and of a checksum. */
const LENGTH_DIGITS = 4;
const CHECKSUM_DIGITS = 8;
const WORD_SHIFT = 2;
/** Bytes of the products with one digit of a checksum, with all, and of those for a digit of the length. */
const [DIGIT_BYTES, FACTOR_BYTES] = [DIGITS << WORD_SHIFT, (DIGITS << WORD_SHIFT) * CHECKSUM_DIGITS];
const POSITION_BYTES = FACTOR_BYTES * DIGITS;
const ONE = 0x8000_0000; // reflected: x^0

/** Bytes of the table, the only value of an array. */
export const CRC_PRODUCTS_BYTES: number = POSITION_BYTES * LENGTH_DIGITS;

/** The table: by position of a digit in the length, that digit, position of a digit in the checksum, and that digit. */
export function crcProducts(): Uint32Array {
  const products = new Uint32Array(CRC_PRODUCTS_BYTES >> WORD_SHIFT);
  let i = 0;
  for (let unit = timesX(ONE, 8), position = 0; position < LENGTH_DIGITS; position++) {
    let factor = ONE;
    for (let digit = 0; digit < DIGITS; digit++, factor = product(factor, unit)) {
      for (let at = 0; at < CHECKSUM_DIGITS; at++) {
        for (let value = 0; value < DIGITS; value++) products[i++] = product((value << (DIGIT_BITS * at)) >>> 0, factor);
      }
    }
    unit = factor; // the sixteenth power
  }
  return products;
}

/** Sets `r0` to the product of `r1`, of 32 bits, and x^(8 n), where `r2` is n, at most 65,535; uses `r3` to `r5`. */
export function timesBytes(products: MapReference): Code {
  return Array.from({ length: LENGTH_DIGITS }, (_, position) => [
    [asm.mov("r3", "r2"), asm.rsh("r3", DIGIT_BITS * position), asm.and("r3", DIGITS - 1), asm.mul("r3", FACTOR_BYTES)],
    [asm.mapValue("r4", products, POSITION_BYTES * position), asm.add("r3", "r4"), asm.mov("r0", 0)],
    Array.from({ length: CHECKSUM_DIGITS }, (_digit, at) => [
      [asm.mov("r4", "r1"), asm.rsh("r4", DIGIT_BITS * at), asm.and("r4", DIGITS - 1), asm.lsh("r4", WORD_SHIFT)],
      [asm.add("r4", "r3"), asm.load(4, "r5", "r4", DIGIT_BYTES * at), asm.xor("r0", "r5")],
    ]),
    asm.mov("r1", "r0"),
  ]);
}

function product(a: number, b: number): number {
  let sum = 0;
  for (let bit = 0; bit < 32; bit++, b = timesX(b)) if (((a << bit) & ONE) !== 0) sum ^= b;
  return sum >>> 0;
}

function timesX(a: number, n = 1): number {
  let b = a;
  for (let i = 0; i < n; i++) b = ((b & 1) === 0 ? b >>> 1 : (b >>> 1) ^ POLYNOMIAL) >>> 0;
  return b;
}
