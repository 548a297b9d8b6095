/**
 * A folder of policies, kept in step with its files.
 *
 * Each `NAME.dl` is the policy NAME. The folder is read again shortly after the system reports a change,
 * and every two seconds in case it does not report one (network file systems). A file that cannot be read
 * keeps its last text and says so.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { AppError, errnoOf, IoError, type Logger, messageOf, silentLogger } from "@tenet/kit";
import type { PolicySource } from "./policy-set.ts";

/** A policy file that a caller wants to change cannot be changed that way. */
export class PolicyFileError extends AppError {
  static override readonly code: string = "POLICY_FILE";
}

const SETTLE_MS = 60;
const RESCAN_MS = 2000;
const EXTENSION = ".dl";
const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/** The files of one folder; close it to stop watching. */
export class PolicyFolder implements Disposable {
  readonly path: string;
  readonly #onSources: (sources: readonly PolicySource[]) => void;
  readonly #log: Logger;
  readonly #closers: (() => void)[] = [];
  #sources = new Map<string, PolicySource>();

  /**
   * Reads the folder and starts to watch it; `onSources` gets all policies now and after each change.
   *
   * @throws IoError when the folder cannot be read
   */
  constructor(path: string, onSources: (sources: readonly PolicySource[]) => void, log: Logger = silentLogger) {
    this.path = path;
    this.#onSources = onSources;
    this.#log = log;
    this.#sources = this.#read();
    onSources([...this.#sources.values()]);
    this.#watch();
  }

  /** The policies as last read. */
  get sources(): readonly PolicySource[] {
    return [...this.#sources.values()];
  }

  /**
   * Writes a policy's file, at once and as a whole, and takes it up before the call returns.
   *
   * @throws PolicyFileError for a name that is none, IoError when the file cannot be written
   */
  write(name: string, text: string): void {
    if (!NAME.test(name)) {
      throw new PolicyFileError(`Cannot name a policy "${name}"`, {
        hint: "Use letters, digits, '_', '-' and '.', a letter first",
      });
    }
    const file = join(this.path, `${name}${EXTENSION}`);
    const draft = `${file}.${process.pid}.tmp`;
    try {
      mkdirSync(this.path, { recursive: true });
      writeFileSync(draft, text);
      renameSync(draft, file);
    } catch (error) {
      removeIfPossible(draft);
      throw new IoError(`Cannot write "${file}": ${messageOf(error)}`, { cause: error });
    }
    this.rescan();
  }

  /** Removes a policy's file. @throws IoError when it cannot be removed */
  remove(name: string): void {
    const file = this.#sources.get(name)?.file;
    if (file === undefined) return;
    try {
      rmSync(file);
    } catch (error) {
      throw new IoError(`Cannot remove "${file}": ${messageOf(error)}`, { cause: error });
    }
    this.rescan();
  }

  /** Reads the folder now. */
  rescan(): void {
    let sources: Map<string, PolicySource>;
    try {
      sources = this.#read();
    } catch (error) {
      this.#log.warn({ path: this.path, err: messageOf(error) }, "policy folder cannot be read, keeping what is known");
      return;
    }
    if (areEqual(sources, this.#sources)) return;
    this.#sources = sources;
    this.#log.info({ path: this.path, nPolicies: sources.size }, "policies changed");
    this.#onSources([...sources.values()]);
  }

  /** Stops watching. */
  [Symbol.dispose](): void {
    for (const close of this.#closers.splice(0)) close();
  }

  #read(): Map<string, PolicySource> {
    const sources = new Map<string, PolicySource>();
    for (const entry of this.#entries()) {
      const name = basename(entry, EXTENSION);
      const file = join(this.path, entry);
      if (!NAME.test(name)) {
        const problem = `Cannot take "${file}" for a policy: a name has letters, digits, '_', '-' and '.', a letter first`;
        sources.set(name, { name, file, text: "", problem });
        continue;
      }
      try {
        sources.set(name, { name, file, text: readFileSync(file, "utf8") });
      } catch (error) {
        if (errnoOf(error) === "ENOENT") continue;
        const problem = `Cannot read "${file}": ${messageOf(error)}`;
        sources.set(name, { name, file, text: this.#sources.get(name)?.text ?? "", problem });
      }
    }
    return sources;
  }

  #entries(): string[] {
    try {
      return readdirSync(this.path)
        .filter((entry) => entry.endsWith(EXTENSION) && !/^[.#]/.test(entry)) // hidden files, and drafts of editors
        .toSorted();
    } catch (error) {
      throw new IoError(`Cannot read the policy folder "${this.path}": ${messageOf(error)}`, {
        hint: "Make the folder, or name another one",
        cause: error,
      });
    }
  }

  #watch(): void {
    let settling: NodeJS.Timeout | undefined;
    const soon = (): void => {
      clearTimeout(settling);
      settling = setTimeout(() => this.rescan(), SETTLE_MS);
      settling.unref();
    };
    const timer = setInterval(() => this.rescan(), RESCAN_MS);
    timer.unref();
    this.#closers.push(
      () => clearInterval(timer),
      () => clearTimeout(settling),
    );
    try {
      const watcher = watch(this.path, { persistent: false }, soon);
      watcher.on("error", (error) =>
        this.#log.warn({ path: this.path, err: messageOf(error) }, "policy folder is not watched, only read"),
      );
      this.#closers.push(() => watcher.close());
    } catch (error) {
      this.#log.warn({ path: this.path, err: messageOf(error) }, "policy folder is not watched, only read");
    }
  }
}

function areEqual(a: ReadonlyMap<string, PolicySource>, b: ReadonlyMap<string, PolicySource>): boolean {
  return (
    a.size === b.size &&
    [...a].every(([name, { text, problem }]) => b.get(name)?.text === text && b.get(name)?.problem === problem)
  );
}

/** What cannot be removed was most likely never written; the error that led here matters more. */
function removeIfPossible(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch {
    return;
  }
}
