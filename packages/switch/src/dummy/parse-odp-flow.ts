/**
 * Reads a flow in the datapath's syntax, `eth(src=...,dst=...),eth_type(0x0800),ipv4(...),udp(...)`, as
 * `netdev-dummy/receive` takes it.
 *
 * How: each group becomes fields of an OpenFlow match, whose parser does the rest. Groups of the pipeline (`in_port`,
 * `recirc_id`, ...) say nothing about the packet and are passed over.
 *
 * @see ovs-dpctl(8)
 */
import { parseMatch } from "@tenet/openflow";

/** Names of the match fields of each group, by their names in the group. */
const FIELDS_OF_GROUP: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  eth: { src: "dl_src", dst: "dl_dst" },
  vlan: { vid: "dl_vlan", pcp: "dl_vlan_pcp" },
  ipv4: { src: "nw_src", dst: "nw_dst", proto: "nw_proto", ttl: "nw_ttl", frag: "nw_frag" },
  ipv6: { src: "ipv6_src", dst: "ipv6_dst", label: "ipv6_label", proto: "nw_proto", hlimit: "nw_ttl", frag: "nw_frag" },
  tcp: { src: "tp_src", dst: "tp_dst" },
  udp: { src: "tp_src", dst: "tp_dst" },
  sctp: { src: "tp_src", dst: "tp_dst" },
  icmp: { type: "icmp_type", code: "icmp_code" },
  icmpv6: { type: "icmpv6_type", code: "icmpv6_code" },
  arp: { sip: "arp_spa", tip: "arp_tpa", op: "arp_op", sha: "arp_sha", tha: "arp_tha" },
  nd: { target: "nd_target", sll: "nd_sll", tll: "nd_tll" },
  nd_ext: { nd_reserved: "nd_reserved", nd_options_type: "nd_options_type" },
};
const TOS_NAMES: readonly string[] = ["tos", "tclass"];
const PASSED_OVER: ReadonlySet<string> = new Set([
  "in_port",
  "recirc_id",
  "dp_hash",
  "skb_priority",
  "skb_mark",
  "ct_state",
  "ct_zone",
  "ct_mark",
  "ct_label",
  "packet_type",
]);
const TAG_TYPES: ReadonlySet<number> = new Set([0x8100, 0x88a8]);

/** The FlowKey that a text says; `undefined` when it is none. */
export function parseOdpFlow(text: string): Uint32Array | undefined {
  const match = toMatch(text);
  return match === undefined ? undefined : parseMatch(match.join(",")).key;
}

function toMatch(text: string): string[] | undefined {
  const fields: string[] = [];
  let rest = text.trim();
  while (rest !== "") {
    const [head, name = ""] = /^([a-z_0-9]+)\(/.exec(rest) ?? [];
    const end = head === undefined ? -1 : closingOf(rest, head.length - 1);
    if (head === undefined || end < 0) return undefined;
    const found = fieldsOf(name, rest.slice(head.length, end));
    if (found === undefined) return undefined;
    fields.push(...found);
    rest = rest.slice(end + 1).replace(/^[,\s]+/, "");
  }
  return fields;
}

/** The place of the parenthesis that closes the one at `at`; -1 when there is none. */
function closingOf(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if (text[i] === "(") depth++;
    else if (text[i] === ")" && --depth === 0) return i;
  }
  return -1;
}

function fieldsOf(group: string, content: string): string[] | undefined {
  if (PASSED_OVER.has(group)) return [];
  if (group === "encap") return toMatch(content);
  if (group === "eth_type") return TAG_TYPES.has(Number(content)) ? [] : [`dl_type=${content}`];
  if (group === "tcp_flags") return [`tcp_flags=${flagsOf(content)}`];
  const names = FIELDS_OF_GROUP[group];
  if (names === undefined) return undefined;
  const fields: string[] = [];
  for (const [, key = "", value = ""] of content.matchAll(/(\w+)=([^,]*)/g)) {
    if (TOS_NAMES.includes(key)) fields.push(`nw_tos=${Number(value) & 0xfc}`, `nw_ecn=${Number(value) & 3}`);
    else if (names[key] !== undefined && !(key === "label" && Number(value) === 0)) fields.push(`${names[key]}=${value}`);
  }
  return fields;
}

/** `syn|ack`, or a number, as the match takes it. */
function flagsOf(content: string): string {
  if (/^(0x)?[0-9a-f]+$/i.test(content)) return content;
  return content
    .split("|")
    .map((flag) => `+${flag}`)
    .join("");
}
