/** How bad or how talkative a log line is, and where it may go. */

/** From silent to talkative; a destination shows its level and all before it. */
export const LEVELS = ["off", "emer", "err", "warn", "info", "dbg"] as const;

/** A severity, or the bound of a destination. */
export type Level = (typeof LEVELS)[number];

/** Where lines go. */
export const DESTINATIONS = ["console", "syslog", "file"] as const;

/** One of them. */
export type Destination = (typeof DESTINATIONS)[number];

const RANKS: Readonly<Record<Level, number>> = { off: 0, emer: 1, err: 2, warn: 3, info: 4, dbg: 5 };

/** Whether a line of this level is shown at that bound. */
export function isShown(level: Level, bound: Level): boolean {
  return level !== "off" && RANKS[level] <= RANKS[bound];
}

/** Syslog's numbers of severities, RFC 5424, as the original chooses them: `info` is a notice. */
export const SEVERITY: Readonly<Record<Level, number>> = { off: 7, emer: 1, err: 3, warn: 4, info: 5, dbg: 7 };

/** Syslog's facilities by name, RFC 5424. */
export const FACILITIES = {
  kern: 0,
  user: 1,
  mail: 2,
  daemon: 3,
  auth: 4,
  syslog: 5,
  lpr: 6,
  news: 7,
  uucp: 8,
  clock: 9,
  ftp: 11,
  ntp: 12,
  audit: 13,
  alert: 14,
  clock2: 15,
  local0: 16,
  local1: 17,
  local2: 18,
  local3: 19,
  local4: 20,
  local5: 21,
  local6: 22,
  local7: 23,
} as const;

/** The name of a facility. */
export type Facility = keyof typeof FACILITIES;

/** Whether there is a facility of that name. */
export function isFacility(name: string): name is Facility {
  return Object.hasOwn(FACILITIES, name);
}
