/**
 * Patterns of log lines: `%D{%H:%M:%S.###}|%05N|%c%T|%p|%m`.
 *
 * @see ovs-appctl(8), "vlog/set PATTERN"
 */
import { hostname } from "node:os";
import { FACILITIES, type Facility, type Level, SEVERITY } from "./levels.ts";

/** What a line is made from. */
export interface LogRecord {
  /** Counts the lines of the process. */
  readonly sequence: number;
  /** ms since 1970-01-01 UTC. */
  readonly at: number;
  readonly module: string;
  readonly level: Level;
  readonly message: string;
}

/** What is the same for all lines of a process. */
export interface LogSource {
  readonly program: string;
  /** What the process does, if it is not the main one (`monitor`). */
  readonly part?: string;
  readonly startedAt: number;
  readonly facility: Facility;
}

/** Makes a line, without its end. */
export function formatLine(pattern: string, record: LogRecord, source: LogSource): string {
  const isConversion = /%(?<flags>[-0]*)(?<width>\d*)(?<kind>[a-zA-Z%])(?<argument>\{[^}]*\})?/g;
  return pattern.replaceAll(isConversion, (whole, flags: string, width: string, kind: string, braced = "") => {
    const text = convert(kind, String(braced).slice(1, -1), record, source);
    if (text === undefined) return whole;
    const { value, hasArgument } = text;
    const left = flags.includes("-");
    const padded = left ? value.padEnd(Number(width)) : value.padStart(Number(width), flags.includes("0") ? "0" : " ");
    return hasArgument ? padded : padded + String(braced);
  });
}

function convert(
  kind: string,
  argument: string,
  record: LogRecord,
  source: LogSource,
): { value: string; hasArgument: boolean } | undefined {
  const plain = (value: string | number) => ({ value: String(value), hasArgument: false });
  const priority = FACILITIES[source.facility] * 8 + SEVERITY[record.level];
  switch (kind) {
    case "A":
      return plain(source.program);
    case "B":
      return plain(priority);
    case "c":
      return plain(record.module);
    case "d":
      return { value: formatTime(argument || DEFAULT_TIME, record.at, false), hasArgument: true };
    case "D":
      return { value: formatTime(argument || DEFAULT_TIME, record.at, true), hasArgument: true };
    case "E":
      return plain(hostname());
    case "m":
      return plain(record.message);
    case "N":
      return plain(record.sequence);
    case "n":
      return plain("\n");
    case "p":
      return plain(record.level.toUpperCase());
    case "P":
      return plain(process.pid);
    case "r":
      return plain(Math.max(0, record.at - source.startedAt));
    case "t":
      return { value: source.part ?? argument, hasArgument: true };
    case "T":
      return { value: source.part === undefined ? argument : `(${source.part})`, hasArgument: true };
    case "%":
      return plain("%");
    default:
      return undefined;
  }
}

const DEFAULT_TIME = "%Y-%m-%d %H:%M:%S.###";
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/** The conversions of `strftime` that log patterns use, and `###` for milliseconds. */
function formatTime(format: string, at: number, isUtc: boolean): string {
  const local = new Date(at);
  // The same fields, read from a date that is moved by the zone.
  const date = isUtc ? local : new Date(at - local.getTimezoneOffset() * 60_000);
  const two = (n: number) => String(n).padStart(2, "0");
  const [year, month, day] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
  const [hour, minute, second] = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two);
  const fields: Readonly<Record<string, string>> = {
    Y: String(year),
    y: two(year % 100),
    m: two(month + 1),
    d: two(day),
    e: String(day).padStart(2),
    b: MONTHS[month] ?? "",
    h: MONTHS[month] ?? "",
    a: DAYS[date.getUTCDay()] ?? "",
    H: hour ?? "",
    M: minute ?? "",
    S: second ?? "",
    T: `${hour}:${minute}:${second}`,
    F: `${year}-${two(month + 1)}-${two(day)}`,
    s: String(Math.floor(at / 1000)),
    "%": "%",
  };
  return format
    .replaceAll(/%([a-zA-Z%])/g, (whole: string, name: string) => fields[name] ?? whole)
    .replaceAll("###", String(date.getUTCMilliseconds()).padStart(3, "0"));
}
