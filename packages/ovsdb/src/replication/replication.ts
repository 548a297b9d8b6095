/**
 * The role of a server in an active/backup pair: a backup keeps its databases equal to those of the active server, and
 * lets its clients read only.
 *
 * A backup stays one until it is told otherwise, whatever happens to the connection, so that two servers are never both
 * written to by accident; it connects again by itself. What was received before it is made active is committed before
 * the first client may write.
 *
 * @see ovsdb(7), section "Active-Backup Database Service Model"
 */
import { AppError, type Logger, messageOf, silentLogger } from "@tenet/kit";
import { sleep } from "../client/sleep.ts";
import type { DatabaseEngine } from "../engine/database.ts";
import type { TlsSource } from "../rpc/tls-files.ts";
import { ActiveServer } from "./active-server.ts";
import { ExcludedTables } from "./excluded-tables.ts";
import { ReplicationError } from "./replication-error.ts";

/** The server whose role it is. */
export interface ReplicatedServer {
  readonly serverId: string;
  /** Those that are served now. */
  readonly databases: readonly DatabaseEngine[];
  /** Whether clients may read only; when that changes they are disconnected. */
  setReadOnly(isReadOnly: boolean): void;
  /** Calls `listener` after databases came or went. @returns stops it */
  onDatabases(listener: () => void): () => void;
}

/** How a backup replicates. */
export interface ReplicationOptions {
  /** For `ssl:` remotes. */
  readonly tls?: TlsSource;
  readonly log?: Logger;
  /** Longest pause between two attempts to connect; the first is 100 ms. Default 8 s. */
  readonly maxBackoffMs?: number;
}

/** There is no active server to replicate from. */
export class NoActiveServerError extends AppError {
  static override readonly code: string = "OVSDB_NO_ACTIVE_SERVER";
}

const FIRST_BACKOFF_MS = 100;
const DEFAULT_PROBE_MS = 60_000;

/** Whether, and from where, a server replicates; it begins as the active one. */
export class Replication {
  readonly #server: ReplicatedServer;
  readonly #options: ReplicationOptions;
  readonly #log: Logger;
  readonly #stopListening: () => void;
  /** `unix:PATH`, `tcp:HOST:PORT` or `ssl:HOST:PORT`; used by the next {@link connect}. */
  activeServer: string | undefined;
  #excluded = new ExcludedTables("");
  #probeIntervalMs = DEFAULT_PROBE_MS;
  #following: { readonly stopping: AbortController; readonly ended: Promise<void> } | undefined;
  #active: ActiveServer | undefined;
  #replicated: readonly string[] = [];
  #remote = "";
  #problem: string | undefined;

  constructor(server: ReplicatedServer, options: ReplicationOptions = {}) {
    this.#server = server;
    this.#options = options;
    this.#log = options.log ?? silentLogger;
    this.#stopListening = server.onDatabases(() => this.#active?.close()); // and begin anew, with the databases there are
  }

  /** Whether the server is a backup. */
  get isBackup(): boolean {
    return this.#following !== undefined;
  }

  /** The tables that are left out, `DATABASE:TABLE[,DATABASE:TABLE...]`. */
  get excludedTables(): string {
    return this.#excluded.toString();
  }

  /** Leaves out these tables from now on; a backup begins anew. */
  async setExcludedTables(text: string): Promise<void> {
    this.#excluded = new ExcludedTables(text);
    if (this.isBackup) await this.#restart(this.#remote);
  }

  /** Probes the active server when it is idle for so long. Default 60 s; 0 is never. */
  setProbeInterval(probeIntervalMs: number): void {
    this.#probeIntervalMs = probeIntervalMs;
    this.#active?.setProbeInterval(probeIntervalMs);
  }

  /** Makes the server a backup of {@link activeServer}; clients are disconnected. @throws NoActiveServerError */
  async connect(): Promise<void> {
    if (this.activeServer === undefined) {
      throw new NoActiveServerError("Unable to connect: active server is not specified", { hint: "Give --sync-from, or set it" });
    }
    this.#server.setReadOnly(true);
    await this.#restart(this.activeServer);
  }

  /** Makes the server the active one, as soon as what it received is committed; clients are disconnected. */
  async disconnect(): Promise<void> {
    if (!this.isBackup) return;
    await this.#stop();
    this.#server.setReadOnly(false);
    this.#log.info({}, "active server now");
  }

  /** Stops replicating; the server stays what it is. */
  async close(): Promise<void> {
    this.#stopListening();
    await this.#stop();
  }

  /** What `ovsdb-server/sync-status` says. */
  get status(): string {
    if (!this.isBackup) return "state: active";
    const lines = ["state: backup"];
    if (this.#problem !== undefined) lines.push(`error: ${this.#problem}`);
    else if (this.#replicated.length === 0) lines.push(`connecting: ${this.#remote}`);
    else {
      lines.push(`replicating: ${this.#remote}`, `database: ${this.#replicated.join(", ")}`);
      if (this.excludedTables !== "") lines.push(`exclude: ${this.excludedTables}`);
    }
    return lines.join("\n");
  }

  async #restart(remote: string): Promise<void> {
    await this.#stop();
    const stopping = new AbortController();
    this.#remote = remote;
    this.#following = { stopping, ended: this.#follow(remote, stopping.signal) };
  }

  async #stop(): Promise<void> {
    const following = this.#following;
    following?.stopping.abort();
    this.#active?.close();
    await following?.ended;
    this.#following = undefined;
    this.#problem = undefined;
  }

  async #follow(remote: string, signal: AbortSignal): Promise<void> {
    let backoffMs = FIRST_BACKOFF_MS;
    while (!signal.aborted) {
      const hasReplicated = await this.#replicate(remote, signal);
      backoffMs = hasReplicated ? FIRST_BACKOFF_MS : Math.min(backoffMs * 2, this.#options.maxBackoffMs ?? 8000);
      await sleep(backoffMs, signal);
    }
  }

  /** Replicates until the connection ends. @returns whether it came to that */
  async #replicate(remote: string, signal: AbortSignal): Promise<boolean> {
    const { tls: source } = this.#options;
    const { serverId } = this.#server;
    const settings = { remote, serverId, excluded: this.#excluded, probeIntervalMs: this.#probeIntervalMs };
    try {
      const tls = typeof source === "function" ? source() : source;
      this.#active = await ActiveServer.connect({ ...settings, tls }, this.#log, signal);
      if (signal.aborted) this.#active.close();
      this.#replicated = await this.#active.begin(this.#server.databases.filter(({ status }) => status.model === "standalone"));
      this.#problem = undefined;
      this.#log.info({ remote, databases: this.#replicated }, "replicating");
      await this.#active.ended();
      this.#log.info({ remote }, "connection to the active server lost");
    } catch (error) {
      this.#problem = error instanceof ReplicationError ? error.message : undefined;
      if (!signal.aborted) this.#log.warn({ remote, err: messageOf(error) }, "cannot replicate");
    }
    const hasReplicated = this.#replicated.length > 0;
    await this.#leave();
    return hasReplicated;
  }

  async #leave(): Promise<void> {
    const active = this.#active;
    this.#active = undefined;
    this.#replicated = [];
    active?.close();
    await active?.ended().catch((error: unknown) => this.#log.debug({ err: messageOf(error) }, "left the active server"));
  }
}
