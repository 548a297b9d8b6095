/** Moments on the command line: dates, times of today, and how long ago. */
import { DbArgumentError } from "./source.ts";

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;

/**
 * Parses `2026-03-01`, `2026-03-01 14:30[:15[.5]]` (local, or with `Z` or an offset), `14:30[:15]` (of today), or `90s`, `10m`,
 * `2h`, `3d`, `1w` (ago).
 *
 * @param now - ms since 1970-01-01 UTC
 * @returns ms since 1970-01-01 UTC
 * @throws DbArgumentError
 */
export function parseMoment(text: string, now: number): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(text) ?? [];
  if (amount !== undefined) return now - Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS];
  const today = new Date(now - new Date(now).getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
  const full = /^\d\d?:\d\d/.test(text) ? `${today}T${text.padStart(/^\d:/.test(text) ? text.length + 1 : 0, "0")}` : text;
  const at = /^\d{4}-\d\d-\d\d/.test(full) ? Date.parse(full.length === 10 ? `${full}T00:00` : full.replace(" ", "T")) : NaN;
  if (!Number.isNaN(at)) return at;
  throw new DbArgumentError(`Cannot read the time "${text}"`, {
    hint: 'For example 2026-03-01, "2026-03-01 14:30", 14:30 (of today), or 10m, 2h, 3d (ago)',
  });
}

/** A moment in local time: `2026-03-01 14:30:15.500`. */
export function formatMoment(at: number): string {
  return new Date(at - new Date(at).getTimezoneOffset() * 60_000).toISOString().replace("T", " ").replace("Z", "");
}
