/** What a JSON-RPC connection needs of the stream under it, so that it runs over node's sockets and over a WebSocket. */

/** A stream of bytes both ways; `net.Socket` and `tls.TLSSocket` are such. */
export interface RpcSocket {
  /** Whether writes go to a buffer because the peer does not read. */
  readonly writableNeedDrain: boolean;
  /** Bytes that wait to be sent. */
  readonly writableLength: number;
  /** Bytes that were written since the beginning, those that wait included. */
  readonly bytesWritten: number;
  on(event: "data", listener: (bytes: Uint8Array) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "drain" | "end" | "close", listener: () => void): unknown;
  write(text: string): unknown;
  /** Sends what waits, then the end of the stream. */
  end(): unknown;
  /** Lets go of it as soon as everything is sent. */
  destroySoon(): void;
  /** Lets go of it now. */
  destroy(): unknown;
  pause(): unknown;
  resume(): unknown;
}

/** Opens a stream to a remote. @throws BadRemoteError when there can be none of that name */
export type Dial = (remote: string, signal: AbortSignal) => Promise<RpcSocket>;
