/** What datapath actions, as a trace prints them, do to a packet: the copies that leave, however they were made so. */

/** Headers of a packet by name, with its tags and MPLS labels, outermost first. */
interface Headers {
  readonly fields: ReadonlyMap<string, string>;
  readonly tags: readonly string[];
  readonly labels: readonly string[];
}

/** Names of datapath ports by number. */
export type PortNames = ReadonlyMap<string, string>;

/** Each copy that leaves: where, and what it looks like; in the order of their texts. */
export function departures(trace: string, sent: string, names: PortNames): string[] {
  const passes = [...trace.matchAll(/Datapath actions: (.*)/g)].map(([, actions = ""]) => actions);
  if (passes.length === 0) throw new Error(`there are no actions in ${trace}`);
  const walk = new Walk(names);
  const waiting = [headersOf(sent)];
  for (const actions of passes) {
    const headers = waiting.shift();
    if (headers === undefined) throw new Error(`a pass too many in ${trace}`);
    waiting.unshift(...walk.run(actions, headers, ""));
  }
  return walk.left.sort();
}

class Walk {
  readonly left: string[] = [];
  readonly #names: PortNames;

  constructor(names: PortNames) {
    this.#names = names;
  }

  /** Carries out a list. @returns the packets that come back from the connection tracker */
  run(text: string, start: Headers, branch: string): Headers[] {
    const fields = new Map(start.fields);
    const tags = [...start.tags];
    const labels = [...start.labels];
    const waiting: Headers[] = [];
    let before = "";
    let cut = "";
    for (const action of split(text)) {
      const now = { fields: new Map(fields), tags: [...tags], labels: [...labels] };
      const [, name = "", inner = ""] = /^(\w+)(?:\((.*)\))?$/s.exec(action) ?? [];
      if (name === "pop_vlan") tags.shift();
      else if (name === "push_vlan") tags.unshift(inner.replace(/^tpid=\w+,/, ""));
      else if (name === "set") setFields(inner, fields, labels);
      else if (name === "push_mpls") labels.unshift(inner.replace(/,eth_type=.*/, ""));
      else if (name === "pop_mpls") labels.shift();
      else if (name === "trunc") cut = ` cut to ${inner}`;
      else if (name === "clone") waiting.push(...this.run(inner, now, branch));
      else if (name === "check_pkt_len") {
        const [size = "", ...branches] = split(inner);
        for (const part of branches) waiting.push(...this.run(part.slice(3, -1), now, `${branch}${size} ${part.slice(0, 2)} `));
      } else if (name === "recirc" && before.startsWith("ct")) waiting.push(now);
      else if (name === "ct" || name === "ct_clear") this.left.push(`${branch}${action}`);
      else if (name !== "drop" && name !== "hash") {
        // Which controller, and what it is told, each says in its own way.
        const to = name === "userspace" ? "controller" : (this.#names.get(action) ?? name);
        this.left.push(`${branch}${to} ${JSON.stringify([[...fields].sort(), tags, labels])}${cut}`);
        cut = "";
      }
      before = action;
    }
    return waiting;
  }
}

/** Parts between commas that stand in no parenthesis. */
function split(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const c = text[i];
    if (c === "(") depth++;
    else if (c === ")") depth--;
    else if ((c === "," && depth === 0) || c === undefined) {
      if (i > start) parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  return parts;
}

function setFields(inner: string, fields: Map<string, string>, labels: string[]): void {
  const [, group = "", list = ""] = /^(\w+)\((.*)\)$/.exec(inner) ?? [];
  if (group === "mpls") {
    const entry = new Map((labels[0] ?? "").split(",").map((part) => part.split("=") as [string, string]));
    for (const part of list.split(",")) entry.set(...(part.split("=") as [string, string]));
    labels[0] = [...entry].map((pair) => pair.join("=")).join(",");
    return;
  }
  if (group.startsWith("skb_")) fields.set(group, list);
  else {
    for (const part of list.split(",")) {
      const [name = "", value = ""] = part.split("=");
      const layer = group === "tcp" || group === "udp" ? "tp" : group;
      const [plain = "", mask] = value.split("/");
      const key = `${layer}.${name}`;
      if (group === "ipv4" && mask?.includes(".") === true) fields.set(key, masked(fields.get(key) ?? "", plain, mask));
      else fields.set(key, name === "tos" || name === "tclass" ? String(Number(plain)) : plain);
    }
  }
}

/** An IPv4 address with some of its bits set. */
function masked(before: string, value: string, mask: string): string {
  const bits = mask.split(".").map(Number);
  const set = value.split(".").map(Number);
  return before
    .split(".")
    .map((byte, i) => (Number(byte) & ~(bits[i] ?? 0)) | ((set[i] ?? 0) & (bits[i] ?? 0)))
    .join(".");
}

function headersOf(sent: string): Headers {
  const value = (key: string): string | undefined => new RegExp(`\\b${key}=([^,]*)`).exec(sent)?.[1];
  const found: [string, string | undefined][] = [
    ["eth.src", value("dl_src")],
    ["eth.dst", value("dl_dst")],
    ["ipv4.src", value("nw_src")],
    ["ipv4.dst", value("nw_dst")],
    ["ipv4.ttl", value("nw_ttl")],
    ["ipv4.tos", "0"],
    ["tp.src", value("tp_src") ?? value("udp_src")],
    ["tp.dst", value("tp_dst") ?? value("udp_dst")],
  ];
  const fields = new Map(found.filter((field): field is [string, string] => field[1] !== undefined));
  const [label, bos] = [value("mpls_label"), value("mpls_bos")];
  const labels = label === undefined ? [] : [`label=${label},tc=${value("mpls_tc")},ttl=${value("mpls_ttl")},bos=${bos}`];
  const tags = value("dl_vlan") === undefined ? [] : [`vid=${value("dl_vlan")},pcp=0`];
  return { fields, tags, labels };
}
