/**
 * Reads the actions of a flow in the datapath's syntax, as `dpctl/add-flow` takes them and `dpctl/dump-flows` shows them.
 *
 * Not taken are actions that refer to what only the slow path knows (`userspace`), that carry whole headers (`tnl_push`), and those
 * that this datapath lacks.
 *
 * @see ovs-dpctl(8)
 */
import type { DatapathAction } from "@tenet/datapath";
import { FIELDS, makeFlowKey, setField, setFieldBig, tryParseIp4, TUNNEL_FLAG } from "@tenet/net";
import { parseMatch } from "@tenet/openflow";
import { parseOdpCt } from "./parse-odp-ct.ts";
import { closingOf, fieldsOf, setTos } from "./parse-odp-flow.ts";

/** What packets must be for a group of fields to be set. */
const KIND_OF_GROUP: Readonly<Record<string, string>> = {
  eth: "",
  arp: "arp",
  ipv4: "ip",
  ipv6: "ipv6",
  tcp: "tcp",
  udp: "udp",
  sctp: "sctp",
  icmp: "icmp",
  icmpv6: "icmp6",
  nd: "icmp6,icmp_type=135",
};
const DEFAULT_TPID = 0x8100;

/** An action's name, and what is in its parentheses. */
interface ActionText {
  readonly name: string;
  /** Absent when it has no parentheses. */
  readonly content?: string;
}

/** Text that is no action. */
class NoAction extends Error {}

/**
 * The actions that a text lists; `undefined` when it has something that is none.
 *
 * @param portNoOf - the number of a port by its number or name as text
 */
export function parseOdpActions(
  text: string,
  portNoOf: (port: string) => number | undefined,
): readonly DatapathAction[] | undefined {
  try {
    return parseList(text, portNoOf);
  } catch (error) {
    if (error instanceof NoAction) return undefined;
    throw error;
  }
}

type PortNoOf = (port: string) => number | undefined;

function parseList(text: string, portNoOf: PortNoOf): DatapathAction[] {
  const parts = split(text);
  if (parts.length === 1 && parts[0]?.name === "drop") return [];
  return parts.map((part) => parseAction(part, portNoOf));
}

/** Parts with commas or blanks between them, but for those in parentheses. */
function split(text: string): ActionText[] {
  const parts: ActionText[] = [];
  for (let rest = text.trim(); rest !== ""; ) {
    const name = /^[\w.-]+/.exec(rest)?.[0];
    if (name === undefined) throw new NoAction();
    const end = rest[name.length] === "(" ? closingOf(rest, name.length) : name.length - 1;
    if (end < 0) throw new NoAction();
    parts.push(end < name.length ? { name } : { name, content: rest.slice(name.length + 1, end) });
    rest = rest.slice(end + 1).replace(/^[,\s]+/, "");
  }
  return parts;
}

function parseAction({ name, content = "" }: ActionText, portNoOf: PortNoOf): DatapathAction {
  const values = valuesIn(content);
  switch (name) {
    case "pop_vlan":
      return { type: "popVlan" };
    case "push_vlan":
      return {
        type: "pushVlan",
        tpid: number(values.get("tpid") ?? String(DEFAULT_TPID)),
        tci: (number(values.get("pcp") ?? "0") << 13) | number(values.get("vid")),
      };
    case "push_mpls":
      return { type: "pushMpls", ethType: number(values.get("eth_type")), entry: parseEntry(values) };
    case "pop_mpls":
      return { type: "popMpls", ethType: number(values.get("eth_type")) };
    case "trunc":
      return { type: "truncate", maxLength: number(content) };
    case "recirc":
      return { type: "recirc", id: number(content) };
    case "meter":
      return { type: "meter", meter: number(content) };
    case "hash":
      return { type: "hash", basis: number(/^(?:sym_)?l4\((\d+)\)$/.exec(content)?.[1]) };
    case "ct":
      return parseOdpCt(content) ?? fail();
    case "ct_clear":
      return { type: "ctClear" };
    case "tnl_pop":
      return { type: "tunnelPop", port: portNoOf(content) ?? fail() };
    case "clone":
      return { type: "clone", actions: parseList(content, portNoOf) };
    case "check_pkt_len":
      return parseCheckLength(content, portNoOf);
    case "set":
      return parseSet(content);
    default:
      return { type: "output", port: portNoOf(name) ?? fail() };
  }
}

function parseCheckLength(content: string, portNoOf: PortNoOf): DatapathAction {
  const size = /^size=(\d+),/.exec(content);
  const branches = size === null ? [] : split(content.slice(size[0].length));
  const actionsOf = (name: string): DatapathAction[] =>
    parseList(branches.find((branch) => branch.name === name)?.content ?? fail(), portNoOf);
  return { type: "checkLength", sizeBytes: number(size?.[1]), greater: actionsOf("gt"), lessOrEqual: actionsOf("le") };
}

function parseSet(content: string): DatapathAction {
  const [{ name, content: fields } = fail(), ...others] = split(content);
  if (fields === undefined || others.length > 0) return fail();
  if (name === "skb_priority") return { type: "setPriority", priority: number(fields) };
  if (name === "skb_mark") return { type: "setMark", mark: number(fields) };
  if (name === "tunnel") return parseTunnel(fields);
  if (name === "mpls") return parseMplsSet(valuesIn(fields));
  const kind = KIND_OF_GROUP[name];
  const texts = fieldsOf(name, fields);
  if (kind === undefined || texts === undefined) return fail();
  const { key, mask } = parseMatch([kind, ...texts].filter(Boolean).join(","));
  const given = parseMatch(kind).mask;
  const set = { key: key.slice(), mask: mask.map((bits, i) => bits & ~(given[i] ?? 0)) };
  return setTos(set, fields) ? { type: "setMasked", ...set } : fail();
}

function parseMplsSet(values: ReadonlyMap<string, string>): DatapathAction {
  const [key, mask] = [makeFlowKey(), makeFlowKey()];
  setField(key, FIELDS.mpls_lse, parseEntry(values));
  setField(mask, FIELDS.mpls_lse, 0xffffffff);
  return { type: "setMasked", key, mask };
}

/** An entry of an MPLS stack. */
function parseEntry(values: ReadonlyMap<string, string>): number {
  const [label = 0, tc = 0, bos = 0, ttl = 0] = ["label", "tc", "bos", "ttl"].map((name) => number(values.get(name)));
  return ((label << 12) | (tc << 9) | (bos << 8) | ttl) >>> 0;
}

function parseTunnel(content: string): DatapathAction {
  const values = valuesIn(content);
  const key = makeFlowKey();
  setFieldBig(key, FIELDS.tun_id, BigInt(values.get("tun_id") ?? "0"));
  for (const [name, field] of [
    ["src", FIELDS.tun_src],
    ["dst", FIELDS.tun_dst],
  ] as const) {
    const address = values.get(name);
    if (address !== undefined) setField(key, field, tryParseIp4(address) ?? fail());
  }
  setField(key, FIELDS.tun_tos, number(values.get("tos") ?? "0"));
  setField(key, FIELDS.tun_ttl, number(values.get("ttl") ?? "0"));
  const flags = /\bflags\(([^)]*)\)/.exec(content)?.[1] ?? "";
  const bits = { df: TUNNEL_FLAG.dontFragment, csum: TUNNEL_FLAG.checksum, key: TUNNEL_FLAG.key, oam: TUNNEL_FLAG.oam };
  let set = 0;
  for (const [name, bit] of Object.entries(bits)) if (flags.split("|").includes(name)) set |= bit;
  setField(key, FIELDS.tun_flags, set);
  return { type: "setTunnel", key, dstPort: number(values.get("tp_dst") ?? "0") };
}

function valuesIn(content: string): ReadonlyMap<string, string> {
  return new Map([...content.matchAll(/(\w+)=([^,()]*)/g)].map(([, name = "", value = ""]) => [name, value]));
}

function number(text: string | undefined): number {
  return text !== undefined && /^(0x[\da-f]+|\d+)$/i.test(text) ? Number(text) : fail();
}

function fail(): never {
  throw new NoAction();
}
