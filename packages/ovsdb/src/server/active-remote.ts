/** A remote to which the server itself connects, again and again: `unix:PATH`, `tcp:HOST:PORT`, `ssl:HOST:PORT`. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { type Logger, messageOf } from "@tenet/kit";
import { openSocket } from "../client/open-socket.ts";
import { sleep } from "../client/sleep.ts";
import { adoptAuthority } from "../rpc/bootstrap-authority.ts";
import { parseConnectRemote, type SocketAddress } from "../rpc/remote.ts";
import type { TlsIdentity } from "../rpc/tls-files.ts";
import type { RemoteStatus } from "./remote-status.ts";

const FIRST_BACKOFF_MS = 1000;

/** How it connects. */
export interface ActiveRemoteOptions {
  readonly tls: TlsIdentity;
  /** Longest pause between two attempts. */
  readonly maxBackoffMs: () => number;
  readonly log: Logger;
  /** Serves whom it has connected to. */
  readonly accept: (socket: Socket, address: SocketAddress) => void;
}

/** Connects until it is closed. */
export class ActiveRemote {
  readonly #remote: string;
  readonly #address: SocketAddress;
  readonly #options: ActiveRemoteOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #state: "ACTIVE" | "BACKOFF" | "CONNECTING" = "CONNECTING";
  #connectedAtMs: number | undefined;
  #disconnectedAtMs: number | undefined;
  #lastError: string | undefined;

  /** @throws BadRemoteError when there is no such address */
  constructor(remote: string, options: ActiveRemoteOptions) {
    this.#remote = remote;
    this.#address = parseConnectRemote(remote);
    this.#options = options;
    this.#running = this.#run(this.#stopping.signal);
  }

  /** How it is doing. */
  get status(): RemoteStatus {
    const since = (name: "secSinceConnect" | "secSinceDisconnect", atMs: number | undefined) =>
      atMs === undefined ? {} : { [name]: Math.floor((performance.now() - atMs) / 1000) };
    return {
      isConnected: this.#state === "ACTIVE",
      state: this.#state,
      ...since("secSinceConnect", this.#connectedAtMs),
      ...since("secSinceDisconnect", this.#disconnectedAtMs),
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
    };
  }

  /** Connects no more; the caller ends the session that it may have. */
  close(): Promise<void> {
    this.#stopping.abort();
    return this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { log, maxBackoffMs } = this.#options;
    let backoffMs = 0;
    while (!signal.aborted) {
      this.#state = "CONNECTING";
      log.info({ remote: this.#remote }, "connecting");
      try {
        await this.#connectOnce(signal);
        backoffMs = 0;
      } catch (error) {
        if (!signal.aborted) log.info({ remote: this.#remote, err: messageOf(error) }, "cannot connect");
      }
      this.#state = "BACKOFF";
      backoffMs = Math.min(Math.max(backoffMs * 2, FIRST_BACKOFF_MS), maxBackoffMs());
      if (!signal.aborted) await sleep(backoffMs, signal);
    }
  }

  /** Connects, serves, and returns when the connection has ended. */
  async #connectOnce(signal: AbortSignal): Promise<void> {
    const { tls, log, accept } = this.#options;
    const isTls = this.#remote.startsWith("ssl:");
    const socket = await openSocket(this.#remote, isTls ? tls.files() : undefined, signal);
    if (socket instanceof TLSSocket && adoptAuthority(socket, tls.files())) {
      socket.destroy();
      return;
    }
    socket.once("error", (error) => (this.#lastError = messageOf(error)));
    const ended = once(socket, "close");
    this.#state = "ACTIVE";
    this.#connectedAtMs = performance.now();
    log.info({ remote: this.#remote }, "connected");
    accept(socket, this.#address);
    await ended;
    this.#disconnectedAtMs = performance.now();
    if (!signal.aborted) log.info({ remote: this.#remote }, "connection ended");
  }
}
