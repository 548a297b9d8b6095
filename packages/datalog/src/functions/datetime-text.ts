/**
 * Moments as text, as Congress's policies write them: `2014-07-31 12:30:00`, a date, or a time of day.
 *
 * Inside, a moment is milliseconds since 1970 on a clock without zones; zones in a text are read over.
 */

const DATE = String.raw`(\d{4})-(\d{1,2})-(\d{1,2})`;
const TIME = String.raw`(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?`;
const ZONE = String.raw`(?:\s*(?:Z|UTC|[+-]\d{2}:?\d{2}))?`;
const MOMENT = new RegExp(`^\\s*(?:${DATE})?(?:(?:^|[T\\s]+)${TIME}${ZONE})?\\s*$`, "i");
const UNIT_MS = [1000, 60_000, 3_600_000, 86_400_000, 604_800_000];

/** The moment of a text; a time of day alone is one of 1900-01-01. `undefined` if it is none. */
export function readMoment(text: string): number | undefined {
  const match = MOMENT.exec(text);
  if (match === null || text.trim() === "") return undefined;
  const [year = 1900, month = 1, day = 1, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => (part === undefined ? undefined : Number(part)));
  const ms = Math.floor(Number(`0.${match[7] ?? "0"}`) * 1000);
  const moment = new Date(0);
  moment.setUTCFullYear(year, month - 1, day);
  moment.setUTCHours(hour, minute, second, ms);
  const isReal = moment.getUTCMonth() === month - 1 && moment.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  return isReal ? moment.getTime() : undefined;
}

/** A span in milliseconds: seconds as a number, or `[[[weeks:]days:]hours:]minutes:]seconds` as text. */
export function readSpan(span: string | number): number | undefined {
  if (typeof span === "number") return span * 1000;
  const fields = span.split(":").reverse();
  if (fields.length > UNIT_MS.length || !fields.every((field) => /^\s*[+-]?\d+\s*$/.test(field))) return undefined;
  return fields.reduce((sum, field, i) => sum + Number(field) * (UNIT_MS[i] ?? 0), 0);
}

/** Year, month, day, hour, minute, second. */
export function partsOf(moment: number): number[] {
  const date = new Date(moment);
  const day = [date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()];
  return [...day, date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()];
}

/** `2014-07-31 12:30:00`, with a fraction if there is one. */
export function formatMoment(moment: number): string {
  return `${formatDate(moment)} ${formatTime(moment)}`;
}

export function formatDate(moment: number): string {
  return new Date(moment).toISOString().slice(0, 10);
}

export function formatTime(moment: number): string {
  const text = new Date(moment).toISOString().slice(11, 23);
  return text.endsWith(".000") ? text.slice(0, 8) : `${text}000`;
}
