/** A WebSocket as the stream that JSON-RPC needs; browsers have such sockets only. */
import { BadRemoteError } from "../rpc/bad-remote-error.ts";
import { ConnectionLostError } from "../rpc/json-rpc-connection.ts";
import type { Dial, RpcSocket } from "../rpc/rpc-socket.ts";

/** What is used of a WebSocket; the class `WebSocket` of browsers makes such. */
export interface WebSocketLike {
  binaryType: string;
  readonly bufferedAmount: number;
  send(text: string): void;
  close(): void;
  addEventListener(type: "open" | "error" | "close", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
}

/** Makes a WebSocket that connects. */
export type WebSocketClass = new (url: string) => WebSocketLike;

/** The browser's own class. @throws BadRemoteError where there is none */
export function ownWebSocket(): WebSocketClass {
  const { WebSocket: own } = globalThis as { WebSocket?: unknown };
  if (typeof own === "function") return own as WebSocketClass;
  throw new BadRemoteError("Cannot connect: there is no WebSocket here", {
    hint: 'Give one as the option "WebSocket", or connect with "@tenet/ovsdb" in node',
  });
}

/** Connects to `ws:` and `wss:` URLs. */
export function dialWebSocket(makeSocket: WebSocketClass): Dial {
  return (url, signal) =>
    new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const socket = new makeSocket(url);
      socket.binaryType = "arraybuffer";
      const abort = (): void => {
        socket.close();
        reject(signal.reason instanceof Error ? signal.reason : new ConnectionLostError("The connection is not wanted any more"));
      };
      signal.addEventListener("abort", abort, { once: true });
      socket.addEventListener("open", () => {
        signal.removeEventListener("abort", abort);
        resolve(asRpcSocket(socket));
      });
      socket.addEventListener("close", () => {
        signal.removeEventListener("abort", abort);
        reject(new ConnectionLostError(`Cannot connect to "${url}"`));
      });
    });
}

function asRpcSocket(socket: WebSocketLike): RpcSocket {
  const encoder = new TextEncoder();
  let bytesWritten = 0;
  const on = (event: string, listener: (value: never) => void): void => {
    if (event === "data") {
      socket.addEventListener("message", ({ data }) => {
        const bytes = data instanceof ArrayBuffer ? new Uint8Array(data) : encoder.encode(String(data));
        listener(bytes as never);
      });
    } else if (event === "close") socket.addEventListener("close", () => listener(undefined as never));
  };
  const close = (): void => socket.close();
  return {
    writableNeedDrain: false,
    get writableLength() {
      return socket.bufferedAmount;
    },
    get bytesWritten() {
      return bytesWritten;
    },
    on,
    write: (text) => {
      bytesWritten += text.length;
      socket.send(text);
    },
    end: close,
    destroySoon: close,
    destroy: close,
    pause: () => undefined, // browsers read on; only servers pause
    resume: () => undefined,
  };
}
