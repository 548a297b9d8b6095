/** The datapath's own commands by the real ovs-appctl: this switch and Debian's answer alike, to what is right and to what is wrong. */
import { expect, test, vi } from "vitest";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`dpctl.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const DP = "dummy@ovs-dummy";
const ADDRESSES = "eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:02)";
const IP = "in_port(p1),eth(),eth_type(0x0800),ipv4(frag=no)";
const ARP = "in_port(p3),eth(),eth_type(0x0806),arp()";
const NARROW = `in_port(p2),${ADDRESSES},eth_type(0x0800),ipv4(src=10.0.0.0/255.255.255.0,proto=6,frag=no),tcp(dst=80)`;

const FLOW_FILE = `# comment
${IP} drop

add ${NARROW} pop_vlan
modify ${IP} pop_vlan
bogus line
delete ${NARROW}
modify ${ARP} drop
  add   ${ARP}   pop_vlan
add in_port(3)
`;
const TAGGED = "in_port(p2),eth(),eth_type(0x8100),vlan(vid=5,pcp=1),encap(eth_type(0x0800),ipv4(proto=6,frag=no),tcp(dst=80))";
const LABELLED = "in_port(p3),eth(),eth_type(0x8847),mpls(label=5,tc=1,ttl=64,bos=1)";
const STACKED = "in_port(p3),eth(),eth_type(0x8848),mpls(label=5,tc=1,ttl=64,bos=0,label=6,tc=1,ttl=64,bos=1)";
const PARTIAL =
  "in_port(p2),eth(),eth_type(0x8848),mpls(label=4096/0xff000,tc=1/1,ttl=0/0x0,bos=0/1,label=6/0xfffff,tc=0/0,ttl=0/0x0,bos=1/1)";

/** Arguments of `dpctl/` commands, in the order in which they are given. */
const FLOW_COMMANDS: readonly (readonly string[])[] = [
  ["add-flow", IP, "push_vlan(vid=5,pcp=1),set(eth(src=02:00:00:00:00:09))"],
  ["add-flow", IP, "drop"],
  [
    "add-flow",
    DP,
    NARROW,
    "set(ipv4(ttl=5,tos=0x4/0xfc)),set(tcp(dst=81)),ct(commit,zone=5,mark=0x1/0xff,nat(src=10.0.0.5:1-9)),recirc(7)",
  ],
  ["dump-flows", "--names"],
  ["dump-flows", "--names", DP],
  ["dump-flows", "--names", "filter=ip"],
  ["dump-flows", "--names", "filter=tcp,tp_dst=80"],
  ["dump-flows", "--names", "filter=in_port=p2"],
  ["dump-flows", "filter=bogus"],
  ["dump-flows", "--names", "type=ovs"],
  ["dump-flows", "--names", "type=offloaded,dpdk"],
  ["dump-flows", "type=bogus"],
  ["dump-flows", "--names", "pmd=-1"],
  ["dump-flows", "pmd=0"],
  ["dump-flows", "--bogus"],
  ["dump-flows", "-x"],
  ["dump-flows", "nosuch"],
  ["dump-flows", "system@ovs-system"],
  ["mod-flow", IP, "trunc(100),pop_vlan,ct_clear,meter(3)"],
  ["mod-flow", "-s", NARROW, "check_pkt_len(size=100,gt(drop),le(pop_vlan)),set(skb_priority(0x5))"],
  ["mod-flow", NARROW, "set(tunnel(tun_id=0x5,src=1.1.1.1,dst=2.2.2.2,ttl=64,tp_dst=4789,flags(df|key)))"],
  ["dump-flows", "--names"],
  ["mod-flow", ARP, "drop"],
  ["mod-flow", "--may-create", ARP, "clone(pop_vlan),ct(force_commit,label=0x1/0xff,helper=ftp,nat)"],
  ["mod-flow", "--clear", ARP, "drop"],
  ["dump-flows", "--names", "filter=arp"],
  ["add-flow", TAGGED, "pop_vlan"],
  ["add-flow", LABELLED, "drop"],
  ["add-flow", STACKED, "drop"],
  ["add-flow", PARTIAL, "drop"],
  ["dump-flows", "--names"],
  ["ct-stats-show", "verbose"],
  ["ct-stats-show", "zone=5", "verbose"],
  ["mod-flow", "in_port(p3)", "drop"],
  ["add-flow", "bogus(3)", "drop"],
  ["add-flow", "in_port(p1), eth(),bogus(3),tcp()", "drop"],
  ["add-flow", "in_port(p1),eth(src=1),eth_type(0x800)", "drop"],
  ["add-flow", LABELLED.replace("ttl=64", "ttl=256"), "drop"],
  ["mod-flow", "in_port(p1),eth(),eth_type(0x800", "drop"],
  ["del-flow", "in_port(p1),eth(),bogus"],
  ["add-flow", "in_port(nosuch),eth()", "drop"],
  ["add-flow", "in_port(p2),eth(),eth_type(0x86dd),ipv6()", "bogus"],
  ["add-flow", "in_port(p2),eth(),eth_type(0x86dd),ipv6()", ""],
  ["add-flow", IP],
  ["add-flow", "nosuch", IP, "drop"],
  ["add-flow", "a", DP, IP, "drop"],
  ["get-flow", "ufid:c5f9a0b1-59e0-4384-a521-a75fbde1e1a8"],
  ["get-flow", "nosuch", "ufid:c5f9a0b1-59e0-4384-a521-a75fbde1e1a8"],
  ["get-flow"],
  ["del-flow", "-s", IP],
  ["del-flow", IP],
  ["del-flow", "nosuch", IP],
  ["del-flow", "ufid:c5f9a0b1-59e0-4384-a521-a75fbde1e1a8"],
  ["dump-flows", "--names"],
  ["del-flows"],
  ["dump-flows", "--names"],
  ["add-flows", "DIR/flows.txt"],
  ["dump-flows", "--names"],
  ["mod-flows", "DIR/flows.txt"],
  ["del-flows"],
  ["add-flow", "-s", ARP, "drop"],
  ["add-flows", "-s", "DIR/flows.txt"],
  ["del-flows", "DIR/flows.txt"],
  ["dump-flows", "--names"],
  ["del-flows", DP],
];

const PORT_COMMANDS: readonly (readonly string[])[] = [
  ["add-if"],
  ["add-if", DP, "q1,type=dummy"],
  ["add-if", DP, "q3,type=bogus"],
  ["add-if", DP, "tenetnosuch"],
  ["set-if", DP, "q1,type=system"],
  ["set-if", DP, "nosuch,foo=bar"],
  ["set-if", DP, "p1,type=dummy", "br0,type=dummy-internal"],
  ["set-if", DP, "p1,type=system"],
  ["set-if", DP, "br0,type=internal"],
  ["set-if", DP, "p1,port_no=77"],
  ["del-if", DP, "nosuch"],
  ["del-if", DP, "77"],
  ["add-dp", DP],
  ["cache-get-size"],
  ["cache-set-size", DP, "emc", "3"],
  ["cache-set-size", DP, "emc", "x"],
  ["cache-set-size", "emc", "3"],
  ["offload-stats-show"],
  ["offload-stats-show", "nosuch"],
];

const TRACKER_COMMANDS: readonly (readonly string[])[] = [
  ["ct-bkts"],
  ["ct-bkts", "gt=1"],
  ["ct-bkts", DP, "gt=0"],
  ["ct-bkts", "gt=x"],
  ["ct-bkts", "nosuch"],
  ["ct-stats-show"],
  ["ct-stats-show", "-m"],
  ["ct-stats-show", "zone=5"],
  ["ct-stats-show", DP, "zone=0"],
  ["ct-stats-show", "zone=x"],
  ["ct-stats-show", "--bogus"],
  ["dump-conntrack"],
  ["dump-conntrack", "-m"],
  ["dump-conntrack", "--more", "--statistics", DP, "zone=0"],
  ["dump-conntrack", "zone=5"],
  ["dump-conntrack", "zone=x"],
  ["dump-conntrack", "--bogus"],
  ["ct-get-nconns"],
  ["ct-get-nconns", "nosuch"],
  ["ct-set-limits", "default=5"],
  ["ct-set-limits", "zone=1,limit=3", "zone=2,limit=4"],
  ["ct-set-limits", DP, "default=6", "zone=3,limit=1"],
  ["ct-set-limits", "zone=1"],
  ["ct-set-limits", "zone=x,limit=3"],
  ["ct-set-limits", "zone=1,limit=x"],
  ["ct-set-limits", "zone=1,foo=3"],
  ["ct-set-limits", "zone=70000,limit=3"],
  ["ct-set-limits", "default=x"],
  ["ct-set-limits", "nosuch", "zone=1,limit=2"],
  ["ct-set-limits"],
  ["ct-get-limits"],
  ["ct-get-limits", "zone=1,9"],
  ["ct-get-limits", DP, "zone=2"],
  ["ct-get-limits", "zone=x"],
  ["ct-get-limits", "zones=1"],
  ["ct-get-limits", "nosuch", "zone=1"],
  ["ct-del-limits", "zone=1,77"],
  ["ct-del-limits", DP, "zone=3"],
  ["ct-del-limits", "zone=2,x"],
  ["ct-del-limits", "bogus"],
  ["ct-get-limits", DP],
  ["ct-set-maxconns", "10"],
  ["ct-set-maxconns", DP, "11"],
  ["ct-set-maxconns", "x"],
  ["ct-set-maxconns", "nosuch", "5"],
  ["ct-get-maxconns"],
  ["ct-get-tcp-seq-chk"],
  ["ct-disable-tcp-seq-chk"],
  ["ct-get-tcp-seq-chk", DP],
  ["ct-enable-tcp-seq-chk", DP],
  ["ct-get-tcp-seq-chk"],
  ["ct-get-tcp-seq-chk", "a", "b"],
  ["ipf-get-status"],
  ["ipf-get-status", "-m"],
  ["ipf-get-status", "nosuch"],
  ["ipf-set-disabled", "v4"],
  ["ipf-set-disabled", DP, "v6"],
  ["ipf-set-disabled", "v7"],
  ["ipf-set-disabled"],
  ["ipf-get-status"],
  ["ipf-set-enabled", "v4"],
  ["ipf-set-min-frag", "v4", "500"],
  ["ipf-set-min-frag", "v4", "399"],
  ["ipf-set-min-frag", "v6", "x"],
  ["ipf-set-min-frag", "v5", "500"],
  ["ipf-set-min-frag", "v4"],
  ["ipf-set-max-nfrags", DP, "5"],
  ["ipf-set-max-nfrags", "5001"],
  ["ipf-set-max-nfrags", "x"],
  ["ipf-get-status"],
  ["flush-conntrack", "zone=5"],
  ["flush-conntrack", "zone=x"],
  ["flush-conntrack", "bogus"],
  ["flush-conntrack", "ct_nw_proto=bogus"],
  ["flush-conntrack", "ct_foo=1"],
  ["flush-conntrack", "ct_nw_src=10.0.0.2,ct_nw_proto=17,ct_tp_src=2,ct_tp_dst=1"],
  ["ct-get-nconns"],
  ["flush-conntrack", "zone=0", "ct_nw_src=10.0.0.2,ct_nw_dst=10.0.0.1,ct_nw_proto=17,ct_tp_src=2,ct_tp_dst=1"],
  ["ct-get-nconns"],
  ["flush-conntrack", "", "ct_nw_proto=6"],
  ["ct-get-nconns"],
  ["flush-conntrack"],
  ["ct-get-nconns"],
];

/** What is left of an answer without what time and order decide, what is wrong with a match, and what is told in two ways: that packets are of Ethernet. */
function essence(text: string): string {
  const lines = text
    .replace(/packet_type\(ns=0(?:\/0)?,id=0(?:\/0)?\),|,eth\(\)/g, "")
    .replace(/timeout=\d+/g, "timeout=?")
    .replace(/(Failed to parse filter) .*/, "$1")
    .split("\n");
  return lines.sort().join("\n");
}

/** Answers that differ, by their commands. */
async function differences(pair: SideBySide, commands: readonly (readonly string[])[]): Promise<string[]> {
  const different: string[] = [];
  for (const [name = "", ...args] of commands) {
    const [theirs, ours] = (await pair.run("ovs-appctl", `dpctl/${name}`, ...args)).map(essence);
    if (ours !== theirs) different.push(`${name} ${args.join(" ")}: theirs ${theirs} ours ${ours}`);
  }
  return different;
}

systemTest(
  "flows, ports and connections of the datapath are shown and changed as by the original",
  { timeout: 240_000 },
  async () => {
    await using pair = await SideBySide.start();
    pair.writeFile("flows.txt", FLOW_FILE);
    await pair.run("ovs-appctl", "revalidator/pause");
    expect(await differences(pair, [...FLOW_COMMANDS, ...PORT_COMMANDS])).toEqual([]);
    await pair.run("ovs-appctl", "dpctl/add-flow", ARP, "drop");
    const [theirs, ours] = (await pair.run("ovs-appctl", "dpif/dump-flows", "-m", "br0")).map(essence);
    const name = /^ufid:\S*/m;
    expect(ours?.replace(name, "")).toBe(theirs?.replace(name, ""));
    await pair.run("ovs-ofctl", "add-flow", "br0", "ip,actions=ct(commit)");
    const packet = `${ADDRESSES},eth_type(0x0800),ipv4(src=10.0.0.1,dst=10.0.0.2,tos=0,ttl=64,frag=no,proto=`;
    for (const rest of [
      "17),udp(src=1,dst=2)",
      "17),udp(src=3,dst=2)",
      "6),tcp(src=1,dst=2),tcp_flags(syn)",
      "1),icmp(type=8,code=0)",
    ]) {
      await pair.run("ovs-appctl", "netdev-dummy/receive", "p1", `in_port(1),${packet}${rest}`);
    }
    expect(await differences(pair, TRACKER_COMMANDS)).toEqual([]);
  },
);

/** Groups of packets behind their Ethernet header. */
const PACKETS: readonly string[] = [
  "eth_type(0x1234)",
  "eth_type(0x8847),mpls(label=5,tc=0,ttl=64,bos=1)",
  "eth_type(0x0800),ipv4(proto=0)",
  "eth_type(0x0800),ipv4(proto=2)",
  "eth_type(0x0800),ipv4(proto=1),icmp(type=8,code=0)",
  "eth_type(0x0800),ipv4(proto=1),icmp(type=3,code=1)",
  "eth_type(0x0800),ipv4(proto=17,frag=later)",
  "eth_type(0x0800),ipv4(proto=17),udp(src=1,dst=2)",
  "eth_type(0x0800),ipv4(proto=132),sctp(src=1,dst=2)",
  "eth_type(0x0800),ipv4(proto=6),tcp(src=1,dst=2),tcp_flags(0x010)",
  "eth_type(0x86dd),ipv6(proto=58),icmpv6(type=128,code=0)",
  "eth_type(0x86dd),ipv6(proto=58),icmpv6(type=1,code=0)",
  "",
];

systemTest("packets that are described to a dummy are as long as the original makes them", async () => {
  await using pair = await SideBySide.start();
  for (const packet of PACKETS) {
    await pair.run("ovs-appctl", "netdev-dummy/receive", "p1", ["in_port(1)", ADDRESSES, packet].filter(Boolean).join());
    await vi.waitFor(async () => {
      const counts = await pair.run("ovs-ofctl", "dump-ports", "br0", "1");
      const [theirs, ours] = counts.map((text) => /rx pkts=\d+, bytes=\d+/.exec(text)?.[0]);
      expect(ours, packet).toBe(theirs);
    });
  }
  const untyped = (await pair.run("ovs-appctl", "dpctl/dump-flows")).map((text) => text.includes(",eth_type(0/0xffff),"));
  expect(untyped).toEqual([true, true]);
});

systemTest(
  "what was put into the datapath by hand goes when the switch looks through its flows",
  { timeout: 60_000 },
  async () => {
    await using pair = await SideBySide.start();
    await pair.run("ovs-appctl", "dpctl/add-flow", IP, "drop");
    await expect
      .poll(async () => essence((await pair.run("ovs-appctl", "dpctl/dump-flows")).join("")), { timeout: 20_000 })
      .toBe("");
  },
);

systemTest("a dummy that is switched off and on again has lost no link", async () => {
  await using pair = await SideBySide.start();
  for (const state of ["down", "up"]) {
    await pair.run("ovs-appctl", "netdev-dummy/set-admin-state", "p1", state);
    await pair.run("ovs-vsctl", "wait-until", "Interface", "p1", `link_state=${state}`);
  }
  const [theirs, ours] = await pair.run("ovs-vsctl", "get", "Interface", "p1", "link_resets");
  expect(ours).toBe(theirs);
});
