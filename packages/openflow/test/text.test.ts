import { SourceError } from "@tenet/kit";
import {
  decodeMessage,
  encodeMessage,
  formatActions,
  formatFlow,
  formatFlowStats,
  formatMatch,
  type FlowStats,
  type Message,
  parseActions,
  parseFlow,
  parseFlows,
  parseMatch,
} from "@tenet/openflow";
import fc from "fast-check";
import { describe, expect, inject, test } from "vitest";

/** Text in, text that ovs-ofctl 3.1 prints for it. */
const MATCHES: readonly (readonly [string, string])[] = [
  ["", ""],
  ["ip,tcp", "tcp"],
  ["eth_type=0x800,ip_proto=6,tcp_dst=80", "tcp,tp_dst=80"],
  ["ip,nw_proto=50", "ip,nw_proto=50"],
  ["dl_type=0x88cc", "dl_type=0x88cc"],
  ["in_port=LOCAL,dl_vlan=5,dl_vlan_pcp=3", "in_port=LOCAL,dl_vlan=5,dl_vlan_pcp=3"],
  ["vlan_tci=0x1123/0x1fff", "dl_vlan=291"],
  ["vlan_tci=0", "vlan_tci=0x0000"],
  ["dl_vlan=0xffff", "vlan_tci=0x0000"],
  ["vlan_tci=0x1000/0x1000", "vlan_tci=0x1000/0x1000"],
  ["vlan_vid=5", "vlan_tci=0x0005/0x1fff"],
  ["vlan_tci=0x1005", "dl_vlan=5,dl_vlan_pcp=0"],
  ["vlan_tci=0xf000/0xf000", "dl_vlan_pcp=7"],
  ["vlan_pcp=3", "dl_vlan_pcp=3"],
  ["tcp,tcp_flags=+syn-ack", "tcp,tcp_flags=+syn-ack"],
  ["tcp,tcp_flags=syn", "tcp,tcp_flags=syn"],
  ["tcp6,tcp_flags=0xfff", "tcp6,tcp_flags=fin|syn|rst|psh|ack|urg|ece|cwr|ns|[200]|[400]|[800]"],
  [
    "tcp,nw_tos=252,tcp_flags=0x5/7,ct_state=0x21/0x23,in_port=5",
    "ct_state=+new-est+trk,tcp,in_port=5,nw_tos=252,tcp_flags=+fin-syn+rst",
  ],
  ["udp,ct_label=1/3,ct_state=trk|new,udp_src=0x50/0xfff0", "ct_state=new|trk,ct_label=0x1/0x3,udp,tp_src=0x50/0xfff0"],
  ["ip,ip_src=0.0.0.0/0.0.0.255", "ip,nw_src=0.0.0.0/0.0.0.255"],
  ["ip,nw_src=10.1.2.3/8", "ip,nw_src=10.0.0.0/8"],
  ["ip,ip_dscp=5", "ip,nw_tos=20"],
  ["ip,nw_frag=not_later", "ip,nw_frag=not_later"],
  [
    "tcp6,ipv6_src=fe80::1/ffff::ffff,ipv6_dst=::1.2.3.4,ipv6_label=5,nw_ttl=3,tcp_flags=0/0xfff",
    "tcp6,ipv6_src=fe80::1/ffff::ffff,ipv6_dst=::1.2.3.4,ipv6_label=0x00005,nw_ttl=3,tcp_flags=0",
  ],
  [
    "icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=00:00:00:00:00:01,ipv6_src=fe80::/64,ipv6_label=5/0xff",
    "icmp6,ipv6_src=fe80::/64,ipv6_label=0x00005/0x000ff,icmp_type=135,nd_target=fe80::1,nd_sll=00:00:00:00:00:01",
  ],
  [
    "arp,arp_op=1,arp_spa=1.2.3.4,arp_tpa=5.6.7.8,arp_sha=00:01:02:03:04:05,arp_tha=00:01:02:03:04:05",
    "arp,arp_spa=1.2.3.4,arp_tpa=5.6.7.8,arp_op=1,arp_sha=00:01:02:03:04:05,arp_tha=00:01:02:03:04:05",
  ],
  [
    "tun_gbp_flags=0x40,tun_gbp_id=5,tun_erspan_ver=1,tun_erspan_idx=0x17,tun_flags=+oam,tun_metadata5=0x5/0xf,tun_metadata1=7",
    "tun_gbp_id=5,tun_gbp_flags=0x40,tun_erspan_ver=1,tun_erspan_idx=0x17,tun_flags=+oam,tun_metadata1=0x7,tun_metadata5=0x5/0xf",
  ],
  ["tun_flags=-oam,tun_ipv6_src=fe80::1", "tun_ipv6_src=fe80::1,tun_flags=-oam"],
  [
    "tun_erspan_hwid=7,tun_erspan_dir=1,tun_gtpu_flags=1,tun_gtpu_msgtype=255,tun_erspan_ver=2",
    "tun_erspan_ver=2,tun_erspan_dir=1,tun_erspan_hwid=0x7,gtpu_flags=0x1,gtpu_msgtype=255",
  ],
  ["mpls,mpls_ttl=6,mpls_label=5,mpls_bos=1,mpls_tc=3", "mpls,mpls_label=5,mpls_tc=3,mpls_ttl=6,mpls_bos=1"],
  ["packet_type=(1,0x800),nw_src=1.2.3.4", "packet_type=(1,0x800),nw_src=1.2.3.4"],
  [
    "dp_hash=5/7,actset_output=1,ct_state=+trk+est,ip,ct_tp_src=5,ct_nw_proto=6,ct_nw_src=1.2.3.0/24",
    "dp_hash=0x5/0x7,actset_output=1,ct_state=+est+trk,ct_nw_src=1.2.3.0/24,ct_nw_proto=6,ct_tp_src=5,ip",
  ],
  [
    "pkt_mark=1/3,recirc_id=5,conj_id=7,metadata=5/7,reg0=1,reg1=2/0xff,xreg2=5,xxreg2=7,ct_state=+trk-new,ct_zone=3,ct_mark=5,ct_label=9,tun_id=5,tun_src=1.2.3.4,tun_dst=5.6.7.0/24,in_port=LOCAL,dl_src=00:01:02:03:04:05,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,dl_vlan=5,tcp,nw_src=10.0.0.0/8,nw_dst=1.2.3.4/255.0.255.0,nw_tos=4,nw_ecn=1,nw_ttl=64,nw_frag=not_later,tp_src=80,tp_dst=80/0xfff0",
    "pkt_mark=0x1/0x3,recirc_id=0x5,conj_id=7,ct_state=-new+trk,ct_zone=3,ct_mark=0x5,ct_label=0x9,tcp,reg0=0x1,reg1=0x2/0xff,reg4=0,reg5=0x5,reg8=0,reg9=0,reg10=0,reg11=0x7,tun_id=0x5,tun_src=1.2.3.4,tun_dst=5.6.7.0/24,metadata=0x5/0x7,in_port=LOCAL,dl_vlan=5,dl_src=00:01:02:03:04:05,dl_dst=01:00:00:00:00:00/01:00:00:00:00:00,nw_src=10.0.0.0/8,nw_dst=1.0.3.0/255.0.255.0,nw_tos=4,nw_ecn=1,nw_ttl=64,nw_frag=not_later,tp_src=80,tp_dst=0x50/0xfff0",
  ],
];

describe("matches", () => {
  test.each(MATCHES)("%s prints as ovs-ofctl prints it", (text, printed) => {
    expect(formatMatch(parseMatch(text))).toBe(printed);
    expect(formatMatch(parseMatch(printed))).toBe(printed);
  });
});

const ACTIONS: readonly (readonly [string, string])[] = [
  ["drop", "drop"],
  ["", "drop"],
  ["5", "output:5"],
  ["normal,flood,all,in_port,local", "NORMAL,FLOOD,ALL,IN_PORT,LOCAL"],
  ["CONTROLLER,controller:128,controller(max_len=5)", "CONTROLLER:65535,CONTROLLER:128,CONTROLLER:5"],
  [
    "controller(max_len=5,reason=invalid_ttl,id=3,userdata=01.02)",
    "controller(reason=invalid_ttl,max_len=5,id=3,userdata=01.02)",
  ],
  ["resubmit(,7),resubmit:5,resubmit(5,6),resubmit(in_port,3)", "resubmit(,7),resubmit:5,resubmit(5,6),resubmit(,3)"],
  [
    "load:0x5->NXM_NX_REG0[0..4],load:1->reg1,load:0->NXM_NX_REG0[5]",
    "load:0x5->NXM_NX_REG0[0..4],load:0x1->NXM_NX_REG1[],load:0->NXM_NX_REG0[5]",
  ],
  ["set_field:5/7->xreg1,set_field:0->reg3", "set_field:0x5/0x7->xreg1,set_field:0->reg3"],
  ["move:reg0[0..4]->NXM_NX_REG1[3..7]", "move:NXM_NX_REG0[0..4]->NXM_NX_REG1[3..7]"],
  ["push:NXM_NX_REG0[],pop:metadata", "push:NXM_NX_REG0[],pop:OXM_OF_METADATA[]"],
  [
    "push_vlan:0x8100,set_field:4101->vlan_vid,pop_vlan,strip_vlan",
    "push_vlan:0x8100,set_field:4101->vlan_vid,pop_vlan,strip_vlan",
  ],
  ["mod_vlan_vid:5,mod_vlan_pcp:3", "mod_vlan_vid:5,mod_vlan_pcp:3"],
  ["set_vlan_vid:5,set_vlan_pcp:3", "set_vlan_vid:5,set_vlan_pcp:3"],
  [
    "mod_dl_src:00:00:00:00:00:05,mod_nw_src:1.2.3.4,mod_nw_tos:4",
    "mod_dl_src:00:00:00:00:00:05,mod_nw_src:1.2.3.4,mod_nw_tos:4",
  ],
  ["set_tunnel:5,set_tunnel:0x1ffffffff", "set_tunnel:0x5,set_tunnel64:0x1ffffffff"],
  ["set_field:10.0.0.1->nw_src,set_field:1.2.0.0/16->ip_src", "set_field:10.0.0.1->ip_src,set_field:1.2.0.0/255.255.0.0->ip_src"],
  ["dec_ttl,dec_ttl(1,2),group:5,set_queue:3,pop_queue,exit", "dec_ttl,dec_ttl(1,2),group:5,set_queue:3,pop_queue,exit"],
  ["clone(output:1,clone(2)),clone()", "clone(output:1,clone(output:2)),clone(drop)"],
  ["conjunction(5,1/3),note:01.02", "conjunction(5,1/3),note:01.02"],
  [
    "output:NXM_NX_REG0[0..15],output(port=5,max_len=100),enqueue:5:6",
    "output:NXM_NX_REG0[0..15],output(port=5,max_len=100),enqueue:5:6",
  ],
  [
    "meter:5,output:1,clear_actions,write_actions(output:5,group:7),write_metadata:0x5/0xff,goto_table:5",
    "meter:5,output:1,clear_actions,write_actions(output:5,group:7),write_metadata:0x5/0xff,goto_table:5",
  ],
];

describe("actions", () => {
  test.each(ACTIONS)("%s prints as ovs-ofctl prints it", (text, printed) => {
    expect(formatActions(parseActions(text))).toBe(printed);
    expect(formatActions(parseActions(printed))).toBe(printed);
  });
});

describe("flows", () => {
  test("a flow prints as dump-flows prints it, and reads back", () => {
    const flow = parseFlow(
      "table=3,priority=7,cookie=0x12,idle_timeout=500,hard_timeout=600,importance=5,send_flow_rem,check_overlap,tcp,actions=NORMAL",
    );
    const printed =
      "cookie=0x12, table=3, idle_timeout=500, hard_timeout=600, send_flow_rem check_overlap importance=5, priority=7,tcp actions=NORMAL";
    expect(formatFlow(flow)).toBe(printed);
    expect(parseFlow(printed)).toEqual(flow);
  });

  test("the counters that dump-flows prints are skipped", () => {
    const text =
      " cookie=0x0, duration=0.073s, table=4, n_packets=3, n_bytes=9, reset_counts idle_age=0, priority=0,tcp actions=drop";
    expect(formatFlow(parseFlow(text))).toBe("table=4, reset_counts priority=0,tcp actions=drop");
  });

  test("a deletion means every table and matches cookies exactly unless it says otherwise", () => {
    const flow = parseFlow("cookie=0x5,ip,out_port=3", { purpose: "delete" });
    expect(flow).toMatchObject({ table: 255, cookie: 5n, cookieMask: 0xffff_ffff_ffff_ffffn, outPort: 3, actions: [] });
    expect(parseFlow("cookie=5/-1", { purpose: "delete" }).cookieMask).toBe(0xffff_ffff_ffff_ffffn);
  });

  test("a file of flows names the line of a fault", () => {
    expect(parseFlows("# two\nip,actions=1\n\ntcp,actions=2 # here\n", { file: "a.flows" })).toHaveLength(2);
    expect(() => parseFlows("ip,actions=1\ntcp,tp_dst=80,actions=outpt:2\n", { file: "a.flows" })).toThrow(
      'a.flows:2:23: Unknown action "outpt"',
    );
  });
});

/** Text, purpose, column of the fault, part of message or hint. */
const FAULTS: readonly (readonly [string, number, string])[] = [
  ["tcpp,actions=drop", 1, 'did you mean "tcp"?'],
  ["ip,nw_src=1.2.3,actions=drop", 11, "IPv4"],
  ["nw_src=1.2.3.4,actions=drop", 1, "Add ip to the match"],
  ["ip,tp_dst=80,actions=drop", 4, "Add tcp, udp or sctp"],
  ["reg0=0x1ffffffff,actions=drop", 6, "too large"],
  ["in_port=70000,actions=drop", 9, "port"],
  ["ct_state=+foo,actions=drop", 11, "ct_state flag"],
  ["tcp", 4, "needs actions"],
  ["actions=load:0x10->NXM_NX_REG0[0..3]", 14, "does not fit into 4 bits"],
  ["actions=load:1->NXM_NX_REG0[33]", 28, "do not lie in"],
  ["actions=set_field:5->reg00", 22, "did you mean"],
  ["actions=set_field:5->eth_type", 22, "read-only"],
  ["actions=set_field:1.2.3.4->ip_src", 28, "Add ip to the match"],
  ["actions=move:NXM_NX_REG0[]->NXM_NX_REG1[0..3]", 9, "32 bits wide"],
  ["actions=goto_table:5,output:1", 22, "must come before goto_table"],
  ["actions=drop,output:1", 9, "stands alone"],
  ["actions=conjunction(1,5/3)", 23, "not one of 3"],
  ["actions=conjunction(1,1/3),output:1", 28, "Beside conjunction"],
  ["actions=clone(output:5", 14, "not closed"],
  ["actions=clone(outptu:5)", 15, 'did you mean "output"?'],
  ["actions=note:0g", 15, "bytes"],
  ["priority=70000,actions=drop", 10, "too large"],
  ["cookie=5/6,actions=drop", 10, "masked"],
  ["conj_id=5/6,actions=drop", 11, "cannot be masked"],
];

test.each(FAULTS)("%s is refused at column %i: %s", (text, column, part) => {
  let thrown: unknown;
  try {
    parseFlow(text);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(SourceError);
  if (!(thrown instanceof SourceError)) return;
  expect(`${thrown.message} ${thrown.hint}`).toContain(part);
  expect(thrown.at.column).toBe(column);
});

describe("connection tracking", () => {
  test.each([
    ["ct(force)", /"force" needs "commit"/],
    ["ct(nat(src=10.0.0.1))", /needs "commit"/],
    ["ct(commit,exec(set_field:1->reg0))", /reg0 cannot be set inside ct/],
    ["ct(commit,exec(output:1))", /output cannot stand inside ct/],
    ["ct(exec(set_field:1->ct_mark))", /"exec" needs "commit"/],
    ["set_field:1->ct_mark", /inside ct alone/],
    ["nat", /inside ct alone/],
    ["ct(commit,nat(src=10.0.0.1,hash,random))", /exclude each other/],
    ["ct(commit,nat(random))", /means nothing/],
    ["ct(commit,nat(src=10.0.0.9-10.0.0.1))", /before the first/],
    ["ct(commit,nat(src=10.0.0.1:99999))", /not a port/],
    ["ct(zone=NXM_NX_REG0[])", /16 bits, not 32/],
    ["ct(table=255)", /too large/],
    ["ct(bogus=1)", /Unknown part of ct/],
  ])("%s is refused where the fault is", (text, problem) => {
    expect(() => parseActions(text)).toThrow(problem);
  });
});

test("durations have the milliseconds that they were counted in, for as long as flows can be there", () => {
  const counted: Omit<FlowStats, "durationSec"> = { ...parseFlow("actions=drop"), nPackets: 0n, nBytes: 0n };
  const shownAt = (durationSec: number): string => formatFlowStats({ ...counted, durationSec });
  const afterTheWire = (durationSec: number): string => {
    const reply = { kind: "flow", flows: [{ ...counted, durationSec }] } as const;
    const message: Message = { type: "multipartReply", reply, isLast: true };
    const decoded = decodeMessage(encodeMessage(message, 4, 1)).message;
    if (decoded.type !== "multipartReply" || decoded.reply.kind !== "flow") throw new Error("the reply is another");
    return formatFlowStats(decoded.reply.flows[0] as FlowStats);
  };
  fc.assert(
    fc.property(fc.nat(0xffff_fffe), fc.integer({ min: 1, max: 999 }), (seconds, ms) => {
      const text = `duration=${seconds}.${String(ms).padStart(3, "0")}s`;
      const durationSec = (1000 * seconds + ms) / 1000;
      expect(shownAt(durationSec)).toContain(text);
      expect(afterTheWire(durationSec)).toContain(text);
    }),
    { numRuns: 500 * inject("effort"), seed: inject("seed") },
  );
});
