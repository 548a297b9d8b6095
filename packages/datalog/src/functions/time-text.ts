/** Moments (RFC 3339, kept in UTC) and spans of time (`1h30m`) as text and in microseconds. */

import { normalNumber } from "../integer.ts";

const MOMENT = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})?)?$/i;
const UNITS: readonly [unit: string, micros: number][] = [
  ["d", 86_400_000_000],
  ["h", 3_600_000_000],
  ["m", 60_000_000],
  ["s", 1_000_000],
  ["ms", 1000],
  ["us", 1],
];
const MICROS = new Map(UNITS);
/** 9999-12-31T23:59:59.999999Z and the year 0. */
const LAST = 253_402_300_799_999_999n;
const FIRST = -62_167_219_200_000_000n;

/** Microseconds since 1970 of a moment; without a zone it is in UTC, digits behind microseconds are cut. */
export function readTime(text: string): number | bigint | undefined {
  const [, date, clock = "00:00:00", fraction = "", zone = "Z"] = MOMENT.exec(text) ?? [];
  if (date === undefined) return undefined;
  const second = Date.parse(`${date}T${clock}${zone.toUpperCase()}`);
  const isReal = !Number.isNaN(second) && new Date(Date.parse(`${date}T00:00:00Z`)).toISOString().startsWith(date);
  return isReal ? normalNumber(BigInt(second) * 1000n + BigInt(fraction.padEnd(6, "0").slice(0, 6))) : undefined;
}

/** `2026-01-02T03:04:05Z`, with a fraction if there is one; `undefined` for what is not whole or outside the years 0 to 9999. */
export function formatTime(micros: number | bigint): string | undefined {
  if (typeof micros === "number" && !Number.isInteger(micros)) return undefined;
  const whole = BigInt(micros);
  if (whole < FIRST || whole > LAST) return undefined;
  const fraction = Number(((whole % 1_000_000n) + 1_000_000n) % 1_000_000n);
  const second = Number((whole - BigInt(fraction)) / 1_000_000n);
  const text = new Date(second * 1000).toISOString().slice(0, 19);
  return fraction === 0 ? `${text}Z` : `${text}.${String(fraction).padStart(6, "0").replace(/0+$/, "")}Z`;
}

/** Microseconds of a span such as `90s`, `1h30m`, `-1.5d`. */
export function readDuration(text: string): number | undefined {
  const [, sign, body = ""] = /^(-?)((?:\d+(?:\.\d+)?(?:ms|us|d|h|m|s))+)$/.exec(text) ?? [];
  if (sign === undefined) return undefined;
  let sum = 0;
  for (const [, amount, unit = ""] of body.matchAll(/(\d+(?:\.\d+)?)(ms|us|d|h|m|s)/g))
    sum += Number(amount) * (MICROS.get(unit) ?? 0);
  const micros = Math.round(sum);
  return Number.isSafeInteger(micros) ? (sign === "-" ? -micros : micros) : undefined;
}

/** The span in the largest whole units: `1d2h`, `-500ms`, `0s`. */
export function formatDuration(micros: number): string {
  let rest = Math.abs(micros);
  let text = micros < 0 ? "-" : "";
  for (const [unit, size] of UNITS) {
    const n = Math.floor(rest / size);
    if (n > 0) text += `${n}${unit}`;
    rest -= n * size;
  }
  return text === "" ? "0s" : text;
}
