/**
 * `multipath` and `bundle`: one of several links or ports for a packet, by its hash.
 *
 * Both read what they hash. Which ports are alive is known to the caller.
 *
 * @see RFC 2992 (`hash_threshold`); Thaler and Ravishankar, "A name-based mapping scheme for rendezvous", 1996 (`hrw`)
 */
import { hashTwo } from "@tenet/net";
import { type BundleAction, type MultipathAction, PORT } from "@tenet/openflow";
import { hashPacket } from "../packet/flow-hash.ts";
import type { PacketState } from "../packet/packet-state.ts";

/** Links beyond which `hrw` would cost too much; it is answered by `iter_hash` then. */
const MAX_HRW_LINKS = 64;
const ALL_HASHES = 0xffff_ffff;

/** The number of the link, from 0. */
export function chooseLink({ fields, basis, algorithm, nLinks, argument }: MultipathAction, packet: PacketState): number {
  const hash = hashPacket(packet, fields, basis);
  switch (algorithm) {
    case "modulo_n":
      return hash % nLinks;
    case "hash_threshold":
      return nLinks === 1 ? 0 : Math.floor(hash / (Math.floor(ALL_HASHES / nLinks) + 1));
    case "hrw":
      return nLinks <= MAX_HRW_LINKS ? highestScore(nLinks, (link) => hashTwo(hash, link)) : byIteration(hash, nLinks, argument);
    case "iter_hash":
      return byIteration(hash, nLinks, argument);
  }
}

/** Hashes again until a link comes out; with a modulus beyond the links, few packets move when a link is added. */
function byIteration(hash: number, nLinks: number, argument: number): number {
  const modulus = argument < nLinks || argument / 2 > nLinks ? 2 ** Math.ceil(Math.log2(nLinks)) : argument;
  for (let round = 0; ; round++) {
    const link = (hashTwo(hash, round) % modulus) & 0xffff;
    if (link < nLinks) return link;
  }
}

/** The OpenFlow port of the member; `PORT.NONE` when none is alive. */
export function chooseMember(action: BundleAction, packet: PacketState, isAlive: (port: number) => boolean): number {
  const { fields, basis, algorithm, members } = action;
  if (algorithm === "active_backup") return members.find(isAlive) ?? PORT.NONE;
  const hash = hashPacket(packet, fields, basis);
  const best = highestScore(members.length, (i) => (isAlive(members[i] ?? PORT.NONE) ? hashTwo(i, hash) : -1));
  return members[best] ?? PORT.NONE;
}

/** The first number below `n` with the highest score; -1 when every score is negative. */
function highestScore(n: number, scoreOf: (i: number) => number): number {
  let best = -1;
  let bestScore = -1;
  for (let i = 0; i < n; i++) {
    const score = scoreOf(i);
    if (score <= bestScore) continue;
    bestScore = score;
    best = i;
  }
  return best;
}
