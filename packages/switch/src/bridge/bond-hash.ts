/**
 * The hash by which a `balance-slb` bond spreads senders: of address, VLAN and basis, as Open vSwitch computes it, so
 * that `bond/hash` and `bond/migrate` mean the same packets.
 */
import { finishHash, hashWord } from "@tenet/net";

/** Number of values that {@link hashSender} has. */
export const N_BOND_HASHES = 256;
const HASHED_BYTES = 8;

/** 0 to 255. */
export function hashSender(mac: number, vlan: number, basis: number): number {
  const low = mac % 0x1_0000_0000;
  const high = (vlan << 16) | Math.floor(mac / 0x1_0000_0000);
  return finishHash(hashWord(hashWord(basis, low), high), HASHED_BYTES) % N_BOND_HASHES;
}
