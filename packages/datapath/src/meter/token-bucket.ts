/**
 * A token bucket in memory that the kernel's program may share: both draw from it, neither waits for the other.
 *
 * How: time and tokens are words that are changed in one step each. Who finds that time has passed sets the clock, and alone adds
 * the tokens of that time. Who takes tokens subtracts them, and gives them back when there were too few.
 * Limits: time goes by whole milliseconds. A bucket of 2^30 tokens or more counts several as one.
 */

/**
 * Words of a band that is shared, 32 bits each. A meter is its first band, of which the state is the meter's, and by which all of its packets
 * are counted; the others follow by their numbers.
 *
 *  | state | filled, ms | tokens | rate, per ms | capacity | cost of a packet, 0: its bits | shift | number of the next band, 0: none |
 *  | packets 2 | bytes 2 | packets above the rate 2 | their bytes 2 |
 */
export const METER_WORD = {
  state: 0,
  filledMs: 1,
  tokens: 2,
  rate: 3,
  capacity: 4,
  packetCost: 5,
  shift: 6,
  next: 7,
  packets: 8,
  bytes: 10,
  exceedingPackets: 12,
  exceedingBytes: 14,
  length: 16,
} as const;

/** What the kernel's program does with a packet above the rate, in the lowest byte of the state; a meter that is not there lets all pass. */
export const METER_STATE = { absent: 0, counts: 1, drops: 2, isForUserSpace: 3, remarks: 4 } as const;

/** Where in the state a band that remarks has by how much. */
export const PRECEDENCE_SHIFT = 8;

/** Bands that the program goes through. */
export const MAX_SHARED_BANDS = 4;

/** Where a band lies that is shared. */
export interface SharedBand {
  /** `METER_WORD.length` of them. */
  readonly words: Int32Array;
  readonly number: number;
  /** From this process's monotonic clock to the kernel's. */
  readonly clockOffsetMs: number;
}

const MAX_CAPACITY = 2 ** 30;

/** Tokens, which come at a rate up to a capacity. */
export class TokenBucket {
  readonly #words: Int32Array;
  readonly #clockOffsetMs: number;
  readonly #rate: number;
  readonly #capacity: number;
  /** Tokens are counted in units of 2 to this power. */
  readonly #shift: number;

  /** A full bucket. @param rate - tokens per ms */
  constructor({ words, clockOffsetMs }: Omit<SharedBand, "number">, rate: number, capacity: number, nowMs: number) {
    this.#words = words;
    this.#clockOffsetMs = clockOffsetMs;
    this.#shift = Math.max(0, Math.ceil(Math.log2((capacity + 1) / MAX_CAPACITY)));
    this.#rate = Math.floor(rate / 2 ** this.#shift);
    this.#capacity = Math.floor(capacity / 2 ** this.#shift);
    words[METER_WORD.rate] = this.#rate;
    words[METER_WORD.capacity] = this.#capacity;
    words[METER_WORD.tokens] = this.#capacity;
    words[METER_WORD.shift] = this.#shift;
    words[METER_WORD.filledMs] = this.#tick(nowMs);
  }

  /** Takes tokens. @returns whether there were enough; else none are taken */
  take(cost: number, nowMs: number): boolean {
    const words = this.#words;
    const { tokens } = METER_WORD;
    this.#fill(nowMs);
    const units = cost >>> this.#shift;
    if (Atomics.sub(words, tokens, units) >= units) return true;
    Atomics.add(words, tokens, units);
    return false;
  }

  #fill(nowMs: number): void {
    const words = this.#words;
    const { tokens, filledMs } = METER_WORD;
    const now = this.#tick(nowMs);
    const before = Atomics.load(words, filledMs);
    const elapsedMs = (now - before) | 0;
    if (elapsedMs <= 0 || Atomics.compareExchange(words, filledMs, before, now) !== before) return;
    const gain = Math.min(this.#capacity, this.#rate * elapsedMs);
    const excess = Atomics.add(words, tokens, gain) + gain - this.#capacity;
    if (excess > 0) Atomics.sub(words, tokens, excess);
  }

  /** The clock that both go by; it turns over every 49 days. */
  #tick(nowMs: number): number {
    return Math.floor(nowMs + this.#clockOffsetMs) | 0;
  }
}
