/** Random flow tables over most actions, and packets for them, as ovs-ofctl and ofproto/trace read them. */
import fc from "fast-check";

const MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"];
const one = fc.constantFrom;

/** Groups that the flows send to, by `ovs-ofctl -O OpenFlow15 add-groups`. */
export const GROUPS: readonly string[] = [
  "group_id=1,type=select,selection_method=hash,fields(ip_src,eth_dst),bucket=weight:3,output:2,bucket=mod_dl_src:02:00:00:00:00:07,output:3",
  "group_id=2,type=all,bucket=output:1,bucket=mod_dl_dst:02:00:00:00:00:08,output:2,bucket=group:3",
  "group_id=3,type=ff,bucket=watch_port:9,output:1,bucket=watch_port:3,output:3",
  "group_id=4,type=indirect,bucket=set_field:1->reg0,resubmit(,3)",
  "group_id=5,type=select,bucket=weight:2,output:1,bucket=output:2",
];

const ANY = [
  "output:1",
  "output:2",
  "output:3",
  "NORMAL",
  "IN_PORT",
  "FLOOD",
  "ALL",
  "LOCAL",
  "exit",
  "mod_vlan_vid:7",
  "mod_vlan_pcp:3",
  "load:1->NXM_NX_REG0[]",
  "load:2->NXM_NX_REG1[0..1]",
  "load:9->OXM_OF_METADATA[]",
  `mod_dl_src:${MACS[2]}`,
  `mod_dl_dst:${MACS[0]}`,
  `clone(mod_dl_dst:${MACS[1]},output:2)`,
  "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]",
  "move:NXM_NX_REG0[]->NXM_NX_REG1[]",
  "push:NXM_OF_ETH_SRC[],pop:NXM_OF_ETH_DST[]",
  "multipath(symmetric_l4,0,modulo_n,4,0,NXM_NX_REG0[0..1])",
  "multipath(symmetric_l3l4+udp,7,hash_threshold,4,0,NXM_NX_REG1[0..1])",
  "multipath(eth_src,50,hrw,3,0,NXM_NX_REG0[0..7])",
  "multipath(nw_dst,50,iter_hash,3,4,NXM_NX_REG0[0..7])",
  "bundle(symmetric_l3l4,0,hrw,ofport,members:1,2,3)",
  "bundle(symmetric_l3,0,hrw,ofport,members:1,9,3)",
  "bundle(nw_src,0,active_backup,ofport,members:9,2)",
  "bundle_load(symmetric_l4,0,hrw,ofport,NXM_NX_REG0[],members:1,2)",
  "output:NXM_NX_REG0[]",
  "check_pkt_larger(100)->NXM_NX_REG0[0]",
  "check_pkt_larger(60)->NXM_NX_REG1[0]",
  "output(port=1,max_len=64)",
  "output(port=2,max_len=20)",
  "set_queue:5",
  "set_queue:6",
  "pop_queue",
  "enqueue:1:3",
  "load:3->NXM_NX_PKT_MARK[]",
  "note:01.02.03",
  "sample(probability=100,collector_set_id=1)",
  "controller(id=1,userdata=01.02)",
  "CONTROLLER:64",
  "group:1",
  "group:2",
  "group:3",
  "group:4",
  "group:5",
  "learn(table=9,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],load:1->NXM_NX_REG0[])",
  "ct_clear",
];
const OF_IP = [
  "dec_ttl",
  "dec_ttl,dec_ttl",
  "dec_ttl(1,2)",
  "mod_nw_tos:8",
  "mod_nw_ttl:1",
  "mod_nw_ecn:2",
  "ct(commit)",
  "ct(commit,zone=5,exec(load:1->NXM_NX_CT_MARK[],set_field:2->ct_label))",
  "ct(table=2,zone=3)",
  "ct(table=2,zone=NXM_NX_REG0[0..15])",
];
const OF_IP4 = [
  "ct(commit,force,table=2,nat(src=10.9.9.9))",
  "ct(table=2,nat)",
  "mod_nw_dst:10.0.1.1",
  "mod_nw_src:10.0.0.1",
  "load:5->NXM_OF_IP_DST[0..7]",
];
const OF_MPLS = ["dec_mpls_ttl", "set_mpls_label:5", "set_mpls_ttl:1", "set_mpls_tc:3", "load:4->OXM_OF_MPLS_LABEL[0..3]"];
/** At the end of a list, since what follows would need other packets. */
const LAST_OF_IP = ["push_mpls:0x8847,output:2", "push_mpls:0x8847,set_mpls_label:9,output:1,dec_mpls_ttl,output:3"];
const LAST_OF_MPLS = ["pop_mpls:0x0800,output:2", "pop_mpls:0x0800,output:1,resubmit(,2)", "push_mpls:0x8848,output:3"];

/** What has the datapath look a packet up again: with an action set the original ends by an assertion, from table 2 it loops. */
const LOOKED_UP_AGAIN = /ct\([^)]*table=|group:5|pop_mpls/;

/** Flows of tables 0 to 2, of which none looks packets up again or none writes actions. */
export const tablesArbitrary: fc.Arbitrary<readonly string[]> = fc
  .boolean()
  .chain((hasActionSets) => fc.array(flowArbitrary(hasActionSets), { minLength: 3, maxLength: 25 }));

function flowArbitrary(hasActionSets: boolean): fc.Arbitrary<string> {
  return fc
    .record({
      table: fc.nat(2),
      priority: fc.nat(60_000),
      proto: one("", "", "ip", "tcp", "udp", "arp", "ipv6", "icmp", "mpls"),
      rest: fc.subarray(
        [
          "in_port=1",
          `dl_dst=${MACS[0]}`,
          `dl_src=${MACS[1]}`,
          "dl_vlan=7",
          "reg0=1",
          "reg1=0x2/0x3",
          "metadata=9",
          "ct_state=+trk",
        ],
        { maxLength: 2 },
      ),
      address: one("", "", "nw_src=10.0.0.1", "nw_dst=10.0.0.0/24", "nw_src=10.0.0.0/8"),
      actions: fc.array(fc.nat(10_000), { maxLength: 5 }),
      last: fc.nat(12),
      set: one("", "", "", ",write_actions(set_field:1->reg0,output:2)", ",write_actions(mod_dl_dst:02:00:00:00:00:09,group:3)"),
      more: fc.boolean(),
    })
    .map(({ table, priority, proto, rest, address, actions, last, set: written, more }) => {
      const set = hasActionSets ? written : "";
      const isIp4 = ["ip", "tcp", "udp", "icmp"].includes(proto);
      const isIp = isIp4 || proto === "ipv6";
      const pool = [
        ...ANY,
        ...Array.from({ length: 6 }, () => `resubmit(,${table + 1})`),
        `resubmit(2,${table + 1})`,
        ...(isIp ? OF_IP : []),
        ...(isIp4 ? OF_IP4 : []),
        ...(proto === "tcp" || proto === "udp" ? ["mod_tp_dst:80", "mod_tp_src:7"] : []),
        ...(proto === "mpls" ? [...OF_MPLS, ...OF_MPLS] : []),
      ];
      const match = [proto, ...rest, isIp4 ? address : ""].filter((part) => part !== "");
      const list = actions.map((n) => pool[n % pool.length]);
      if (rest.includes("dl_vlan=7") && last % 2 === 0) list.unshift("strip_vlan");
      if (isIp4) list.push(LAST_OF_IP[last]);
      if (proto === "mpls") list.push(LAST_OF_MPLS[last % 4]);
      const text = `${list.filter((action) => action !== undefined && !((hasActionSets || table === 2) && LOOKED_UP_AGAIN.test(action))).join(",")}${set}${more && table < 2 ? `,goto_table:${table + 1}` : ""}`;
      return [`table=${table},priority=${priority}`, ...match, `actions=${text.replace(/^,/, "") || "drop"}`].join(",");
    });
}

/** A packet for ofproto/trace. */
export const packetArbitrary: fc.Arbitrary<string> = fc
  .record({
    body: one(
      "tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tp_src=1024,tp_dst=80",
      "tcp,nw_src=10.0.0.2,nw_dst=10.0.1.1,nw_ttl=2,tp_src=1024,tp_dst=81",
      "udp,nw_src=10.0.0.3,nw_dst=10.0.0.2,nw_ttl=9,udp_src=53,udp_dst=81",
      "icmp,nw_src=10.0.0.1,nw_dst=10.0.1.1,nw_ttl=64,icmp_type=8,icmp_code=0",
      "arp,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_op=1",
      "ipv6,ipv6_src=fe80::1,ipv6_dst=fe80::2,nw_proto=89,nw_ttl=3",
      "mpls,mpls_label=5,mpls_tc=1,mpls_ttl=30,mpls_bos=1",
      "mpls,mpls_label=16,mpls_tc=0,mpls_ttl=1,mpls_bos=1",
      "dl_type=0x88cc",
    ),
    inPort: one(1, 2, 3),
    src: one(...MACS),
    dst: one(...MACS, "ff:ff:ff:ff:ff:ff"),
    vlan: one("", "", ",dl_vlan=7,dl_vlan_pcp=0", ",dl_vlan=8,dl_vlan_pcp=0"),
  })
  .map(({ body, inPort, src, dst, vlan }) => `${body},in_port=${inPort},dl_src=${src},dl_dst=${dst}${vlan}`);
