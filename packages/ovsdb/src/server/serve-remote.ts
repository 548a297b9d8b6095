/** One remote that serves clients: a listening socket, or a peer that the server connects to. */
import type { Socket } from "node:net";
import type { Logger } from "@tenet/kit";
import { parseListenRemote, type SocketAddress } from "../rpc/remote.ts";
import type { TlsIdentity } from "../rpc/tls-files.ts";
import { ActiveRemote } from "./active-remote.ts";
import { openListener } from "./listener.ts";
import type { LockNames } from "./locks.ts";
import type { RemoteStatus } from "./remote-status.ts";
import type { RemoteSettings } from "./table-remotes.ts";

const MAX_BACKOFF_MS = 8000;

/** A client that is served. */
export interface ServedClient {
  readonly lockNames: LockNames;
  /** Idle clients are probed after this time; the server's default when absent. */
  setProbeInterval(probeIntervalMs: number | undefined): void;
  close(): void;
}

/** What remotes need of their server. */
export interface RemoteHost {
  readonly tls: TlsIdentity;
  readonly log: Logger;
  /** Where sockets are that no folder is given for. */
  readonly socketFolder?: string | undefined;
  /** Where TCP listens that no address is given for; loopback when absent. */
  readonly defaultHost?: string | undefined;
  readonly accept: (socket: Socket, address: SocketAddress, settings: RemoteSettings) => ServedClient;
  /** Whether the rows come from another server, so that the states of remotes are not written into them. */
  readonly isReadOnly: () => boolean;
}

/** A remote in use. */
export interface ServedRemote {
  /** For clients; of listening remotes only. */
  readonly connectTo?: string;
  readonly status: RemoteStatus;
  /** Goes on under other settings; clients stay unless what they may do has changed. */
  change(settings: RemoteSettings): void;
  close(): Promise<void>;
}

/** Starts serving. @throws BadRemoteError, IoError */
export async function serveRemote(remote: string, settings: RemoteSettings, host: RemoteHost): Promise<ServedRemote> {
  const clients = new Clients(settings, host);
  const { tls, log, socketFolder = "", defaultHost } = host;
  const placed = remote.replace(/^(p?unix):(?!\/)/, (scheme) => (socketFolder === "" ? scheme : `${scheme}${socketFolder}/`));
  if (!remote.startsWith("p")) return serveActive(placed, clients, host);
  const address = parseListenRemote(placed, defaultHost);
  const listener = await openListener(remote, address, tls, log, (socket) => clients.accept(socket, address));
  const { connectTo, boundPort } = listener;
  return {
    connectTo,
    get status() {
      const nConnections = clients.all.size;
      const port = boundPort === undefined ? {} : { boundPort };
      return { isConnected: nConnections > 0, secSinceConnect: 0, secSinceDisconnect: 0, nConnections, ...port };
    },
    change: (wanted) => clients.change(wanted),
    close: () => {
      const closed = listener.close();
      clients.close();
      return closed;
    },
  };
}

function serveActive(remote: string, clients: Clients, { tls, log }: RemoteHost): ServedRemote {
  const maxBackoffMs = () => clients.settings.maxBackoffMs ?? MAX_BACKOFF_MS;
  const active = new ActiveRemote(remote, { tls, log, maxBackoffMs, accept: (...client) => clients.accept(...client) });
  return {
    get status() {
      const [client] = clients.all;
      return { ...active.status, ...(client === undefined ? {} : { locks: client.lockNames }) };
    },
    change: (wanted) => clients.change(wanted),
    close: () => {
      const closed = active.close();
      clients.close();
      return closed;
    },
  };
}

/** The clients of one remote. */
class Clients {
  readonly all = new Set<ServedClient>();
  settings: RemoteSettings;
  readonly #host: RemoteHost;

  constructor(settings: RemoteSettings, host: RemoteHost) {
    this.settings = settings;
    this.#host = host;
  }

  accept(socket: Socket, address: SocketAddress): void {
    const client = this.#host.accept(socket, address, this.settings);
    this.all.add(client);
    socket.once("close", () => this.all.delete(client));
  }

  change(settings: RemoteSettings): void {
    const before = this.settings;
    this.settings = settings;
    const mayDoOther = before.isReadOnly !== settings.isReadOnly || before.role !== settings.role;
    for (const client of this.all) {
      if (mayDoOther) client.close();
      else client.setProbeInterval(settings.probeIntervalMs);
    }
  }

  close(): void {
    for (const client of this.all) client.close();
  }
}
