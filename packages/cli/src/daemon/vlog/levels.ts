/** How bad or how talkative a log line is, and where it may go. */

/** From silent to talkative; a destination shows its level and all before it. */
export const LEVELS = ["off", "emer", "err", "warn", "info", "dbg"] as const;

/** A severity, or the bound of a destination. */
export type Level = (typeof LEVELS)[number];

/** Where lines go. */
export const DESTINATIONS = ["console", "syslog", "file"] as const;

/** One of them. */
export type Destination = (typeof DESTINATIONS)[number];

/** Whether a line of this level is shown at that bound. */
export function isShown(level: Level, bound: Level): boolean {
  return level !== "off" && LEVELS.indexOf(level) <= LEVELS.indexOf(bound);
}

/** Syslog's numbers of severities, RFC 5424. */
export const SEVERITY: Readonly<Record<Level, number>> = { off: 7, emer: 1, err: 3, warn: 4, info: 6, dbg: 7 };

/** Syslog's facilities, by their numbers; `daemon` is the default. */
export const FACILITIES = [
  "kern",
  "user",
  "mail",
  "daemon",
  "auth",
  "syslog",
  "lpr",
  "news",
  "uucp",
  "clock",
  "ftp",
  "ntp",
  "audit",
  "alert",
  "clock2",
  "local0",
  "local1",
  "local2",
  "local3",
  "local4",
  "local5",
  "local6",
  "local7",
] as const;
