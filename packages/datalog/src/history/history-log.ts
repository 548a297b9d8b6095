/**
 * The durable log of input deltas: commits in order, and now and then a checkpoint of all inputs to start reading from.
 *
 * Only the checkpoints' places are in memory. A checkpoint is due when as much was appended as the last one took, so writing
 * checkpoints never costs more than writing commits, and reading a version never reads more than twice what its state takes.
 */
import type { Clock } from "@tenet/kit";
import type { Delta } from "../engine/delta.ts";
import type { SourceText } from "../language/ast.ts";
import type { Tuple } from "../value.ts";
import { HistoryDamageError, HistoryFileError, VersionError } from "./errors.ts";
import type { FramedRecord } from "./framing.ts";
import { type Closing, CLOSING, checkpointRecords, commitRecords, type Part, readClosing, readPart } from "./record.ts";
import { FIRST_RECORD, type HistoryFs, RecordFile } from "./record-file.ts";

/** What is forgotten; with several limits, the one that keeps least. It goes in lumps, so somewhat more than this is kept. */
export interface Retention {
  /** So many of the last versions can be read. */
  readonly versions?: number;
  /** Versions of so many milliseconds can be read. */
  readonly ageMs?: number;
  /** The file's size, as far as one checkpoint and what follows it allow. */
  readonly sizeBytes?: number;
}

/** How a log is opened. */
export interface LogOptions {
  readonly file: string;
  /** At least so many bytes lie between two checkpoints. Default 4 MiB. */
  readonly checkpointBytes?: number;
  /** Nothing is forgotten by default. */
  readonly retention?: Retention;
  /** Cut the file at its first damage, even if whole records follow. */
  readonly repair?: boolean;
  readonly clock: Clock;
  readonly fs?: HistoryFs;
}

/** A state of all inputs in the file. */
export interface Checkpoint {
  readonly version: number;
  readonly timeMs: number;
  readonly at: number;
  readonly end: number;
}

/** A commit as it was read. */
export interface LoggedCommit {
  readonly closing: Closing;
  readonly parts: readonly Part[];
}

/** An open log. */
export class HistoryLog {
  /** Bytes of a torn or damaged tail that opening cut off. */
  readonly cutBytes: number;
  readonly #file: RecordFile;
  readonly #options: LogOptions;
  #checkpoints: Checkpoint[];
  #last: { readonly version: number; readonly timeMs: number };

  private constructor(options: LogOptions, file: RecordFile, { checkpoints, last, cutBytes }: Scanned) {
    this.#options = options;
    this.#file = file;
    this.#checkpoints = checkpoints;
    this.#last = last;
    this.cutBytes = cutBytes;
  }

  /** Opens or makes the file and cuts off a torn tail. */
  static open(options: LogOptions): HistoryLog {
    const file = RecordFile.open(options.file, options.fs);
    try {
      if (file.sizeBytes === FIRST_RECORD) startLog(file, options.clock);
      return new HistoryLog(options, file, scan(file, options));
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** The last version; 0 is that of empty inputs. */
  get version(): number {
    return this.#last.version;
  }

  /** The first version that can still be read. */
  get oldest(): number {
    return this.#first.version;
  }

  /** Appends a commit as the next version; all of it, or nothing and an error. */
  append(delta: Delta, more: Omit<Closing, "version" | "timeMs">, isSynced: boolean): void {
    const last = { version: this.#last.version + 1, timeMs: Math.max(this.#options.clock.now(), this.#last.timeMs) };
    this.#file.append(commitRecords(delta, { ...last, ...more }), isSynced);
    this.#last = last;
  }

  /** Whether so much was appended that a checkpoint pays. */
  get isCheckpointDue(): boolean {
    const { at, end } = this.#newest;
    return this.#file.sizeBytes - end >= Math.max(this.#options.checkpointBytes ?? 4 * 2 ** 20, end - at);
  }

  /** Appends the state of all inputs at the last version, then forgets what need not be kept. */
  checkpoint(inputs: Iterable<readonly [string, readonly Tuple[]]>, sources: Closing["sources"]): void {
    const at = this.#file.sizeBytes;
    this.#file.append(checkpointRecords(inputs, { ...this.#last, sources: sources ?? null }));
    this.#checkpoints.push({ ...this.#last, at, end: this.#file.sizeBytes });
    this.#forget();
  }

  sync(): void {
    this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }

  /**
   * The nearest checkpoint at or before a version.
   *
   * @throws VersionError if the version is not in the file
   */
  checkpointFor(version: number): Checkpoint {
    const found = this.#checkpoints.findLast((checkpoint) => checkpoint.version <= version);
    if (found !== undefined && Number.isInteger(version) && version <= this.version) return found;
    const { oldest } = this;
    throw new VersionError(`Cannot read version ${version}: the history holds versions ${oldest} to ${this.version}`, {
      hint:
        version < oldest ? "earlier versions were forgotten as its retention says" : "give a version of that range, or a time",
      details: { version, oldest, newest: this.version },
    });
  }

  /** The last version at or before a time. */
  versionAt(timeMs: number): number {
    const checkpoint = this.#checkpoints.findLast((one) => one.timeMs <= timeMs);
    if (checkpoint === undefined) {
      const asked = Number.isNaN(timeMs) ? "an invalid date" : new Date(timeMs).toISOString();
      const first = new Date(this.#first.timeMs).toISOString();
      throw new VersionError(`Cannot read the state at ${asked}: the history begins at ${first}`, {
        hint: "give a later time, or a version",
        details: { oldest: this.oldest, newest: this.version },
      });
    }
    let { version } = checkpoint;
    for (const { closing } of this.commits(checkpoint)) {
      if (closing.timeMs > timeMs) break;
      version = closing.version;
    }
    return version;
  }

  /** Commits after one version, up to and with another, in order. */
  *commitsBetween(first: number, last: number): Generator<LoggedCommit> {
    for (const commit of this.commits(this.checkpointFor(first))) {
      const { version } = commit.closing;
      if (version > last) return;
      if (version > first) yield commit;
    }
  }

  /** Commits after a checkpoint, in order. */
  *commits(from: Checkpoint): Generator<LoggedCommit> {
    let parts: FramedRecord[] = [];
    for (const record of this.#records(from.end, this.#file.sizeBytes)) {
      if (!CLOSING.includes(record.kind)) {
        parts.push(record);
        continue;
      }
      if (record.kind === "c") {
        const { closing, parts: small } = readClosing(record);
        yield { closing, parts: [...parts.map(readPart), ...small] };
      }
      parts = [];
    }
  }

  /** The rows of a checkpoint, part by part. */
  *rowsOf({ at, end }: Checkpoint): Generator<Part> {
    for (const record of this.#records(at, end)) if (record.kind === "+") yield readPart(record);
  }

  /** The rules in force at a version; `undefined` if they are not known. */
  sourcesAt(version: number): readonly SourceText[] | undefined {
    const { at, end, version: start } = this.checkpointFor(version);
    let sources: Closing["sources"];
    for (const record of this.#records(at, end)) if (record.kind === "k") sources = readClosing(record).closing.sources;
    for (const { closing } of this.commitsBetween(start, version)) {
      if (closing.sources !== undefined) sources = closing.sources;
    }
    return sources ?? undefined;
  }

  /** Opening found these records whole. */
  *#records(from: number, to: number): Generator<FramedRecord> {
    const end = yield* this.#file.read(from, to);
    if (end !== to) throw new HistoryDamageError(this.#file.path, end);
  }

  get #first(): Checkpoint {
    return this.#checkpoints[0] as Checkpoint;
  }

  get #newest(): Checkpoint {
    return this.#checkpoints.at(-1) as Checkpoint;
  }

  /** Drops whole checkpoints with their commits, when that is at least half of what stays. */
  #forget(): void {
    const { versions = Infinity, ageMs = Infinity, sizeBytes = Infinity } = this.#options.retention ?? {};
    const { sizeBytes: size } = this.#file;
    const oldestTimeMs = this.#options.clock.now() - ageMs;
    const keep = Math.max(
      this.#checkpoints.findLastIndex(({ version }) => version <= this.version - versions),
      this.#checkpoints.findLastIndex(({ timeMs }) => timeMs <= oldestTimeMs),
      size <= sizeBytes ? 0 : this.#checkpoints.findIndex(({ at }) => size - at <= sizeBytes),
      0,
    );
    const offset = (this.#checkpoints[keep] ?? this.#newest).at;
    const dropped = offset - FIRST_RECORD;
    if (dropped === 0 || dropped < (size - offset) / 2) return;
    this.#file.dropBefore(offset);
    this.#checkpoints = this.#checkpoints
      .filter(({ at }) => at >= offset)
      .map((checkpoint) => ({ ...checkpoint, at: checkpoint.at - dropped, end: checkpoint.end - dropped }));
  }
}

interface Scanned {
  readonly checkpoints: Checkpoint[];
  readonly last: { readonly version: number; readonly timeMs: number };
  readonly cutBytes: number;
}

/** A new file begins with the checkpoint of version 0. */
function startLog(file: RecordFile, clock: Clock): void {
  file.append(checkpointRecords([], { version: 0, timeMs: clock.now(), sources: null }));
  file.sync();
}

/** Reads a file from end to end: finds the checkpoints, the last version, and where the file is whole. */
function scan(file: RecordFile, { repair = false, clock }: LogOptions): Scanned {
  const checkpoints: Checkpoint[] = [];
  let lastClosing: FramedRecord | undefined;
  let unitAt = FIRST_RECORD;
  const records = file.read(FIRST_RECORD);
  let step = records.next();
  for (; step.done !== true; step = records.next()) {
    const record = step.value;
    if (!CLOSING.includes(record.kind)) continue;
    lastClosing = record;
    if (record.kind === "k") {
      const { version, timeMs } = readClosing(record).closing;
      checkpoints.push({ version, timeMs, at: unitAt, end: record.end });
    }
    unitAt = record.end;
  }
  const damageAt = step.value;
  const cutBytes = file.sizeBytes - unitAt;
  if (damageAt < file.sizeBytes && !repair && file.findWhole(damageAt, CLOSING) !== undefined) {
    throw new HistoryDamageError(file.path, damageAt);
  }
  if (cutBytes > 0) file.cut(unitAt);
  if (lastClosing === undefined) {
    startLog(file, clock);
    return { ...scan(file, { file: file.path, clock }), cutBytes };
  }
  if (checkpoints.length === 0) throw new HistoryFileError(`Cannot open history "${file.path}": it has no checkpoint`);
  const { version, timeMs } = readClosing(lastClosing).closing;
  return { checkpoints, last: { version, timeMs }, cutBytes };
}
