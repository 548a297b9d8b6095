/** The logger of programs: pino JSON lines to a file or to standard error. */
import { mkdirSync, openSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import pino from "pino";
import type { Logger } from "./logger.ts";

/** Where and how much to log. */
export interface LoggerOptions {
  readonly level?: "error" | "warn" | "info" | "debug" | "silent";
  /** File to append to; standard error when absent. */
  readonly file?: string;
}

/**
 * Makes a logger that writes JSON lines to a file or to standard error.
 *
 * Lines that cannot be written (a full disk) are lost, not thrown: logging never ends what it reports on. The next
 * line that can be written is preceded by one that says how many were lost.
 *
 * @throws Error when the file cannot be opened
 */
export function createLogger(options: LoggerOptions = {}): Logger {
  const fd = options.file === undefined ? STDERR : openForAppend(options.file);
  return pino({ level: options.level ?? "info", base: null, timestamp: pino.stdTimeFunctions.isoTime }, linesTo(fd));
}

const STDERR = 2;

function openForAppend(file: string): number {
  mkdirSync(dirname(file), { recursive: true });
  return openSync(file, "a");
}

function linesTo(fd: number): { write(line: string): void } {
  let nLost = 0;
  return {
    write: (line) => {
      try {
        if (nLost > 0)
          writeSync(fd, `{"level":40,"time":"${new Date().toISOString()}","nLost":${nLost},"msg":"log lines lost"}\n`);
        nLost = 0;
        writeSync(fd, line);
      } catch {
        nLost++;
      }
    },
  };
}
