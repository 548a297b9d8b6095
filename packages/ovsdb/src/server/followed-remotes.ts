/**
 * The remotes of a column, `db:DATABASE,TABLE,COLUMN`: served as they come and go there, with their states written into
 * the rows that describe them.
 */
import type { ColumnReference, FindDatabase } from "./column-reference.ts";
import { RemoteSet } from "./remote-set.ts";
import { type RemoteStatus, writeStatuses } from "./remote-status.ts";
import type { RemoteHost } from "./serve-remote.ts";
import { concernsRemotes, parseRemoteColumn, remoteRowsIn } from "./table-remotes.ts";

/** How often states are written, as the original does. */
const STATUS_MS = 2500;

/** Follows one column while its database is served. */
export class FollowedRemotes {
  readonly #remote: string;
  readonly #find: FindDatabase;
  readonly #host: RemoteHost;
  readonly #set: RemoteSet;
  readonly #statusTimer: NodeJS.Timeout;
  /** What is done one after the other. */
  #last: Promise<void>;
  #column: ColumnReference | undefined;
  #stopFollowing: () => void = () => undefined;

  /** @throws BadRemoteError when there is no such column */
  constructor(remote: string, find: FindDatabase, host: RemoteHost) {
    this.#remote = remote;
    this.#find = find;
    this.#host = host;
    this.#set = new RemoteSet(host);
    this.#follow(parseRemoteColumn(remote, find));
    this.#last = this.#adopt().then(() => this.#writeStatuses());
    this.#statusTimer = setInterval(() => void this.#next(() => this.#writeStatuses()), STATUS_MS).unref();
  }

  /** Resolves when the remotes that stand in the column are served, or were tried. */
  get ready(): Promise<void> {
    return this.#last;
  }

  /** Databases have come or gone: without the one that it follows none of its remotes is served. */
  databasesChanged(): Promise<void> {
    const [, name = ""] = /^db:([^,]+)/.exec(this.#remote) ?? [];
    if (this.#find(name) === this.#column?.database) return this.#last;
    this.#stopFollowing();
    this.#column = undefined;
    try {
      if (this.#find(name) !== undefined) this.#follow(parseRemoteColumn(this.#remote, this.#find));
    } catch (error) {
      this.#host.log.warn({ remote: this.#remote, err: error instanceof Error ? error.message : "" }, "remote not served");
    }
    return this.#next(() => this.#adopt());
  }

  /** Ends all and follows no more. */
  async close(): Promise<void> {
    clearInterval(this.#statusTimer);
    this.#stopFollowing();
    await this.#last;
    await this.#set.close();
  }

  #follow(column: ColumnReference): void {
    this.#column = column;
    const stopCommits = column.database.onCommit(({ changes }) => {
      if (changes.some(({ table }) => concernsRemotes(column, table))) void this.#next(() => this.#adopt());
    });
    const stopConverted = column.database.onConvert(() => void this.#next(() => this.#adopt()));
    this.#stopFollowing = () => {
      stopCommits();
      stopConverted();
    };
  }

  #next(step: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(step);
    return this.#last;
  }

  async #adopt(): Promise<void> {
    const wanted = this.#column === undefined ? new Map() : remoteRowsIn(this.#column);
    for (const name of this.#set.names()) if (!wanted.has(name)) await this.#set.remove(name);
    for (const [name, { settings }] of wanted) await this.#set.keep(name, settings);
  }

  async #writeStatuses(): Promise<void> {
    const column = this.#column;
    const table = column?.database.schema.tables.get(column.table)?.columns.get(column.column)?.type.key.refTable;
    if (column === undefined || table === undefined) return;
    const { status, isBackup } = column.database;
    if (status.model === "relay" || isBackup || this.#host.isReadOnly()) return; // the source's states stand there
    const statuses = this.#set.statuses();
    const byRow = new Map<string, RemoteStatus>();
    for (const [name, { row }] of remoteRowsIn(column)) {
      if (row !== undefined) byRow.set(row._uuid, statuses.get(name) ?? { isConnected: false });
    }
    await writeStatuses(column.database, table, byRow);
  }
}
