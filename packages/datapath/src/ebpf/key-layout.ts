/**
 * The words of a FlowKey as the kernel's program has them: those that it can fill, and in which order of bytes.
 *
 * Words that are contiguous bytes of a packet are kept in the network's order, so that the program copies and never turns
 * them; keys and masks are turned once, when a flow is put. Words that are made of several fields are in the machine's order.
 * Whatever else a FlowKey has is zero in a packet that the program looks up, or the packet is left to the slow path.
 *
 * First come the words of what is known of a packet besides its bytes: they go along when it is looked up again, or goes up.
 */
import { FIELDS } from "@tenet/net";

/** How the bytes of a word lie: as a number here, or as in the packet (of which 2 or 4 bytes are used). */
type ByteOrder = "host" | "network16" | "network32";

/** What the program must read for a word; `metadata` it knows without. */
export type WordGroup =
  | "metadata"
  | "ethernet"
  | "type"
  | "ip"
  | "ip4"
  | "ip6"
  | "label"
  | "arp"
  | "mpls"
  | "transport"
  | "flags";

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

function metadata(field: keyof typeof FIELDS, n = 1, order: ByteOrder = "host", first = 0): KeyWord[] {
  return words(field, first + n, "metadata", order).slice(first);
}

/** Options of a tunnel's header that the program can hold: as many as OVN has. */
export const OPTION_WORDS = 2;

const METADATA: readonly KeyWord[] = [
  ...metadata("in_port"),
  ...metadata("recirc_id"),
  ...metadata("dp_hash"),
  ...metadata("ct_state"),
  ...metadata("ct_zone"),
  ...metadata("ct_mark"),
  ...metadata("ct_label", 4),
  ...metadata("ct_nw_proto"),
  ...metadata("ct_nw_src", 1, "network32"),
  ...metadata("ct_nw_dst", 1, "network32"),
  ...metadata("ct_ipv6_src", 4, "network32"),
  ...metadata("ct_ipv6_dst", 4, "network32"),
  ...metadata("ct_tp_src", 1, "network32"),
  ...metadata("tun_id", 1, "host", 1), // no protocol has more than 32 bits
  ...metadata("tun_src", 1, "network32"),
  ...metadata("tun_dst", 1, "network32"),
  ...metadata("tun_ipv6_src", 4, "network32"),
  ...metadata("tun_ipv6_dst", 4, "network32"),
  ...metadata("tun_flags"),
  ...metadata("tun_gbp_id"),
  ...metadata("tun_options_present", 1, "host", 1), // the size of the options
  ...metadata("tun_options", OPTION_WORDS, "network32"),
];

/** In the order in which they lie in the program's key. */
export const KEY_WORDS: readonly KeyWord[] = [
  ...METADATA,
  ...address("eth_dst", "ethernet"),
  ...address("eth_src", "ethernet"),
  ...words("eth_type", 1, "type", "host"),
  ...words("mpls_lse", 3, "mpls", "network32"),
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

/** The place of the port's number. */
const IN_PORT = 0;

/** Bytes that the program's key takes, a multiple of 8. */
export const KEY_BYTES: number = Math.ceil(KEY_WORDS.length / 2) * 8;

/** Bytes at the start of the key that are metadata, a multiple of 8. */
export const METADATA_BYTES: number = METADATA.length * 4;

const PLACE_OF_WORD = new Map(KEY_WORDS.map(({ word }, i) => [word, i]));

/** Which word of the program's key a word of a FlowKey is; `undefined` when the program does not fill it. */
export function placeOf(word: number): number | undefined {
  return PLACE_OF_WORD.get(word);
}

/** Whether the program of a pass fills a place: of a packet that has just come in no metadata is known but its port. */
export function fillsPlace(pass: "first" | "later", place: number): boolean {
  return pass === "later" || place === IN_PORT || KEY_WORDS[place]?.group !== "metadata";
}

/** Whether a flow is one of packets of which more is known than their port: they came out of a tunnel, or are looked up again. */
export function hasMetadata(key: Uint32Array, mask: Uint32Array): boolean {
  return METADATA.some(({ word }, place) => place !== IN_PORT && ((key[word] ?? 0) & (mask[word] ?? 0)) !== 0);
}

/** A word of a FlowKey, or of its mask, as the program has it. */
export function toKernel(value: number, { order }: KeyWord): number {
  if (order === "host") return value >>> 0;
  const swapped = swap(value);
  return order === "network16" ? swapped >>> 16 : swapped;
}

/** What {@link toKernel} was given. */
export function fromKernel(value: number, { order }: KeyWord): number {
  return order === "network16" ? swap(value) >>> 16 : order === "network32" ? swap(value) : value;
}

function swap(value: number): number {
  return (((value & 0xff) << 24) | ((value & 0xff00) << 8) | ((value >>> 8) & 0xff00) | (value >>> 24)) >>> 0;
}
