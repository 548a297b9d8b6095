/** Durations as messages and texts have them. */

/** From here on a number of seconds has no place for single nanoseconds: 48 days. */
const COARSE_SECONDS = 2 ** 22;

/** Whole seconds and nanoseconds; of a longer duration nanoseconds are whole microseconds. */
export function splitSeconds(seconds: number): [number, number] {
  const whole = Math.floor(seconds);
  const step = whole < COARSE_SECONDS ? 1 : 1000;
  const nanoseconds = Math.round(((seconds - whole) * 1e9) / step) * step;
  return [whole, Math.min(1e9 - step, nanoseconds)];
}
