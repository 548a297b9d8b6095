/** What address translation does to a traced packet: the first address and port of the range, without a look at connections. */
import type { CtNat } from "@tenet/datapath";
import { FIELDS, getField, setField } from "@tenet/net";
import { formatAddress } from "./format-ct.ts";

/** Addresses and ports before and after, as the original tells them; empty when the action gives no address. */
export interface SimulatedNat {
  readonly initial: string;
  readonly modified: string;
}

const FAMILIES = {
  ip4: { src: FIELDS.nw_src, dst: FIELDS.nw_dst },
  ip6: { src: FIELDS.ipv6_src, dst: FIELDS.ipv6_dst },
} as const;

/** Translates the packet `key` in place. */
export function simulateNat(key: Uint32Array, { side, firstAddress, firstPort }: CtNat): SimulatedNat {
  if (side === undefined || firstAddress === undefined) return { initial: "", modified: "" };
  const family = firstAddress.length === 1 ? "ip4" : "ip6";
  const initial = describe(key, family);
  key.set(firstAddress, FAMILIES[family][side].word);
  if (firstPort !== 0) setField(key, side === "src" ? FIELDS.tp_src : FIELDS.tp_dst, firstPort);
  return { initial, modified: describe(key, family) };
}

function describe(key: Uint32Array, family: keyof typeof FAMILIES): string {
  const { src, dst } = FAMILIES[family];
  const show = ({ word, nWords }: { word: number; nWords: number }): string => formatAddress(key.subarray(word, word + nWords));
  const ports = [getField(key, FIELDS.tp_src), getField(key, FIELDS.tp_dst)];
  if (family === "ip4") return `nw_src=${show(src)},tp_src=${ports[0]},nw_dst=${show(dst)},tp_dst=${ports[1]}`;
  return `ipv6_src=[${show(src)}],tp_src=${ports[0]},ipv6_dst=[${show(dst)}],tp_dst=${ports[1]}`;
}
