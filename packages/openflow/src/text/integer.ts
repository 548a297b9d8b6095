/** Integers as ovs-ofctl reads them: decimal, or hexadecimal with `0x`. */
import type { Span } from "./span.ts";

const INTEGER = /^(0[xX][0-9a-fA-F]+|\d+)$/;

/** Reads an integer of any width; `undefined` when the text is none. */
export function tryParseInteger(text: string): bigint | undefined {
  return INTEGER.test(text) ? BigInt(text) : undefined;
}

/**
 * Reads an integer of 0 to `max`.
 *
 * @throws SourceError naming `what` when it is none or too large
 */
export function parseInteger(span: Span, what: string, max: number): number {
  return Number(parseBigInteger(span, what, BigInt(max)));
}

/** As {@link parseInteger}, for any width. */
export function parseBigInteger(span: Span, what: string, max: bigint): bigint {
  const value = tryParseInteger(span.text);
  const expected = `a number of 0 to ${max > 0xffff_ffffn ? `0x${max.toString(16)}` : max}`;
  if (value === undefined) throw span.fail(`Cannot read "${span.text}" as ${what}`, { expected });
  if (value > max) throw span.fail(`${span.text} is too large for ${what}`, { expected });
  return value;
}

/** Hexadecimal as C's `%#x`: `0`, else `0x` and digits. */
export function formatHex(value: bigint | number): string {
  return value === 0 || value === 0n ? "0" : `0x${value.toString(16)}`;
}
