/**
 * The hash by which a `balance-slb` bond spreads senders: of address, VLAN and basis, as Open vSwitch computes it, so
 * that `bond/hash` and `bond/migrate` mean the same packets.
 *
 * MurmurHash3 (32 bits) over the two words of `vlan << 48 | mac`, with the basis as seed.
 */

/** Number of values that {@link hashSender} has. */
export const N_BOND_HASHES = 256;

/** 0 to 255. */
export function hashSender(mac: number, vlan: number, basis: number): number {
  const low = mac % 0x1_0000_0000;
  const high = (vlan << 16) | Math.floor(mac / 0x1_0000_0000);
  return finish(add(add(basis, low), high) ^ 8) % N_BOND_HASHES;
}

function add(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e_2d51);
  const mixed = hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b87_3593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe654_6b64) | 0;
}

function finish(value: number): number {
  let hash = Math.imul(value ^ (value >>> 16), 0x85eb_ca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
