/** A remote to which the server itself connects, again and again: `unix:PATH`, `tcp:HOST:PORT`, `ssl:HOST:PORT`. */
import { once } from "node:events";
import type { Socket } from "node:net";
import { type Logger, messageOf } from "@tenet/kit";
import { openSocket } from "../client/open-socket.ts";
import { sleep } from "../client/sleep.ts";
import type { TlsFiles } from "../rpc/tls-files.ts";

const FIRST_BACKOFF_MS = 1000;

/** Connects until the signal aborts; each socket goes to `accept`. @throws BadRemoteError when there is no such address */
export async function keepConnecting(
  remote: string,
  options: { readonly tls: TlsFiles | undefined; readonly maxBackoffMs: number },
  log: Logger,
  accept: (socket: Socket) => void,
  signal: AbortSignal,
): Promise<void> {
  let backoffMs = 0;
  while (!signal.aborted) {
    try {
      const socket = await openSocket(remote, options.tls, signal);
      const ended = once(socket, "close");
      accept(socket);
      backoffMs = 0;
      await ended;
    } catch (error) {
      if (!signal.aborted) log.debug({ remote, err: messageOf(error) }, "cannot connect");
    }
    backoffMs = Math.min(Math.max(backoffMs * 2, FIRST_BACKOFF_MS), options.maxBackoffMs);
    await sleep(backoffMs, signal);
  }
}
