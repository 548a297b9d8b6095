/**
 * Reads a flow in the datapath's syntax, `in_port(2),eth(src=...,dst=...),eth_type(0x0800),ipv4(src=10.0.0.0/255.0.0.0),udp(...)`,
 * as `dpctl/add-flow` and `netdev-dummy/receive` take it and `dpctl/dump-flows` shows it.
 *
 * How: each group becomes fields of an OpenFlow match, whose parser does the rest. What is said of tunnels by flags and options
 * has no such fields and is set in the match itself.
 *
 * @see ovs-dpctl(8)
 */
import { ETH_TYPE, fieldOnes, FIELDS, type FieldName, getField, setField, VLAN_PRESENT } from "@tenet/net";
import { type Match, parseMatch } from "@tenet/openflow";
import { NO_ETH_TYPE } from "./format-odp-flow.ts";
import { parseLabels } from "./parse-odp-labels.ts";
import { setTunnel } from "./parse-odp-tunnel.ts";

/** Names of the match fields of each group, by their names in the group. */
const FIELDS_OF_GROUP: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  tunnel: { tun_id: "tun_id", src: "tun_src", dst: "tun_dst", ipv6_src: "tun_ipv6_src", ipv6_dst: "tun_ipv6_dst" },
  eth: { src: "dl_src", dst: "dl_dst" },
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
/** Groups that are one match field. */
const FIELD_OF_GROUP: Readonly<Record<string, string>> = {
  recirc_id: "recirc_id",
  dp_hash: "dp_hash",
  skb_mark: "pkt_mark",
  ct_state: "ct_state",
  ct_zone: "ct_zone",
  ct_mark: "ct_mark",
  ct_label: "ct_label",
};
const PASSED_OVER: ReadonlySet<string> = new Set(["in_port", "skb_priority", "packet_type", "vlan", "mpls"]);
const LABELLED: ReadonlySet<number> = new Set([ETH_TYPE.mpls, ETH_TYPE.mplsMulticast]);
const IP_TYPES: ReadonlySet<number> = new Set([ETH_TYPE.ip4, ETH_TYPE.ip6]);
const TAG_TYPES: ReadonlySet<number> = new Set([0x8100, 0x88a8]);
const TAG_FIELDS = [
  { tci: FIELDS.vlan_tci, tpid: FIELDS.vlan_tpid },
  { tci: FIELDS.vlan_tci1, tpid: FIELDS.vlan_tpid1 },
] as const;
/** Fields of which every flow says all. */
const EXACT: readonly FieldName[] = ["in_port", "recirc_id", "eth_type", "vlan_tci"];
const MAX_TOS = 0xff;

/**
 * The match that a text says; `undefined` when it is none. What it does not mention is not matched, but for the port, the kind of packet and its tag.
 *
 * @param portNoOf - the number of a port by its number or name as text
 * @throws SourceError when a field has a value that it cannot have
 */
export function parseOdpFlow(spacedText: string, portNoOf: (port: string) => number | undefined = Number): Match | undefined {
  const text = spacedText.replaceAll(/\s/g, "");
  const fields = toFields(text);
  if (fields === undefined) return undefined;
  const { key, mask } = parseMatch(withoutMissing(fields).join(","));
  const match = { key: key.slice(), mask: mask.slice() };
  const port = /(?:^|[,)])in_port\(([^)]*)\)/.exec(text)?.[1];
  const portNo = port === undefined ? 0 : portNoOf(port);
  if (portNo === undefined || Number.isNaN(portNo)) return undefined;
  setField(match.key, FIELDS.in_port, portNo);
  if (!setTags(match, text) || !setTos(match, /\bipv[46]\(([^)]*)\)/.exec(text)?.[1] ?? "")) return undefined;
  for (const name of EXACT) {
    const isPartial = name === "vlan_tci" && getField(match.key, FIELDS.vlan_tci) !== 0;
    setField(match.mask, FIELDS[name], isPartial ? getField(match.mask, FIELDS.vlan_tci) | VLAN_PRESENT : ones(name));
  }
  if (getField(match.mask, FIELDS.nw_frag) !== 0) setField(match.mask, FIELDS.nw_frag, ones("nw_frag"));
  const tunnelAt = /(?:^|[,)])tunnel\(/.exec(text);
  if (tunnelAt !== null) {
    const open = tunnelAt.index + tunnelAt[0].length - 1;
    if (!setTunnel(match, text.slice(open + 1, closingOf(text, open)))) return undefined;
  }
  return setLabels(match, text) ? match : undefined;
}

/** The fields but for a link-layer address that messages of their type have none of: the datapath says that it is zero. */
function withoutMissing(fields: readonly string[]): readonly string[] {
  const type = fields.find((field) => field.startsWith("icmpv6_type="));
  const missing = type === "icmpv6_type=136" ? /^nd_sll=[0:]+$/ : type === "icmpv6_type=135" ? /^nd_tll=[0:]+$/ : undefined;
  return missing === undefined ? fields : fields.filter((field) => !missing.test(field));
}

/** What is left of a text that is no match, from the first group on that cannot be read. */
export function unreadOf(text: string, isMatch: (text: string) => boolean): string {
  for (let at = 0; at < text.length; ) {
    const open = text.indexOf("(", at);
    const end = open < 0 ? -1 : closingOf(text, open);
    if (end < 0 || !isMatch(text.slice(0, end + 1))) return text.slice(at);
    at = end + 1 + (/^[,\s]*/.exec(text.slice(end + 1))?.[0].length ?? 0);
  }
  return text;
}

/** Sets what a text says of tags, outermost first. @returns whether a flow can say it */
function setTags({ key, mask }: Match, text: string): boolean {
  const tags = [...text.matchAll(/(?:\beth_type\((\w+)\)[,\s]*)?\bvlan\(([^)]*)\)/g)];
  for (const [i, [, tpid, content = ""]] of tags.entries()) {
    const fields = TAG_FIELDS[i];
    const [vid, pcp] = ["vid", "pcp"].map((name) => new RegExp(`\\b${name}=([^,]*)`).exec(content)?.[1]?.split("/").map(Number));
    const [value, bits] = [vid?.[0] ?? 0, vid === undefined ? 0 : (vid[1] ?? 0xfff)];
    const [priority, priorityBits] = [pcp?.[0] ?? 0, pcp === undefined ? 0 : (pcp[1] ?? 7)];
    if (fields === undefined || !(value <= 0xfff && bits <= 0xfff && priority <= 7 && priorityBits <= 7)) return false;
    setField(key, fields.tci, VLAN_PRESENT | (value & bits) | ((priority & priorityBits) << 13));
    setField(mask, fields.tci, VLAN_PRESENT | bits | (priorityBits << 13));
    if (tpid !== undefined) setField(key, fields.tpid, Number(tpid));
  }
  return true;
}

/** Sets what the content of `ipv4(...)` or `ipv6(...)` says of any bits of the type of service. @returns whether it can be said */
export function setTos({ key, mask }: Match, content: string): boolean {
  const text = /\b(?:tos|tclass)=([^,]*)/.exec(content)?.[1];
  if (text === undefined) return true;
  const [value = 0, bits = MAX_TOS] = text.split("/").map(Number);
  if (!(value <= MAX_TOS && bits <= MAX_TOS && IP_TYPES.has(getField(key, FIELDS.eth_type)))) return false;
  setField(key, FIELDS.nw_tos, value & bits);
  setField(mask, FIELDS.nw_tos, bits);
  return true;
}

/** Sets what a text says of labels, in one group for all of them. @returns whether it can be said of such packets */
function setLabels({ key, mask }: Match, text: string): boolean {
  const [group, ...others] = text.matchAll(/\bmpls\(([^)]*)\)/g);
  if (group === undefined) return true;
  const labels = parseLabels(group[1] ?? "");
  if (labels === undefined || others.length > 0 || !LABELLED.has(getField(key, FIELDS.eth_type))) return false;
  for (const { field, entry, bits } of labels) {
    setField(key, field, entry);
    setField(mask, field, bits);
  }
  return true;
}

function ones(name: FieldName): number {
  return Number(fieldOnes(FIELDS[name]));
}

function toFields(text: string): string[] | undefined {
  const fields: string[] = [];
  let rest = text.trim().replace(/^ufid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12},?/, "");
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
export function closingOf(text: string, at: number): number {
  let depth = 0;
  for (let i = at; i < text.length; i++) {
    if (text[i] === "(") depth++;
    else if (text[i] === ")" && --depth === 0) return i;
  }
  return -1;
}

/** The match fields of a group, as text; `undefined` when there is no such group. */
export function fieldsOf(group: string, content: string): string[] | undefined {
  if (PASSED_OVER.has(group)) return [];
  if (group === "encap") return toFields(content);
  if (group === "eth_type")
    return TAG_TYPES.has(Number(content)) ? [] : [`dl_type=${content === NO_ETH_TYPE ? ETH_TYPE.none : content}`];
  if (isNothing(content)) return [];
  if (group === "tcp_flags") return [`tcp_flags=${flagsOf(content)}`];
  const field = FIELD_OF_GROUP[group];
  if (field !== undefined) return [`${field}=${content}`];
  const names = FIELDS_OF_GROUP[group];
  if (names === undefined) return undefined;
  const fields: string[] = [];
  for (const [, key = "", value = ""] of content.matchAll(/(\w+)=([^,]*)/g)) {
    if (isNothing(value)) continue;
    if (names[key] !== undefined && !(key === "label" && Number(value) === 0)) fields.push(`${names[key]}=${value}`);
  }
  return fields;
}

/** Whether a value has a mask of no bits. */
function isNothing(value: string): boolean {
  const mask = value.split("/")[1];
  return mask !== undefined && /^(0x)?[0.:]+$/.test(mask);
}

/** `syn|ack`, or a number, as the match takes it. */
function flagsOf(content: string): string {
  if (/^(0x)?[0-9a-f]+(\/(0x)?[0-9a-f]+)?$/i.test(content)) return content;
  return content
    .split("|")
    .map((flag) => `+${flag}`)
    .join("");
}
