/** Remotes to listen on and to connect to, by their names. */
import { messageOf } from "@tenet/kit";
import type { RemoteStatus } from "./remote-status.ts";
import { type RemoteHost, type ServedRemote, serveRemote } from "./serve-remote.ts";
import type { RemoteSettings } from "./table-remotes.ts";

/** How often what could not be served is tried again. */
const RETRY_MS = 1000;

/** A remote of the set; `served` is absent while it cannot be served, and is tried again. */
interface Member {
  settings: RemoteSettings;
  served: ServedRemote | undefined;
  retry: NodeJS.Timeout | undefined;
}

/** A set of remotes that come and go. */
export class RemoteSet {
  readonly #host: RemoteHost;
  readonly #members = new Map<string, Member>();

  constructor(host: RemoteHost) {
    this.#host = host;
  }

  /** The names, in order of adding. */
  names(): string[] {
    return [...this.#members.keys()];
  }

  /** How those that are served do. */
  statuses(): Map<string, RemoteStatus> {
    const members = [...this.#members].flatMap(([name, { served }]): [string, RemoteStatus][] =>
      served === undefined ? [] : [[name, served.status]],
    );
    return new Map(members);
  }

  /**
   * Serves a remote; one that is there already goes on, under these settings.
   *
   * @returns the address to connect to, when it listens
   * @throws BadRemoteError, IoError; the remote is then not in the set
   */
  async add(remote: string, settings: RemoteSettings): Promise<string | undefined> {
    const member = this.#members.get(remote);
    if (member?.served !== undefined) {
      this.#change(member, settings);
      return member.served.connectTo;
    }
    await this.remove(remote);
    const served = await serveRemote(remote, settings, this.#host);
    this.#members.set(remote, { settings, served, retry: undefined });
    return served.connectTo;
  }

  /** Serves a remote now, or as soon as that is possible. */
  async keep(remote: string, settings: RemoteSettings): Promise<void> {
    const present = this.#members.get(remote);
    if (present !== undefined) return this.#change(present, settings);
    const member: Member = { settings, served: undefined, retry: undefined };
    this.#members.set(remote, member);
    await this.#try(remote, member, true);
  }

  /** Ends a remote and the sessions of its clients. */
  async remove(remote: string): Promise<void> {
    if (!this.#members.has(remote)) return;
    this.#host.log.info({ remote }, "remote removed");
    await this.#end(remote);
  }

  /** Ends all. */
  async close(): Promise<void> {
    await Promise.all(this.names().map((name) => this.#end(name)));
  }

  async #end(remote: string): Promise<void> {
    const member = this.#members.get(remote);
    this.#members.delete(remote);
    clearTimeout(member?.retry);
    await member?.served?.close();
  }

  #change(member: Member, settings: RemoteSettings): void {
    if (JSON.stringify(member.settings) === JSON.stringify(settings)) return;
    member.settings = settings;
    member.served?.change(settings);
  }

  async #try(remote: string, member: Member, isFirst: boolean): Promise<void> {
    try {
      const served = await serveRemote(remote, member.settings, this.#host);
      if (this.#members.get(remote) === member) member.served = served;
      else await served.close();
    } catch (error) {
      const { log } = this.#host;
      if (isFirst) log.error({ remote, err: messageOf(error) }, "remote not served");
      else log.debug({ remote, err: messageOf(error) }, "remote not served");
      if (this.#members.get(remote) !== member) return;
      member.retry = setTimeout(() => void this.#try(remote, member, false), RETRY_MS);
    }
  }
}
