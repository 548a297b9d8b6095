/** Writes a counter; one that is not kept is a question mark. */
export function formatCounter(counter: bigint): string {
  return counter < 0n || counter === 0xffff_ffff_ffff_ffffn ? "?" : String(counter);
}
