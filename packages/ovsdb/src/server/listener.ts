/** Sockets that clients come in by. */
import { statSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from "node:tls";
import { IoError, type Logger, messageOf } from "@tenet/kit";
import { BadRemoteError } from "../rpc/bad-remote-error.ts";
import { adoptAuthority } from "../rpc/bootstrap-authority.ts";
import { closeToOthers } from "../rpc/close-to-others.ts";
import type { SocketAddress } from "../rpc/remote.ts";
import { checksPeers, type TlsIdentity, TlsNotConfiguredError } from "../rpc/tls-files.ts";
import { whyNotBound } from "../rpc/why-not-bound.ts";

/** A listening socket. */
export interface Listener {
  /** The port in use; of TCP and TLS only. */
  readonly boundPort: number | undefined;
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
 * @param address - what `remote` says
 * @throws BadRemoteError when there is no certificate for TLS, IoError
 */
export async function openListener(
  remote: string,
  address: SocketAddress,
  tls: TlsIdentity,
  log: Logger,
  accept: (socket: Socket) => void,
): Promise<Listener> {
  if ("path" in address) await removeDeadSocket(address.path);
  const server = makeServer(remote, address, tls, log, accept);
  await listenOn(server, address, remote);
  const bound = server.address();
  const boundPort = typeof bound === "object" && bound !== null ? bound.port : undefined;
  if (!("path" in address) && address.port === 0) log.info({ remote, port: boundPort }, "listening on a free port");
  const connectTo = "path" in address ? `unix:${address.path}` : `${address.isTls ? "ssl" : "tcp"}:${address.host}:${boundPort}`;
  return { boundPort, connectTo, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

function makeServer(
  remote: string,
  address: SocketAddress,
  tls: TlsIdentity,
  log: Logger,
  accept: (socket: Socket) => void,
): Server {
  if ("path" in address || !address.isTls) return createServer(accept);
  if (!tls.mayChange) checkUsable(remote, tls);
  const refuse = (socket: Socket, error: unknown): void => {
    log.warn({ remote, client: socket.remoteAddress, err: messageOf(error) }, "client refused");
    socket.destroy();
  };
  // Whether peers are checked may change, so it is decided for each, not by the server.
  const server = createTlsServer({ requestCert: true, rejectUnauthorized: false }, (socket) => {
    try {
      if (isWelcome(socket, tls)) accept(socket);
    } catch (error) {
      refuse(socket, error);
    }
  });
  followFiles(server, tls, refuse);
  server.on("tlsClientError", (error, socket) => refuse(socket, error));
  return server;
}

function checkUsable(remote: string, tls: TlsIdentity): void {
  try {
    tls.options();
  } catch (error) {
    if (!(error instanceof TlsNotConfiguredError)) throw error;
    throw new BadRemoteError(`Cannot listen on "${remote}" without a certificate`, { hint: error.hint ?? "", cause: error });
  }
}

/** Gives each new connection the certificates of its moment. */
function followFiles(server: TlsServer, tls: TlsIdentity, refuse: (socket: Socket, error: unknown) => void): void {
  let present: object | undefined;
  server.prependListener("connection", (socket: Socket) => {
    try {
      const options = tls.options();
      if (options !== present) server.setSecureContext(options);
      present = options;
    } catch (error) {
      refuse(socket, error);
    }
  });
}

/** @throws Error when the peer's certificate is not good enough */
function isWelcome(socket: TLSSocket, tls: TlsIdentity): boolean {
  const files = tls.files();
  if (adoptAuthority(socket, files)) {
    socket.destroy();
    return false;
  }
  if (checksPeers(files) && !socket.authorized) throw socket.authorizationError;
  return true;
}

function listenOn(server: Server, address: SocketAddress, remote: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      const cause = "path" in address ? whyNotBound(address.path, error) : error;
      reject(
        new IoError(`Cannot listen on "${remote}": ${cause.message}`, { hint: "Free the address or choose another", cause }),
      );
    };
    server.once("error", fail);
    server.listen(address, () => {
      server.off("error", fail);
      if ("path" in address) closeToOthers(address.path);
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
