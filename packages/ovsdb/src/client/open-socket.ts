/** Opens sockets and waits, both under a signal. */
import { connect, type Socket } from "node:net";
import { ConnectionLostError } from "../rpc/json-rpc-connection.ts";
import { parseConnectRemote } from "../rpc/remote.ts";

/** Connects to `unix:PATH` or `tcp:HOST:PORT`. @throws BadRemoteError, IoError */
export function openSocket(remote: string, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(parseConnectRemote(remote));
    const abort = () => socket.destroy(new ConnectionLostError("The replica was closed"));
    signal.addEventListener("abort", abort, { once: true });
    const done = () => signal.removeEventListener("abort", abort);
    socket.once("error", (error) => {
      done();
      reject(error);
    });
    socket.once("connect", () => {
      done();
      socket.removeAllListeners("error");
      resolve(socket);
    });
  });
}

/** Resolves after a time, or as soon as the signal aborts. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
