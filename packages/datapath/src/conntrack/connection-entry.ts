/**
 * A connection as words of memory, which a program in the kernel can read and write, too.
 *
 *   | status | flags | phase | mark | expires, monotonic ns (2) | label (4) | original tuple (10) | reply tuple (10) |
 *   | ends of a TCP connection, who began first: state, seqLow, seqHigh, maxWindow, scale, each |
 *
 * Words have the machine's order of bytes.
 */

/** The first word of each part. */
export const ENTRY = {
  status: 0,
  flags: 1,
  phase: 2,
  mark: 3,
  expires: 4,
  label: 6,
  original: 10,
  reply: 20,
  ends: 30,
} as const;

/** Words of an entry. */
export const ENTRY_WORDS = 40;

/** Words of one end, and where they lie in it. */
export const END = { state: 0, seqLow: 1, seqHigh: 2, maxWindow: 3, scale: 4 } as const;
export const END_WORDS = 5;

/**
 * What an entry is: of nobody, of a connection, of one that the kernel's program is about to make or has given up making, or of one that
 * it has seen to be over, and may begin again while the table still leads there.
 */
export const STATUS = { free: 0, live: 1, beginning: 2, abandoned: 3, over: 4 } as const;

/** The lowest bits tell which address is translated. */
export const ENTRY_FLAG = { sourceNat: 1, destinationNat: 2, /** The kernel's program is not to touch it. */ isOurs: 4 } as const;

/** Entries one after the other, from the id 0 on. */
export interface EntryMemory {
  readonly words: Int32Array;
  /** From the monotonic clock of this process to that of the entries. */
  readonly clockOffsetMs: number;
}
