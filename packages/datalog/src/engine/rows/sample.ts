/** What a few rows of a table tell about all of them. */

const SAMPLE = 1024;

/** Rows to take a sample of. */
export interface SampledRows {
  readonly data: Int32Array;
  readonly stride: number;
  readonly end: number;
}

/**
 * How many different keys a table has, from how often two rows of a sample agree: of n rows drawn from k keys, n²/2k pairs do.
 * Without such a pair there are at least as many keys as pairs. One row of each stretch is taken, and not always the same: rows that
 * were made in turns would show only every so manieth key.
 */
export function estimateKeys(rows: SampledRows, columns: readonly number[]): number {
  const { data, stride, end } = rows;
  const step = Math.max(1, Math.floor(end / SAMPLE));
  const seen = new Map<number, number>();
  let n = 0;
  let nPairs = 0;
  for (let start = 0; start + step <= end; start += step, n++) {
    const row = start + (step === 1 ? 0 : (Math.imul(n ^ 0x5bd1e995, 0x2c1b3c6d) >>> 8) % step);
    let key = 0;
    for (const column of columns) key = Math.imul(key ^ (key >>> 15) ^ (data[row * stride + column] as number), 0x9e3779b1);
    const before = seen.get(key) ?? 0;
    nPairs += before;
    seen.set(key, before + 1);
  }
  return step === 1 ? seen.size : (n * n) / 2 / Math.max(1, nPairs);
}
