/**
 * Which OpenFlow version two ends speak.
 *
 * @see OpenFlow 1.5.1, section 6.3.1
 */
import type { Version } from "../message.ts";

/** The bitmap of a hello: bit N for wire version N. */
export function versionBitmap(versions: readonly Version[]): number {
  return versions.reduce((bits, version) => bits | (1 << version), 0);
}

/**
 * The highest version of both ends.
 *
 * @param own - versions spoken here
 * @param peerHighest - version in the header of the peer's hello
 * @param peerBitmap - bitmap of the peer's hello; without one, the lower of both highest versions counts
 * @returns `undefined` when there is no common version
 */
export function negotiate(own: readonly Version[], peerHighest: number, peerBitmap: number | undefined): Version | undefined {
  const descending = [...own].sort((a, b) => b - a);
  if (peerBitmap !== undefined) return descending.find((version) => (peerBitmap & (1 << version)) !== 0);
  const lower = Math.min(descending[0] ?? 0, peerHighest);
  return descending.find((version) => version === lower);
}
