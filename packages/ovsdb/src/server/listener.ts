/** Sockets that clients come in by. */
import { statSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { IoError, type Logger, messageOf } from "@tenet/kit";
import { BadRemoteError } from "../rpc/bad-remote-error.ts";
import { parseListenRemote, type SocketAddress } from "../rpc/remote.ts";
import { readTlsFiles, type TlsFiles } from "../rpc/tls-files.ts";

/** A listening socket. */
export interface Listener {
  readonly address: SocketAddress;
  /** The address to connect to, the port filled in. */
  readonly connectTo: string;
  /** Accepts no one any more; resolves when all accepted sockets have ended. */
  close(): Promise<void>;
}

/**
 * Listens on `punix:PATH`, `ptcp:PORT[:IP]` or `pssl:PORT[:IP]`.
 *
 * A socket file that nobody listens on any more is replaced.
 *
 * @throws BadRemoteError, IoError
 */
export async function openListener(
  remote: string,
  tls: TlsFiles | undefined,
  log: Logger,
  accept: (socket: Socket) => void,
): Promise<Listener> {
  const address = parseListenRemote(remote);
  if ("path" in address) await removeDeadSocket(address.path);
  const server = makeServer(remote, address, tls, log, accept);
  await listenOn(server, address, remote);
  const bound = server.address();
  const port = typeof bound === "object" && bound !== null ? bound.port : 0;
  const connectTo = "path" in address ? `unix:${address.path}` : `${address.isTls ? "ssl" : "tcp"}:${address.host}:${port}`;
  return { address, connectTo, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

function makeServer(
  remote: string,
  address: SocketAddress,
  tls: TlsFiles | undefined,
  log: Logger,
  accept: (socket: Socket) => void,
): Server {
  if ("path" in address || !address.isTls) return createServer(accept);
  if (tls === undefined) {
    throw new BadRemoteError(`Cannot listen on "${remote}" without a certificate`, {
      hint: "Give a private key, its certificate and the authority's certificate",
    });
  }
  const server = createTlsServer(readTlsFiles(tls), accept);
  server.on("tlsClientError", (error, socket) => {
    log.warn({ remote, client: socket.remoteAddress, err: messageOf(error) }, "client refused");
  });
  return server;
}

function listenOn(server: Server, address: SocketAddress, remote: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      reject(
        new IoError(`Cannot listen on "${remote}": ${error.message}`, {
          hint: "Free the address or choose another",
          cause: error,
        }),
      );
    };
    server.once("error", fail);
    server.listen(address, () => {
      server.off("error", fail);
      resolve();
    });
  });
}

/** Removes a socket file whose listener is gone; what answers, or is no socket, is left, so that listening fails. */
function removeDeadSocket(path: string): Promise<void> {
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return Promise.resolve();
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.on("connect", () => {
      probe.destroy();
      resolve();
    });
    probe.on("error", () => {
      unlinkSync(path);
      resolve();
    });
  });
}
