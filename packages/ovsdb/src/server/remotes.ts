/** The remotes of a server, of every form, by the names they were added under. */
import type { FindDatabase } from "./column-reference.ts";
import { FollowedRemotes } from "./followed-remotes.ts";
import { RemoteSet } from "./remote-set.ts";
import type { RemoteHost } from "./serve-remote.ts";
import type { RemoteSettings } from "./table-remotes.ts";

/** A set of remotes that can be added and removed while they serve. */
export class Remotes {
  readonly #host: RemoteHost;
  readonly #find: FindDatabase;
  readonly #plain: RemoteSet;
  readonly #followed = new Map<string, FollowedRemotes>();
  readonly #names = new Set<string>();

  constructor(host: RemoteHost, find: FindDatabase) {
    this.#host = host;
    this.#find = find;
    this.#plain = new RemoteSet(host);
  }

  /** The names, in order of adding. */
  names(): string[] {
    return [...this.#names];
  }

  /**
   * Starts serving a remote; one that is there already goes on, under these settings.
   *
   * @returns the address to connect to, when it listens
   * @throws BadRemoteError, IoError
   */
  async add(remote: string, settings: RemoteSettings): Promise<string | undefined> {
    const connectTo = remote.startsWith("db:") ? await this.#follow(remote) : await this.#plain.add(remote, settings);
    this.#names.add(remote);
    return connectTo;
  }

  /**
   * Serves a remote now, or as soon as that is possible.
   *
   * @throws BadRemoteError when it names a column that there is not
   */
  async keep(remote: string, settings: RemoteSettings): Promise<void> {
    if (remote.startsWith("db:")) await this.#follow(remote);
    else await this.#plain.keep(remote, settings);
    this.#names.add(remote);
  }

  /** Ends a remote and the sessions of its clients. */
  async remove(remote: string): Promise<void> {
    this.#names.delete(remote);
    const followed = this.#followed.get(remote);
    this.#followed.delete(remote);
    await followed?.close();
    await this.#plain.remove(remote);
  }

  /** Databases have come or gone. */
  async databasesChanged(): Promise<void> {
    await Promise.all(Array.from(this.#followed.values(), (followed) => followed.databasesChanged()));
  }

  /** Ends all. */
  async close(): Promise<void> {
    await Promise.all([...this.#followed.values(), this.#plain].map((remotes) => remotes.close()));
  }

  async #follow(remote: string): Promise<undefined> {
    if (!this.#followed.has(remote)) this.#followed.set(remote, new FollowedRemotes(remote, this.#find, this.#host));
    await this.#followed.get(remote)?.ready;
  }
}
