/**
 * Values that are more than text: addresses, prefixes, bytes, moments and spans of time.
 *
 * Each has one canonical text, which is what makes two of them equal, and a key that orders those of its type: addresses by number,
 * version 4 before version 6; moments and spans by length. They are made by {@link scalar} alone.
 */
import { formatIpv6, readAddress, readPrefix } from "./functions/address-text.ts";
import { formatDuration, formatTime, readDuration, readTime } from "./functions/time-text.ts";

/** The types of such values, in their order among each other. */
export const SCALAR_TYPES = ["bytes", "mac", "ip", "prefix", "time", "duration"] as const;
export type ScalarType = (typeof SCALAR_TYPES)[number];

/** Text for bytes, microseconds for times, a number with the version in front for addresses. */
type ScalarOrder = string | number | bigint;

/** A value with a type of its own; immutable. */
export class Scalar {
  readonly type: ScalarType;
  /** Canonical: equal values have equal texts. */
  readonly text: string;
  #order: ScalarOrder | undefined;

  /** @param order - left out for a canonical text that was stored: then it is read again when somebody asks */
  constructor(type: ScalarType, text: string, order?: ScalarOrder) {
    this.type = type;
    this.text = text;
    this.#order = order;
    Object.freeze(this);
  }

  /** Orders values of one type. */
  get order(): ScalarOrder {
    this.#order ??= scalar(this.type, this.text)?.order ?? this.text;
    return this.#order;
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}

/** The value of a type that a text means; `undefined` if it means none. */
export function scalar(type: ScalarType, text: string): Scalar | undefined {
  switch (type) {
    case "bytes":
      return /^(?:[0-9A-Fa-f]{2})*$/.test(text) ? new Scalar(type, text.toLowerCase(), text.toLowerCase()) : undefined;
    case "mac":
      return macOf(text);
    case "ip":
      return ipOf(text);
    case "prefix":
      return prefixOf(text);
    case "time":
      return timeOf(readTime(text));
    case "duration":
      return durationOf(readDuration(text));
  }
}

/** A moment, in microseconds since 1970; `undefined` outside the years 0 to 9999. */
export function timeOf(micros: number | bigint | undefined): Scalar | undefined {
  const text = micros === undefined ? undefined : formatTime(micros);
  return micros === undefined || text === undefined ? undefined : new Scalar("time", text, micros);
}

/** A span of time in microseconds. */
export function durationOf(micros: number | undefined): Scalar | undefined {
  if (micros === undefined || !Number.isFinite(micros)) return undefined;
  const whole = Math.round(micros) + 0;
  return Number.isSafeInteger(whole) ? new Scalar("duration", formatDuration(whole), whole) : undefined;
}

/** The order of two values of one type. */
export function compareScalars(a: Scalar, b: Scalar): number {
  if (a.text === b.text) return 0;
  return a.order < b.order ? -1 : 1;
}

function macOf(text: string): Scalar | undefined {
  const match = /^([0-9A-Fa-f]{2})([:-])(?:[0-9A-Fa-f]{2}\2){4}[0-9A-Fa-f]{2}$/.exec(text);
  if (match === null) return undefined;
  const canonical = text.toLowerCase().replaceAll("-", ":");
  return new Scalar("mac", canonical, Number.parseInt(canonical.replaceAll(":", ""), 16));
}

/** The version as the number's first digit: all of version 4 comes before all of version 6. */
function ipOf(text: string): Scalar | undefined {
  const address = readAddress(text);
  if (address === undefined) return undefined;
  const { bits, value } = address;
  return new Scalar("ip", bits === 32 ? text : formatIpv6(value), orderOf(bits, value));
}

/** Host bits are cut; ordered by first address, then the wider before the narrower. */
function prefixOf(text: string): Scalar | undefined {
  const prefix = readPrefix(text);
  if (prefix === undefined) return undefined;
  return new Scalar("prefix", prefix.text, (orderOf(prefix.bits, prefix.value) << 8n) | BigInt(prefix.length));
}

function orderOf(bits: 32 | 128, value: bigint): bigint {
  return bits === 32 ? value : (1n << 128n) | value;
}
