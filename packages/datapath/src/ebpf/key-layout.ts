/**
 * The words of a FlowKey as the kernel's program has them: those that it can fill, and in which order of bytes.
 *
 * Words that are contiguous bytes of a packet are kept in the network's order, so that the program copies and never turns
 * them; keys and masks are turned once, when a flow is put. Words that are made of several fields are in the machine's order.
 * Whatever else a FlowKey has is zero in a packet that just came in, or is left to the slow path.
 */
import { FIELDS } from "@tenet/net";

/** How the bytes of a word lie: as a number here, or as in the packet (of which 2 or 4 bytes are used). */
type ByteOrder = "host" | "network16" | "network32";

/** What the program must read for a word. */
export type WordGroup = "port" | "ethernet" | "type" | "ip" | "ip4" | "ip6" | "label" | "arp" | "transport" | "flags";

/** A word that the program can fill. */
export interface KeyWord {
  /** In a FlowKey. */
  readonly word: number;
  readonly order: ByteOrder;
  readonly group: WordGroup;
}

function words(field: keyof typeof FIELDS, n: number, group: WordGroup, order: ByteOrder): KeyWord[] {
  return Array.from({ length: n }, (_, i) => ({ word: FIELDS[field].word + i, group, order }));
}

function address(field: "eth_dst" | "eth_src" | "arp_sha" | "arp_tha", group: WordGroup): KeyWord[] {
  const { word } = FIELDS[field];
  return [
    { word, group, order: "network16" },
    { word: word + 1, group, order: "network32" },
  ];
}

/** In the order in which they lie in the program's key. */
export const KEY_WORDS: readonly KeyWord[] = [
  ...words("in_port", 1, "port", "host"),
  ...address("eth_dst", "ethernet"),
  ...address("eth_src", "ethernet"),
  ...words("eth_type", 1, "type", "host"),
  ...words("nw_proto", 1, "ip", "host"),
  ...words("nw_src", 1, "ip4", "network32"),
  ...words("nw_dst", 1, "ip4", "network32"),
  ...words("ipv6_src", 4, "ip6", "network32"),
  ...words("ipv6_dst", 4, "ip6", "network32"),
  ...words("ipv6_label", 1, "label", "host"),
  ...address("arp_sha", "arp"),
  ...address("arp_tha", "arp"),
  ...words("tp_src", 1, "transport", "network32"),
  ...words("tcp_flags", 1, "flags", "host"),
];

/** Bytes of the program's key. */
export const KEY_BYTES: number = KEY_WORDS.length * 4;

const PLACE_OF_WORD = new Map(KEY_WORDS.map(({ word }, i) => [word, i]));

/** Which word of the program's key a word of a FlowKey is; `undefined` when the program does not fill it. */
export function placeOf(word: number): number | undefined {
  return PLACE_OF_WORD.get(word);
}

/** A word of a FlowKey, or of its mask, as the program has it. */
export function toKernel(value: number, { order }: KeyWord): number {
  if (order === "host") return value >>> 0;
  const swapped = ((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24);
  return (order === "network16" ? swapped >>> 16 : swapped) >>> 0;
}
