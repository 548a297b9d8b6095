/**
 * Spreads the load of a bond: hashes of senders move from the busiest member to the idlest, one at a time.
 *
 * A hash moves when that brings both nearer to each other by at least a tenth of what lies between them, and when
 * there is enough between them to be worth packets that arrive out of order.
 */
import type { BondMember, SenderHash } from "./bond-member.ts";

/** Less than this is not worth moving, in bytes of a period. */
const MIN_OVERLOAD_BYTES = 100_000;
/** Nor is less than this part of what the idler one sends. */
const MIN_OVERLOAD_PART = 1 / 32;
/** What a move must gain. */
const MIN_GAIN = 0.1;

/** @returns whether anything moved */
export function rebalance(members: readonly BondMember[], hashes: readonly SenderHash[]): boolean {
  const enabled = members.filter(({ isEnabled }) => isEnabled);
  const loads = new Map(enabled.map((member) => [member, loadOf(member, hashes)]));
  let hasMoved = false;
  while (loads.size > 1) {
    const sorted = [...loads].sort(([, a], [, b]) => b - a);
    const [busiest, idlest] = [sorted[0], sorted.at(-1)];
    if (busiest === undefined || idlest === undefined) break;
    const [from, fromBytes] = busiest;
    const [to, toBytes] = idlest;
    const overload = fromBytes - toBytes;
    if (overload < MIN_OVERLOAD_BYTES || overload < toBytes * MIN_OVERLOAD_PART) break;
    const hash = hashToMove(hashes, from, overload);
    if (hash === undefined) {
      loads.delete(from);
      continue;
    }
    hash.member = to;
    hasMoved = true;
    loads.set(from, fromBytes - hash.nBytes);
    loads.set(to, toBytes + hash.nBytes);
  }
  return hasMoved;
}

function loadOf(member: BondMember, hashes: readonly SenderHash[]): number {
  return hashes.reduce((sum, hash) => (hash.member === member ? sum + hash.nBytes : sum), 0);
}

/** The hash that leaves the least between the two members. */
function hashToMove(hashes: readonly SenderHash[], from: BondMember, overload: number): SenderHash | undefined {
  let best: SenderHash | undefined;
  let leastLeft = overload * (1 - MIN_GAIN);
  for (const hash of hashes) {
    if (hash.member !== from || hash.nBytes === 0) continue;
    const left = Math.abs(overload - 2 * hash.nBytes);
    if (left >= leastLeft) continue;
    leastLeft = left;
    best = hash;
  }
  return best;
}
