/**
 * A flow as the kernel's program has it: what it counts, and what it does, in memory that both share.
 *
 *  | packets 8 | bytes 8 | used, monotonic ns 8 | TCP flags 4 | number of actions 4 | actions, 16 each |
 */

/** Offsets and sizes. */
export const SLOT = {
  packets: 0,
  bytes: 8,
  used: 16,
  tcpFlags: 24,
  nActions: 28,
  actions: 32,
  actionBytes: 16,
  maxActions: 14,
  sizeBytes: 256,
} as const;
