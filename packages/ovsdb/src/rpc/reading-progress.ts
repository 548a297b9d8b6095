/** Whether a peer reads what it is sent, however little at a time. */
import type { RpcSocket } from "./rpc-socket.ts";

/**
 * Changes whenever the peer has taken more of what waits for it.
 *
 * A socket counts a write when all of it is taken, which for a large one may be minutes; what is left of the one in
 * progress Node tells by its handle alone.
 */
export function readingProgress(socket: RpcSocket): string {
  const { _handle: handle } = socket as { readonly _handle?: { readonly writeQueueSize?: number } | null };
  return `${socket.bytesWritten - socket.writableLength} ${handle?.writeQueueSize ?? ""}`;
}
