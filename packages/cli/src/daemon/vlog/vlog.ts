/**
 * The log of a daemon: levels by module and destination, patterns, a file that can be closed and opened again.
 *
 * A line that cannot be written is lost; logging never ends what it reports on.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { AppError } from "@tenet/kit";
import { describeErrno } from "../errno-text.ts";
import { DESTINATIONS, type Destination, type Facility, isFacility, isShown, type Level, LEVELS } from "./levels.ts";
import { formatLine, type LogSource } from "./pattern.ts";
import { type RateLimit, TokenBucket } from "./rate-limit.ts";
import type { Syslog } from "./syslog.ts";

/** A setting of the log that does not read; the message is the original's. */
export class LogSettingError extends AppError {
  static override readonly code: string = "DAEMON_LOG_SETTING";
}

const STDERR = 2;

const PATTERNS: Readonly<Record<Destination, string>> = {
  console: "%D{%Y-%m-%dT%H:%M:%SZ}|%05N|%c%T|%p|%m",
  syslog: "ovs|%05N|%c%T|%p|%m",
  file: "%D{%Y-%m-%dT%H:%M:%S.###Z}|%05N|%c%T|%p|%m",
};
/** A line for `--syslog-target`, RFC 5424. */
const TARGET_PATTERN = "<%B>1 %D{%Y-%m-%dT%H:%M:%S.###Z} %E %A %P %c - \u{feff}%m";

/** The log of one process. */
export class Vlog {
  readonly #levels: Record<Destination, Map<string, Level>>;
  /** By module, the level of the destination that shows most. */
  readonly #mostTalkative = new Map<string, Level>();
  readonly #patterns: Record<Destination, string> = { ...PATTERNS };
  readonly #unlimited = new Set<string>();
  readonly #modules: readonly string[];
  readonly #source: LogSource;
  readonly #now: () => number;
  readonly #syslog: Syslog;
  readonly #buckets = new Map<string, TokenBucket>();
  /** The one that was asked for. */
  #facility: Facility | undefined;
  #file: { readonly path: string; fd: number | undefined } | undefined;
  #sequence = 0;

  /**
   * @param modules - the names that levels can be set for
   * @param part - what the process does, if it is not the main one
   */
  constructor(program: string, modules: readonly string[], part: string | undefined, now: () => number, syslog: Syslog) {
    this.#modules = modules;
    const levels = (): Map<string, Level> => new Map(modules.map((module) => [module, "info"]));
    this.#levels = { console: levels(), syslog: levels(), file: levels() };
    this.#now = now;
    this.#syslog = syslog;
    this.#source = { program, ...(part === undefined ? {} : { part }), startedAt: now(), facility: "daemon" };
  }

  /** Whether a line would go anywhere; spares making its text. */
  isShown(module: string, level: Level): boolean {
    return isShown(level, this.#mostTalkative.get(module) ?? "info");
  }

  /** Writes a line to wherever it is to go. */
  write(module: string, level: Level, message: string): void {
    if (!this.isShown(module, level)) return;
    const record = { sequence: ++this.#sequence, at: this.#now(), module, level, message };
    const source = { ...this.#source, facility: this.#facility ?? "daemon" };
    const lineFor = (destination: Destination) => formatLine(this.#patterns[destination], record, source);
    if (isShown(level, this.#levelOf("console", module))) writeLine(STDERR, lineFor("console"));
    if (isShown(level, this.#levelOf("file", module)) && this.#file?.fd !== undefined) writeLine(this.#file.fd, lineFor("file"));
    if (isShown(level, this.#levelOf("syslog", module))) {
      this.#syslog.send(formatLine(this.#syslog.prefix, record, source) + lineFor("syslog"));
      this.#syslog.sendToTarget?.(formatLine(TARGET_PATTERN, record, { ...source, facility: this.#facility ?? "local0" }));
    }
  }

  /** Writes a line of a kind that peers can cause; beyond the limit such lines are counted, not made, and the next one tells of them. */
  writeLimited(module: string, level: Level, message: () => string, kind: string, limit: RateLimit): void {
    if (!this.isShown(module, level)) return;
    const now = this.#now();
    const bucket = this.#buckets.get(kind) ?? new TokenBucket(limit, now);
    this.#buckets.set(kind, bucket);
    if (!this.#unlimited.has(module) && !bucket.take(now)) return;
    const report = bucket.takeReport(now);
    if (report !== undefined) this.write(module, level, report);
    this.write(module, level, message());
  }

  /** Appends to a file from now on. @returns whether it could be opened; if not, the log says why */
  openFile(path: string): boolean {
    try {
      this.#file = { path, fd: openSync(path, "a", 0o640) };
    } catch (error) {
      this.write("vlog", "warn", `failed to open ${path} for logging: ${describeErrno(error)}`);
      return false;
    }
    this.write("vlog", "info", `opened log file ${path}`);
    return true;
  }

  /** Closes the file; its name is kept for {@link reopen}. */
  close(): void {
    if (this.#file?.fd === undefined) return;
    closeSync(this.#file.fd);
    this.#file.fd = undefined;
  }

  /** Opens the file of that name again, as after a rotation. @throws LogSettingError when there is none, or it cannot be opened */
  reopen(): void {
    const { path } = this.#file ?? {};
    if (path === undefined) throw new LogSettingError("Logging to file not configured");
    this.close();
    if (!this.openFile(path)) throw new LogSettingError(`failed to open ${path} for logging`);
  }

  /**
   * Sets levels (`jsonrpc:file:dbg`, `off`), a pattern (`PATTERN:file:%m`) or a facility (`FACILITY:local1`).
   *
   * @throws LogSettingError
   */
  set(spec: string): void {
    const [, keyword = "", value = ""] = /^(PATTERN|FACILITY):(.*)$/is.exec(spec) ?? [];
    if (keyword.toUpperCase() === "PATTERN") this.#setPattern(value);
    else if (keyword.toUpperCase() === "FACILITY") this.#setFacility(value);
    else this.#setLevels(spec.split(/[\s,:]+/).filter((word) => word !== ""));
  }

  /** Whether repeated lines of modules are all written; of all modules when none is named. @throws LogSettingError */
  limitRate(names: readonly string[], isLimited: boolean): void {
    for (const name of names.length === 0 ? this.#modules : names) {
      const module = this.#moduleOf(name);
      if (module === undefined) throw new LogSettingError(`unknown module "${name}"`);
      if (isLimited) this.#unlimited.delete(module);
      else this.#unlimited.add(module);
    }
  }

  /** The levels as `vlog/list` shows them. */
  list(): string {
    const rows = this.#modules.map((module) => {
      const levels = DESTINATIONS.map((destination) => this.#levelOf(destination, module).toUpperCase().padStart(4));
      return `${module.padEnd(16)}  ${levels.join("       ")}${this.#unlimited.has(module) ? "    (rate limiting disabled)" : ""}`;
    });
    return [`${" ".repeat(17)}console    syslog    file`, `${" ".repeat(17)}-------    ------    ------`, ...rows].join("\n");
  }

  /** The patterns as `vlog/list-pattern` shows them. */
  listPatterns(): string {
    const row = (name: string, prefix: string, format: string) => `${name.padEnd(7)}  ${prefix.padEnd(32)}  ${format}`;
    const rows = (["syslog", "console", "file"] as const).map((destination) => {
      const prefix = destination === "syslog" ? this.#syslog.shownPrefix : "none";
      return row(destination.toUpperCase(), prefix, this.#patterns[destination]);
    });
    return [`${" ".repeat(9)}${"prefix".padEnd(34)}format`, `${" ".repeat(9)}${"------".padEnd(34)}------`, ...rows].join("\n");
  }

  #levelOf(destination: Destination, module: string): Level {
    return this.#levels[destination].get(module) ?? "info";
  }

  #setLevels(words: readonly string[]): void {
    const chosen = new Map<"destination" | "level" | "module", string>();
    for (const word of words) {
      const lower = word.toLowerCase();
      if (lower === "any") continue;
      const destination = DESTINATIONS.find((name) => name === lower);
      const level = LEVELS.find((name) => name === lower);
      const module = this.#moduleOf(word);
      const kind = destination !== undefined ? "destination" : level !== undefined ? "level" : "module";
      const value = destination ?? level ?? module;
      if (value === undefined) throw new LogSettingError(`no destination, level, or module "${word}"`);
      if (chosen.has(kind)) throw new LogSettingError(`cannot specify multiple ${kind}s`);
      chosen.set(kind, value);
    }
    const level = LEVELS.find((name) => name === chosen.get("level")) ?? "dbg";
    const module = chosen.get("module");
    for (const destination of DESTINATIONS) {
      if (chosen.has("destination") && chosen.get("destination") !== destination) continue;
      for (const name of module === undefined ? this.#modules : [module]) this.#levels[destination].set(name, level);
    }
    for (const name of this.#modules) {
      const levels = new Set(DESTINATIONS.map((destination) => this.#levelOf(destination, name)));
      this.#mostTalkative.set(name, LEVELS.findLast((each) => levels.has(each)) ?? "info");
    }
  }

  #setPattern(value: string): void {
    const colon = value.indexOf(":");
    const name = colon < 0 ? value : value.slice(0, colon);
    const destinations = DESTINATIONS.filter((known) => known === name.toLowerCase() || name.toLowerCase() === "any");
    if (destinations.length === 0) throw new LogSettingError(`unknown destination "${name}"`);
    if (colon < 0) throw new LogSettingError("missing pattern");
    for (const destination of destinations) this.#patterns[destination] = value.slice(colon + 1);
  }

  #setFacility(value: string): void {
    const facility = value.toLowerCase();
    if (!isFacility(facility)) throw new LogSettingError("invalid facility");
    this.#facility = facility;
  }

  /** Names may be written with dashes and in any case. */
  #moduleOf(name: string): string | undefined {
    const wanted = name.toLowerCase().replaceAll("-", "_");
    return this.#modules.find((module) => module === wanted);
  }
}

function writeLine(fd: number, line: string): void {
  try {
    writeSync(fd, `${line}\n`);
  } catch {
    // The disk is full, or the terminal has gone: the line is lost.
  }
}
