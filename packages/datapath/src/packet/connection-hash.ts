/** The hash by which equals are chosen in the slow path's name: one for both directions of a connection. */
import { FIELDS, finishHash, getField, hashWord, IP_PROTO, NW_FRAG, parseFlowKey } from "@tenet/net";
import type { Packet } from "./packet.ts";

const WITH_PORTS: ReadonlySet<number> = new Set([IP_PROTO.tcp, IP_PROTO.udp, IP_PROTO.sctp]);
/** Words of addresses whose sum is the same both ways: IPv4, then IPv6. */
const PAIRS: readonly (readonly [a: number, b: number])[] = [
  [FIELDS.nw_src.word, FIELDS.nw_dst.word],
  ...Array.from({ length: 4 }, (_, i) => [FIELDS.ipv6_src.word + i, FIELDS.ipv6_dst.word + i] as const),
];
const ETHERNET: readonly (readonly [a: number, b: number])[] = [0, 1].map((i) => [
  FIELDS.eth_src.word + i,
  FIELDS.eth_dst.word + i,
]);

/** The hash of addresses, protocol and ports, and of Ethernet where there are none; never 0. */
export function hashConnection(packet: Packet, basis: number, vlanLimit: number): number {
  const { key } = packet;
  parseFlowKey(packet.arena.bytes, packet.length, packet.inPort, key, packet.at, vlanLimit); // it was rewritten, maybe
  const proto = getField(key, FIELDS.nw_proto);
  let hash = basis;
  for (const [a, b] of proto === 0 ? ETHERNET : PAIRS) hash = hashWord(hash, (key[a] ?? 0) ^ (key[b] ?? 0));
  hash = hashWord(hash, proto);
  const isLater = (getField(key, FIELDS.nw_frag) & NW_FRAG.later) !== 0;
  if (WITH_PORTS.has(proto) && !isLater) hash = hashWord(hash, getField(key, FIELDS.tp_src) ^ getField(key, FIELDS.tp_dst));
  return finishHash(hash, basis) || 1;
}
