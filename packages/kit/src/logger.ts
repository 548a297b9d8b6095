/** The logger: pino JSON lines; constant lower-case messages, values as fields with units. */
import pino from "pino";

/** What a part of Tenet logs through. */
export interface Logger {
  error(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  info(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  /** A logger that adds `bindings` to every line. */
  child(bindings: object): Logger;
}

/** Where and how much to log. */
export interface LoggerOptions {
  readonly level?: "error" | "warn" | "info" | "debug" | "silent";
  /** File to append to; standard error when absent. */
  readonly file?: string;
}

/** Makes a logger that writes JSON lines to a file or to standard error. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const destination = pino.destination(
    options.file === undefined ? { fd: 2, sync: true } : { dest: options.file, mkdir: true, sync: true },
  );
  return pino({ level: options.level ?? "info", base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
}

/** A logger that drops everything, for tests and libraries whose caller wants silence. */
export const silentLogger: Logger = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => silentLogger,
};
