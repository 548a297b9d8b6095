/**
 * An engine whose past can be read: every committed change of its inputs is a version in a file.
 *
 * Only inputs are kept. A version's derived rows are computed when asked for: nearest checkpoint, commits up to the version, one run
 * of the rules.
 */
import { type Clock, systemClock } from "@tenet/kit";
import type { Program } from "../compile.ts";
import type { Change, Delta, RelationDelta } from "../engine/delta.ts";
import { Engine, type EngineOptions } from "../engine/engine.ts";
import { RelationError } from "../engine/errors.ts";
import type { SourceText } from "../language/ast.ts";
import type { Tuple } from "../value.ts";
import { HistoryLog, type LogOptions } from "./history-log.ts";
import { fits, inputsOf, loadInputs } from "./load-inputs.ts";
import { deltaOf, netOf } from "./net-changes.ts";
import type { Closing, Note } from "./record.ts";
import { type SyncPolicy, Syncer } from "./syncer.ts";

/** How a history is opened. */
export interface HistoryOptions extends Omit<LogOptions, "clock"> {
  readonly program: Program;
  /** The program's text, kept with the versions it was in force for: see {@link History.sourcesAt}. */
  readonly sources?: readonly SourceText[];
  /** Limits of the engine, and of those that {@link History.asOf} gives. */
  readonly engine?: EngineOptions;
  /** When what was written is forced to the disk. Default `"each"`. */
  readonly sync?: SyncPolicy;
  /** Rows of tables that are not inputs of this program: an error, or dropped as a new version. Default `"refuse"`. */
  readonly unknownInputs?: "refuse" | "drop";
  readonly clock?: Clock;
}

/** A version as it was recorded. */
export interface HistoryEntry {
  readonly version: number;
  readonly time: Date;
  readonly note: Note | undefined;
  /** Changes of the inputs. */
  readonly delta: Delta;
  /** Inputs that a new program did not have any more. */
  readonly dropped: readonly string[];
  readonly hasNewProgram: boolean;
}

/** A version number, or a time: the last version that was in force then. */
export type At = number | Date;

/** What waits to be written: changes made on the engine itself while the file could not be written come before new ones. */
interface Unwritten {
  readonly delta: Delta;
  readonly more: Omit<Closing, "version" | "timeMs">;
}

interface NewProgram {
  readonly sources?: readonly SourceText[];
  readonly note?: Note;
}

/**
 * Opens a history, or makes one, and resumes its engine at the last version.
 *
 * @throws HistoryFileError, HistoryDamageError; RelationError if the file has rows of tables that the program does not know
 */
export function openHistory(options: HistoryOptions): History {
  const log = HistoryLog.open({ clock: systemClock, ...options });
  try {
    return new History(log, options);
  } catch (error) {
    log.close();
    throw error;
  }
}

/** Made by {@link openHistory}. */
export class History {
  /** The engine. What is committed on it directly is recorded too, after the commit and without a note. */
  readonly engine: Engine;
  readonly #log: HistoryLog;
  readonly #options: HistoryOptions;
  readonly #syncer: Syncer;
  readonly #stopListening: () => void;
  #isClosed = false;
  #unwritten: Unwritten[] = [];
  #inputs: ReadonlySet<string>;
  #program: Program;
  #sources: readonly SourceText[] | null;
  /** What the engine is about to tell of: a commit that is in the file already, or a new program. */
  #expected: "commit" | NewProgram | undefined;

  /** Use {@link openHistory}. */
  constructor(log: HistoryLog, options: HistoryOptions) {
    const { program, unknownInputs = "refuse", sync = "each" } = options;
    this.#log = log;
    this.#options = options;
    this.#program = program;
    this.#inputs = inputsOf(program);
    this.#syncer = new Syncer(sync, () => log.sync());
    this.engine = new Engine(program, options.engine);
    const missing = loadInputs(log, log.version, this.engine);
    if (missing.length > 0 && unknownInputs === "refuse") throw unknownInputsError(options.file, missing);
    const before = this.sourcesAt(log.version) ?? null;
    this.#sources = options.sources ?? null;
    const isOther = JSON.stringify(before) !== JSON.stringify(this.#sources);
    if (log.version === 0 && isOther) this.#writeCheckpoint();
    else if (missing.length > 0 || isOther) {
      this.#record(new Map(), { dropped: missing, ...(isOther && { sources: this.#sources }) });
    }
    this.#stopListening = this.engine.onDelta((delta) => this.#hear(delta));
  }

  /** The last version; each change of an input adds one. */
  get version(): number {
    return this.#log.version;
  }

  /** The first version that can still be read. */
  get oldest(): number {
    return this.#log.oldest;
  }

  /** Bytes of a torn or damaged tail that opening cut off; what they held had not been acknowledged, unless `repair` was asked for. */
  get cutBytes(): number {
    return this.#log.cutBytes;
  }

  /** As {@link Engine.transact}, and in the file before it is seen: what cannot be written is not committed. */
  transact(changes: readonly Change[], note?: Note): Delta {
    const transaction = this.engine.begin();
    try {
      if (this.engine.program !== this.#program) this.#recordProgram(new Map(), {});
      this.#flush();
      if (this.#log.isCheckpointDue) this.#writeCheckpoint();
      transaction.apply(changes);
      const delta = this.#inputsIn(transaction.evaluate());
      if (delta.size > 0) this.#append({ delta, more: note === undefined ? {} : { note } });
      this.#expected = "commit";
      return transaction.commit();
    } catch (error) {
      if (transaction.isOpen) transaction.rollback();
      throw error;
    } finally {
      this.#expected = undefined;
    }
  }

  /** As {@link Engine.replaceProgram}, as a version of its own that keeps the program's text. */
  replaceProgram(program: Program, options: NewProgram = {}): Delta {
    this.#expected = options;
    try {
      const delta = this.engine.replaceProgram(program);
      // A program that changes no row is not told of.
      if (this.#expected !== undefined) this.#recordProgram(delta, options);
      return delta;
    } finally {
      this.#expected = undefined;
    }
  }

  /**
   * An engine in the state of a version, apart from this one: it may be asked, explained, forked and changed.
   *
   * @param program - the rules to apply; by default the present ones, which tells what they would have said then
   * @throws VersionError for what the file does not hold
   */
  asOf(at: At, program: Program = this.engine.program): Engine {
    const engine = new Engine(program, this.#options.engine);
    loadInputs(this.#log, this.#versionOf(at), engine);
    return engine;
  }

  /** The text of the program in force at a version; `undefined` if it was not given. Compile it to read a version under its own rules. */
  sourcesAt(at: At): readonly SourceText[] | undefined {
    return this.#log.sourcesAt(this.#versionOf(at));
  }

  /** The last version at or before a time. */
  versionAt(time: Date): number {
    return this.#log.versionAt(time.getTime());
  }

  /** Versions after `from`, up to and with `to`, in order: when, by whom, why, and what changed. */
  *entries(from: At = this.oldest, to: At = this.version): Generator<HistoryEntry> {
    const [first, last] = [this.#versionOf(from), this.#versionOf(to)];
    for (const commit of this.#log.commitsBetween(first, last)) {
      const { version, timeMs, note, dropped = [], sources } = commit.closing;
      const delta = deltaOf(netOf([commit]).changes());
      yield { version, time: new Date(timeMs), note, delta, dropped, hasNewProgram: sources !== undefined };
    }
  }

  /**
   * What became of a relation between two versions, under the present rules; backwards if `to` is the earlier one.
   *
   * @throws RelationError for a relation that the program does not have
   */
  changesBetween(from: At, to: At, relation: string): RelationDelta {
    const [first, last] = [this.#versionOf(from), this.#versionOf(to)];
    if (first > last) {
      const { inserted, deleted } = this.changesBetween(last, first, relation);
      return { inserted: deleted, deleted: inserted };
    }
    this.engine.size(relation);
    const net = netOf(this.#log.commitsBetween(first, last));
    const isDerived = !this.#inputs.has(relation) || net.cleared.has(relation);
    const changes = net.changes().filter(fits(this.engine.program));
    const delta = isDerived ? this.#derive(first, changes, net.cleared) : deltaOf(changes);
    return delta.get(relation) ?? { inserted: [], deleted: [] };
  }

  /** Writes the state of all inputs, so that reading versions from here on starts here. It happens by itself, too. */
  checkpoint(): void {
    // No row of an open transaction may get into it: if there is one, this throws.
    const transaction = this.engine.begin();
    try {
      this.#flush();
      this.#writeCheckpoint();
    } finally {
      transaction.rollback();
    }
  }

  /** Returns when everything recorded is on the disk, whatever the policy. */
  sync(): void {
    this.#flush();
    this.#syncer.sync();
  }

  /** Writes what is left and closes the file; the engine goes on unrecorded. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopListening();
    try {
      this.sync();
    } finally {
      this.#syncer.close();
      this.#log.close();
    }
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #hear(delta: Delta): void {
    // Listeners behind this one may commit more before the engine returns.
    const expected = this.#expected;
    this.#expected = undefined;
    if (expected === "commit") return;
    if (expected !== undefined || this.engine.program !== this.#program) this.#recordProgram(delta, expected ?? {});
    else this.#record(this.#inputsIn(delta), {});
    if (this.#log.isCheckpointDue) this.checkpoint();
  }

  #recordProgram(delta: Delta, { sources, note }: NewProgram): void {
    const inputs = inputsOf(this.engine.program);
    const dropped = [...this.#inputs].filter((name) => !inputs.has(name));
    const kept = new Map<string, RelationDelta>();
    for (const [name, { inserted, deleted }] of delta) {
      // Inputs begin empty: what goes from one that was derived before was no input's row.
      const changed = { inserted, deleted: this.#inputs.has(name) ? deleted : [] };
      if (inputs.has(name) && changed.inserted.length + changed.deleted.length > 0) kept.set(name, changed);
    }
    this.#program = this.engine.program;
    this.#inputs = inputs;
    this.#sources = sources ?? null;
    this.#record(kept, { dropped, sources: this.#sources, ...(note && { note }) });
  }

  #record(delta: Delta, more: Unwritten["more"]): void {
    const isNothing = delta.size === 0 && more.sources === undefined && (more.dropped ?? []).length === 0;
    if (!isNothing) this.#unwritten.push({ delta, more });
    this.#flush();
  }

  #flush(): void {
    for (let next = this.#unwritten[0]; next !== undefined; next = this.#unwritten[0]) {
      this.#append(next);
      this.#unwritten.shift();
    }
  }

  #append({ delta, more }: Unwritten): void {
    this.#syncer.check();
    this.#log.append(delta, more, this.#syncer.isEach);
    this.#syncer.written();
  }

  #writeCheckpoint(): void {
    this.#log.checkpoint(this.#inputRows(), this.#sources);
    this.#syncer.written();
  }

  *#inputRows(): Generator<readonly [string, readonly Tuple[]]> {
    for (const name of this.#inputs) yield [name, this.engine.rows(name)];
  }

  #inputsIn(delta: Delta): Delta {
    return new Map([...delta].filter(([name]) => this.#inputs.has(name)));
  }

  #derive(first: number, changes: readonly Change[], cleared: ReadonlySet<string>): Delta {
    const engine = this.asOf(first);
    const gone = [...cleared].filter((name) => this.#inputs.has(name));
    const removals = gone.flatMap((relation) => engine.rows(relation).map((tuple): Change => ({ relation, tuple, weight: -1 })));
    return engine.transact([...removals, ...changes]);
  }

  #versionOf(at: At): number {
    const version = typeof at === "number" ? at : this.#log.versionAt(at.getTime());
    this.#log.checkpointFor(version);
    return version;
  }
}

function unknownInputsError(file: string, relations: readonly string[]): RelationError {
  const names = relations.map((name) => `"${name}"`).join(", ");
  return new RelationError(
    `Cannot resume history "${file}": it holds rows of ${names}, which the program has not as input, or with other columns`,
    {
      hint: 'open it with the program that wrote it, or pass `unknownInputs: "drop"` to go on without these rows',
      details: { file, relations },
    },
  );
}
