/** Texts for people: times, identifiers, values. */
import type { JsonValue } from "./api.ts";

/** `14:03:07` in local time. */
export function formatTime(ms: number): string {
  return new Date(ms).toLocaleTimeString("en-GB");
}

/** `2026-11-22 14:03:07` in local time. */
export function formatDateTime(ms: number): string {
  return `${new Date(ms).toLocaleDateString("sv-SE")} ${formatTime(ms)}`;
}

/** How long ago, coarsely: `just now`, `40 s ago`, `3 min ago`, `5 h ago`, `2 d ago`. */
export function formatAge(ms: number, nowMs: number): string {
  const duration = formatDuration(nowMs - ms);
  return duration === "0 s" ? "just now" : `${duration} ago`;
}

/** A duration in its largest fitting unit. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** The first 8 digits of a UUID, enough for a person to tell rows apart. */
export function shortUuid(uuid: string): string {
  return uuid.slice(0, 8);
}

/** One value of a row: strings bare, lists of strings one after another, everything else as JSON. */
export function formatValue(value: JsonValue): string {
  if (typeof value === "string") return value;
  const isList = Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string");
  return isList ? value.join(", ") : JSON.stringify(value);
}

/** A list without spaces, such as OpenFlow writes them, that may break after its commas, but not in `resubmit(,8)`. */
export function breakable(list: string): string {
  return list.replace(/,(?!\d+\))/g, ",\u200b");
}

/** The end of a path, which tells files apart: `…/three-tier/policies/pii.dl`. */
export function shortPath(path: string, nParts = 3): string {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.length <= nParts ? path : `…/${parts.slice(-nParts).join("/")}`;
}

/** `1 rule`, `2 rules`; irregular plurals are given. */
export function plural(n: number, noun: string, nouns = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : nouns}`;
}
