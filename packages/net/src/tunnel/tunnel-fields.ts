/**
 * The tunnel fields of a FlowKey as one block: what a tunnel header said of a packet, or is to say.
 *
 * The block lies in a whole FlowKey, at the same words, so that the same array serves as metadata of a packet, as
 * argument of an action and as part of a key. Geneve options lie there as on the wire (see flow-key.ts).
 */
import { FIELDS } from "../flow-key.ts";

/** First word of the block. */
export const TUNNEL_START: number = FIELDS.tun_id.word;
/** One past the last word of the block. */
export const TUNNEL_END: number = FIELDS.tun_options.word + FIELDS.tun_options.nWords;
/** Bytes of options that a header can carry. */
export const MAX_OPTIONS_BYTES = 252;

/** Bits of `tun_flags`. */
export const TUNNEL_FLAG = { oam: 1, dontFragment: 2, checksum: 4, key: 8 } as const;

const OPTIONS = FIELDS.tun_options.word;
const OPTIONS_SIZE = FIELDS.tun_options_present.word + 1;
const SRC = FIELDS.tun_src.word;
const DST = FIELDS.tun_dst.word;
const DST6 = FIELDS.tun_ipv6_dst.word;

/** Bytes of Geneve options in a block. */
export function optionsSizeOf(key: Uint32Array): number {
  return key[OPTIONS_SIZE] ?? 0;
}

/** Makes the block one of no tunnel. */
export function clearTunnel(key: Uint32Array): void {
  key.fill(0, TUNNEL_START, OPTIONS + (optionsSizeOf(key) >>> 2));
}

/** Copies the block; what `to` held is gone. */
export function copyTunnel(to: Uint32Array, from: Uint32Array): void {
  const end = OPTIONS + (optionsSizeOf(from) >>> 2);
  const oldEnd = OPTIONS + (optionsSizeOf(to) >>> 2);
  for (let i = TUNNEL_START; i < end; i++) to[i] = from[i] ?? 0;
  if (oldEnd > end) to.fill(0, end, oldEnd);
}

/** Whether the two blocks say the same. */
export function isSameTunnel(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = TUNNEL_START; i < TUNNEL_END; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The family of the tunnel's addresses; 0 when the block is one of no tunnel. */
export function tunnelFamily(key: Uint32Array): 0 | 4 | 6 {
  if ((key[DST] ?? 0) !== 0 || (key[SRC] ?? 0) !== 0) return 4;
  for (let i = DST6; i < DST6 + 4; i++) if ((key[i] ?? 0) !== 0) return 6;
  return 0;
}
