/** The remotes of a server, of every form, by the names they were added under. */
import type { Socket } from "node:net";
import { type Logger, messageOf } from "@tenet/kit";
import type { DatabaseEngine } from "../engine/database.ts";
import { parseConnectRemote, type SocketAddress } from "../rpc/remote.ts";
import type { TlsFiles } from "../rpc/tls-files.ts";
import { keepConnecting } from "./active-remote.ts";
import { openListener } from "./listener.ts";
import { concernsRemotes, parseRemoteColumn, type RemoteColumn, type RemoteSettings, remotesIn } from "./table-remotes.ts";

const MAX_BACKOFF_MS = 8000;

/** What remotes need of their server. */
export interface RemoteHost {
  readonly tls: TlsFiles | undefined;
  readonly log: Logger;
  readonly database: (name: string) => DatabaseEngine | undefined;
  /** Serves a client. @returns ends its session */
  readonly accept: (socket: Socket, address: SocketAddress, settings: RemoteSettings) => () => void;
}

/** A remote in use. */
interface OpenRemote {
  /** The settings as text, to see whether they changed. */
  readonly key: string;
  /** For clients; of listening remotes only. */
  readonly connectTo?: string;
  close(): Promise<void>;
}

/** A set of remotes that can be added and removed while they serve. */
export class Remotes {
  readonly #host: RemoteHost;
  readonly #open = new Map<string, OpenRemote>();

  constructor(host: RemoteHost) {
    this.#host = host;
  }

  /** The names, in order of adding. */
  names(): string[] {
    return [...this.#open.keys()];
  }

  /**
   * Starts serving a remote; one that is there already with the same settings stays as it is.
   *
   * @returns the address to connect to, when it listens
   * @throws BadRemoteError, IoError
   */
  async add(remote: string, settings: RemoteSettings): Promise<string | undefined> {
    const key = JSON.stringify(settings);
    const present = this.#open.get(remote);
    if (present?.key === key) return present.connectTo;
    await this.remove(remote);
    const opened = await (remote.startsWith("db:") ? this.#follow(remote) : this.#serve(remote, settings));
    this.#open.set(remote, { ...opened, key });
    return opened.connectTo;
  }

  /** Ends a remote and the sessions of its clients. */
  async remove(remote: string): Promise<void> {
    const present = this.#open.get(remote);
    this.#open.delete(remote);
    await present?.close();
  }

  /** Ends all. */
  async close(): Promise<void> {
    await Promise.all(this.names().map((name) => this.remove(name)));
  }

  async #serve(remote: string, settings: RemoteSettings): Promise<Omit<OpenRemote, "key">> {
    const { tls, log, accept } = this.#host;
    const sessions = new Set<() => void>();
    const serve = (socket: Socket, address: SocketAddress) => {
      const end = accept(socket, address, settings);
      sessions.add(end);
      socket.once("close", () => sessions.delete(end));
    };
    const endSessions = () => {
      for (const end of sessions) end();
    };
    if (remote.startsWith("p")) {
      const listener = await openListener(remote, tls, log, (socket) => serve(socket, listener.address));
      const close = () => {
        const closed = listener.close();
        endSessions();
        return closed;
      };
      return { connectTo: listener.connectTo, close };
    }
    const address = parseConnectRemote(remote);
    const stopping = new AbortController();
    const { maxBackoffMs = MAX_BACKOFF_MS } = settings;
    const connecting = keepConnecting(remote, { tls, maxBackoffMs }, log, (socket) => serve(socket, address), stopping.signal);
    const close = () => {
      stopping.abort();
      endSessions();
      return connecting;
    };
    return { close };
  }

  /** Adds and removes what stands in a column, now and whenever it changes. */
  async #follow(remote: string): Promise<Omit<OpenRemote, "key">> {
    const column = parseRemoteColumn(remote, this.#host.database);
    const nested = new Remotes(this.#host);
    let last = this.#adopt(nested, column);
    const stop = column.database.onCommit(({ changes }) => {
      if (!changes.some(({ table }) => concernsRemotes(column, table))) return;
      last = last.then(() => this.#adopt(nested, column));
    });
    await last;
    const close = async () => {
      stop();
      await last;
      await nested.close();
    };
    return { close };
  }

  async #adopt(nested: Remotes, column: RemoteColumn): Promise<void> {
    const wanted = remotesIn(column);
    for (const name of nested.names()) if (!wanted.has(name)) await nested.remove(name);
    for (const [name, settings] of wanted) {
      await nested.add(name, settings).catch((error: unknown) => {
        this.#host.log.warn({ remote: name, err: messageOf(error) }, "remote of a table not served");
      });
    }
  }
}
