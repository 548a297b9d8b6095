/** Opens sockets under a signal. */
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { BadRemoteError } from "../rpc/bad-remote-error.ts";
import { ConnectionLostError } from "../rpc/json-rpc-connection.ts";
import { parseConnectRemote } from "../rpc/remote.ts";
import { readTlsFiles, type TlsFiles } from "../rpc/tls-files.ts";

/** Connects to `unix:PATH`, `tcp:HOST:PORT` or `ssl:HOST:PORT`. @throws BadRemoteError, IoError */
export function openSocket(remote: string, tls: TlsFiles | undefined, signal: AbortSignal): Promise<Socket> {
  const [socket, connected] = startConnecting(remote, tls);
  return new Promise((resolve, reject) => {
    const abort = () => socket.destroy(new ConnectionLostError("The connection is not wanted any more"));
    signal.addEventListener("abort", abort, { once: true });
    const done = () => signal.removeEventListener("abort", abort);
    socket.once("error", (error) => {
      done();
      reject(error);
    });
    socket.once(connected, () => {
      done();
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

function startConnecting(remote: string, tls: TlsFiles | undefined): [socket: Socket, connected: string] {
  const address = parseConnectRemote(remote);
  if ("path" in address || !address.isTls) return [connect(address), "connect"];
  if (tls === undefined) {
    throw new BadRemoteError(`Cannot connect to "${remote}" without a certificate`, {
      hint: "Give a private key, its certificate and the authority's certificate",
    });
  }
  const options = { ...readTlsFiles(tls), host: address.host, port: address.port, checkServerIdentity: () => undefined };
  return [connectTls(options), "secureConnect"];
}
