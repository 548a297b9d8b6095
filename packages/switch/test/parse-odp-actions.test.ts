/** Flows and actions in the datapath's syntax: what is written is what was read. */
import { fieldOnes, FIELDS, getField } from "@tenet/net";
import { parseMatch } from "@tenet/openflow";
import { expect, test } from "vitest";
import { formatDatapathActions } from "../src/trace/format-datapath.ts";
import { parseOdpActions } from "../src/trace/parse-odp-actions.ts";
import { parseOdpFlow } from "../src/trace/parse-odp-flow.ts";

test.each([
  ["ip", "drop"],
  ["ip", "1,trunc(100),2"],
  ["ip", "push_vlan(vid=5,pcp=1),pop_vlan,push_vlan(tpid=0x88a8,vid=6,pcp=0)"],
  ["ip", "push_mpls(label=5,tc=1,ttl=3,bos=1,eth_type=0x8847),pop_mpls(eth_type=0x800),set(mpls(label=5,tc=0,ttl=64,bos=1))"],
  ["tcp", "set(eth(src=02:00:00:00:00:09)),set(ipv4(dst=10.0.0.0/255.0.0.0,tos=0x4/0xfc,ttl=5)),set(tcp(dst=81))"],
  ["ip", "set(ipv4(tos=0x10/0x30)),set(ipv4(tos=0x1/0x7)),set(ipv4(tos=0x55))"],
  ["udp6", "set(ipv6(src=fd00::1,tclass=0x8/0xfc,hlimit=9)),set(udp(src=1,dst=2))"],
  ["arp", "set(arp(sip=1.2.3.4,op=2,sha=02:00:00:00:00:01))"],
  ["icmp6,icmp_type=135", "set(nd(target=fd00::7,sll=02:00:00:00:00:01))"],
  [
    "ip",
    "ct(commit,zone=5,mark=0x1/0xff,label=0x1/0xff,helper=ftp,nat(src=10.0.0.5-10.0.0.9:1-9,persistent,random)),recirc(0x7)",
  ],
  ["ip", "ct,ct_clear,ct(force_commit,nat),ct(nat(dst=[fd00::1]:80))"],
  ["ip", "hash(sym_l4(3)),meter(4),set(skb_priority(0x5)),set(skb_mark(0x6)),tnl_pop(8)"],
  ["ip", "check_pkt_len(size=100,gt(drop),le(clone(1,pop_vlan),2))"],
  ["ip", "set(tunnel(tun_id=0x5,src=1.1.1.1,dst=2.2.2.2,tos=0x8,ttl=64,tp_dst=4789,flags(df|key)))"],
])("actions on %s: %s", (kind, text) => {
  const actions = parseOdpActions(text, Number);
  expect(actions && formatDatapathActions(actions, parseMatch(kind).key)).toBe(text);
});

test.each(["nosuch", "ct(bogus)", "ct(nat(src=x))", "check_pkt_len(size=1,gt(1))", "1,drop", "(", "push_vlan()"])(
  "%s lists no actions",
  (text) => {
    expect(parseOdpActions(text, (port) => (/^\d+$/.test(port) ? Number(port) : undefined))).toBeUndefined();
  },
);

test("a value that a field cannot have is refused", () => {
  expect(() => parseOdpActions("set(eth(src=1))", Number)).toThrow('Cannot read "1" as an Ethernet address');
});

test("a flow matches its port, its kind of packet and what it says", () => {
  const { key, mask } = parseOdpFlow(
    "recirc_id(0x5),ct_state(+est-new),in_port(p7),eth(),eth_type(0x8100),vlan(vid=9),encap(eth_type(0x0800),ipv4(src=10.0.0.0/255.0.0.0,proto=6,tos=0x4/0xfc,ttl=0/0,frag=no),tcp(dst=80))",
    (name) => (name === "p7" ? 7 : undefined),
  ) ?? { key: new Uint32Array(0), mask: new Uint32Array(0) };
  const shown = (
    ["recirc_id", "in_port", "eth_type", "vlan_tci", "nw_src", "nw_proto", "nw_tos", "nw_ttl", "nw_frag", "tp_dst"] as const
  ).map((name) => [name, getField(key, FIELDS[name]), getField(mask, FIELDS[name])]);
  const ones = (name: "recirc_id" | "in_port" | "nw_frag"): number => Number(fieldOnes(FIELDS[name]));
  expect(shown).toEqual([
    ["recirc_id", 5, ones("recirc_id")],
    ["in_port", 7, ones("in_port")],
    ["eth_type", 0x0800, 0xffff],
    ["vlan_tci", 0x1009, 0x1fff],
    ["nw_src", 0x0a000000, 0xff000000],
    ["nw_proto", 6, 0xff],
    ["nw_tos", 4, 0xfc],
    ["nw_ttl", 0, 0],
    ["nw_frag", 0, ones("nw_frag")],
    ["tp_dst", 80, 0xffff],
  ]);
});

const TUNNEL = "tunnel(tun_id=0x5,src=1.1.1.1,dst=2.2.2.2,tos=0x4,ttl=64,geneve({class=0x1,type=0x2,len=4,%}),flags(key))";
const flowOf = (option: string): ReturnType<typeof parseOdpFlow> =>
  parseOdpFlow(`${TUNNEL.replace("%", option)},in_port(1),eth(),eth_type(0x0800),ipv4(frag=no)`);

test("what a flow says of its tunnel is not said of the packet inside", () => {
  const match = flowOf("0xab/0xf0");
  const shown = (["tun_tos", "tun_ttl", "nw_tos", "nw_ttl"] as const).map((name) => [
    match && getField(match.key, FIELDS[name]),
    match && getField(match.mask, FIELDS[name]),
  ]);
  expect(shown).toEqual([
    [4, 0xff],
    [64, 0xff],
    [0, 0],
    [0, 0],
  ]);
  const option = FIELDS.tun_options.word + 1;
  expect([match?.key[option], match?.mask[option]]).toEqual([0xa0, 0xf0]);
});

test.each(["0x", "1", "0x1/", "0x1/0x2/0x3", "0x1x"])("an option of a tunnel that is %s is none", (option) => {
  expect(flowOf(option)).toBeUndefined();
});

test.each([
  ["0x0800", "0x100"],
  ["0x0800", "1/0x100"],
  ["0x0800", "x"],
  ["0x0806", "1"],
])("a packet of type %s has no type of service %s", (type, tos) => {
  expect(parseOdpFlow(`in_port(1),eth(),eth_type(${type}),ipv4(tos=${tos})`)).toBeUndefined();
});
