/**
 * A log that several servers append to, as a database sees it.
 *
 * All servers see the same entries in the same order. An entry is appended on top of the last one that the server was
 * told of, or not at all: what it says holds for exactly the state that it was made on.
 */
import { AppError, type Json } from "@tenet/kit";

/** An entry as every server is told of it. */
export interface LogEntry {
  /** How many entries there are up to this one. */
  readonly index: number;
  /** Who appended it knows it by this. */
  readonly id: string;
  readonly payload: Json;
}

/** A state to begin with, and what came after it. */
export interface LogStart {
  /** The index of the last entry in the snapshot. */
  readonly index: number;
  readonly snapshot: Json;
  readonly entries: readonly LogEntry[];
}

/** Who is told what the log has. */
export interface LogFollower {
  /** The next entry, this server's own too. */
  entry(entry: LogEntry): void;
  /** The log forgot entries before they were told: this takes the place of everything. */
  restart(start: LogStart): void;
  /** Whether the log can be reached. */
  connected(isConnected: boolean): void;
}

/** A log that several servers append to. */
export interface SharedLog {
  /** The same for all servers of this log, a uuid. */
  readonly clusterId: string;
  /** Entries and their bytes since the snapshot. */
  readonly length: { readonly entries: number; readonly bytes: number };
  /** Tells of everything from now on. */
  follow(follower: LogFollower): void;
  /**
   * Appends an entry after the last one told of.
   *
   * @returns whether it is kept; the follower was told of it, or of those that came in its way, before
   * @throws NotKeptError, OutcomeUnknownError within bounded time
   */
  append(id: string, payload: Json): Promise<boolean>;
  /** Whether the last entry told of is the last there is. @throws NotKeptError */
  isCurrent(): Promise<boolean>;
  /**
   * Replaces the entries up to an index by a snapshot.
   *
   * @param pieces - the JSON text of the snapshot
   * @returns false when another server did so meanwhile
   */
  replaceBefore(index: number, pieces: Iterable<string>): Promise<boolean>;
  /** Makes it known that a server lives, until it is closed or has not reached the log for some seconds. @throws EtcdError */
  announce(server: string): Promise<void>;
  /** The servers that live and were announced. @throws EtcdError */
  living(): Promise<ReadonlySet<string>>;
  close(): Promise<void>;
}

/** The entry was not appended and never will be. */
export class NotKeptError extends AppError {
  static override readonly code: string = "OVSDB_NOT_KEPT";
}

/** The log could not be reached after the entry was sent: whether it is there will be known later. */
export class OutcomeUnknownError extends AppError {
  static override readonly code: string = "OVSDB_OUTCOME_UNKNOWN";
}
