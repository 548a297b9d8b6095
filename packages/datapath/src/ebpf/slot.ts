/**
 * A flow as the kernel's program has it: what it counts, and what it does, in memory that both share.
 *
 *  | packets 8 | bytes 8 | used, monotonic ns 8 | TCP flags 4 | number of actions 2 | number of the mask 2 | actions, 16 each … | masked key |
 *
 * The key lies at the end, the more room it takes the less there is for actions. The program acts only when mask and key are the packet's,
 * since the index leads to a slot by a hash (see flow-index.ts).
 */

/** Flows that the kernel has room for: the 200,000 that a switch has at most unless it is told otherwise, and others on top. */
export const MAX_FLOWS = 262_144;

/** Flows whose memory is taken at a time. */
export const SLOTS_PER_PIECE = 8192;

/** Offsets and sizes. */
export const SLOT = {
  packets: 0,
  bytes: 8,
  used: 16,
  tcpFlags: 24,
  nActions: 28,
  mask: 30,
  actions: 32,
  actionBytes: 16,
  /** In the first word of an action, above what it is: the number of the flow's points. */
  pointsShift: 8,
  maxActions: 14,
  sizeBytes: 256,
} as const;

/** Where the masked key of so many words begins. */
export function slotKeyAt(nWords: number): number {
  return SLOT.sizeBytes - 8 * Math.ceil(nWords / 2);
}
