import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  type Action,
  type Match,
  connectOpenFlow,
  decodeMessage,
  encodeMessage,
  FlowTransactionError,
  formatActions,
  formatGroup,
  formatMatch,
  type GroupMod,
  parseFlow,
  parseGroup,
  type Version,
  BUCKET,
  type Bucket,
} from "@tenet/openflow";
import { FIELDS, getField } from "@tenet/net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { flowArbitrary } from "./arbitrary-flow.ts";
import { GROUP_TEXTS, groupModArbitrary } from "./arbitrary-group.ts";
import { TinySwitch } from "./tiny-switch.ts";

const run = promisify(execFile);
const hasOfctl = spawnSync("ovs-ofctl", ["--version"]).status === 0;
if (!hasOfctl) console.log("skipped: ovs-ofctl is not installed");

const PROTOCOLS: readonly (readonly [name: string, version: Version])[] = [
  ["OpenFlow10", 1],
  ["OpenFlow13", 4],
  ["OpenFlow14", 5],
  ["OpenFlow15", 6],
];

/** Match (with priority) and actions out of what ovs-ofctl prints of a flow-mod. */
function partsOf(printed: string): { match: string; actions: string } {
  const [head = "", actions = printed] = printed.split(/(?<= |^)actions=(.*)$/);
  const words = head.replace(/^.*?: ADD /, "").split(" ");
  const isSetting =
    /^(table|cookie|idle|hard|importance):|^$|^(send_flow_rem|check_overlap|reset_counts|no_packet_counts|no_byte_counts)$/;
  return { match: words.find((word) => !isSetting.test(word)) ?? "", actions };
}

/** What we say of our own encoding, in the form of `partsOf`. */
function ownParts(bytes: Uint8Array): { match: string; actions: string } {
  const { message } = decodeMessage(bytes);
  if (message.type !== "flowMod") throw new Error(`decoded as ${message.type}`);
  const { flow } = message;
  const match = formatMatch(flow.match);
  const priority = flow.priority === 32768 ? "" : `priority=${flow.priority}`;
  return {
    match: [priority, match].filter((part) => part !== "").join(","),
    actions: formatActions(flow.actions),
  };
}

function withoutHeaderActions(actions: readonly Action[], mayTrack: boolean): Action[] {
  return actions
    .filter(({ type }) => type !== "decTtl" && type !== "pushVlan" && type !== "popVlan" && (mayTrack || type !== "ct"))
    .map((action) => (action.type === "clone" ? { ...action, actions: withoutHeaderActions(action.actions, mayTrack) } : action));
}

/** Whether packets are IPv4 and may be of a connection that can be committed. */
function isTrackable({ key, mask }: Match): boolean {
  const isInvalid = (getField(key, FIELDS.ct_state) & 0x10) !== 0;
  return getField(mask, FIELDS.eth_type) === 0xffff && getField(key, FIELDS.eth_type) === 0x0800 && !isInvalid;
}

function withoutHeaders(bucket: Bucket): Bucket {
  return { ...bucket, actions: withoutHeaderActions(bucket.actions, false) };
}

const GROUP_WORDS = { add: "ADD", modify: "MOD", addOrModify: "ADD_OR_MOD", insertBucket: "INSERT_BUCKET" } as const;

/** A group-mod in the form in which ovs-ofctl prints messages. */
function formatGroupMod(bytes: Uint8Array, version: Version): string {
  const { message } = decodeMessage(bytes);
  if (message.type !== "groupMod" || message.command === "delete" || message.command === "removeBucket") return "";
  const { command, group, bucketId } = message;
  const place = bucketId === undefined ? "" : `command_bucket_id:${BUCKET_NAMES.get(bucketId) ?? bucketId},`;
  const omitBucketIds = version > 1 && version < 6;
  const text = formatGroup(group, { omitBucketIds });
  return `${GROUP_WORDS[command]} ${place}${command === "insertBucket" ? text.replace(/,type=\w+/, "") : text}`;
}

const BUCKET_NAMES: ReadonlyMap<number, string> = new Map([
  [BUCKET.FIRST, "first"],
  [BUCKET.LAST, "last"],
]);

/** Texts whose reading and printing must be that of ovs-ofctl. */
const TEXTS: readonly string[] = [
  "priority=5,tcp,tp_dst=80,actions=mod_dl_src:00:00:00:00:00:05,output:1",
  "ip,nw_src=10.0.0.0/8,nw_dst=1.2.3.4/255.0.255.0,nw_tos=4,nw_ecn=1,nw_ttl=64,nw_frag=not_later,actions=drop",
  "icmp6,icmp_type=135,nd_target=fe80::1,nd_sll=00:00:00:00:00:01,ipv6_src=fe80::/64,ipv6_label=5/0xff,actions=resubmit(,3)",
  "arp,arp_op=1,arp_spa=1.2.3.4,arp_tpa=5.6.7.8,arp_sha=00:01:02:03:04:05,actions=IN_PORT",
  "arp,arp_op=1,actions=load:2->NXM_OF_ARP_OP[],move:NXM_OF_ARP_OP[]->NXM_NX_REG0[0..15],move:NXM_NX_REG0[0..15]->NXM_OF_ARP_OP[],push:NXM_OF_ARP_OP[],pop:NXM_OF_ARP_OP[],IN_PORT",
  "reg0=1,reg1=2/0xff,xreg2=5,xxreg2=7,metadata=5/7,ct_state=+trk-new,ct_mark=5,ct_label=9,tun_id=5/0xf,in_port=LOCAL,actions=NORMAL",
  "dl_vlan=5,dl_vlan_pcp=3,actions=strip_vlan,output:3",
  "tcp6,ipv6_dst=::1.2.3.4,tcp_flags=+syn-ack,actions=drop",
  "tcp,actions=set_field:1.2.3.4->ip_dst,mod_nw_tos:8,mod_tp_dst:81,mod_nw_ecn:1,mod_nw_ttl:3,dec_ttl",
  "actions=set_tunnel:5,set_tunnel:0x1ffffffff,set_field:5/7->reg1,set_field:5->xxreg1,load:5->NXM_NX_REG0[3..9],set_queue:3,pop_queue",
  "actions=mod_vlan_vid:5,mod_vlan_pcp:3,output:1",
  "actions=move:NXM_NX_REG0[0..4]->NXM_NX_REG1[3..7],push:NXM_NX_REG0[],pop:NXM_NX_REG1[],clone(output:1,clone(2)),note:01.02,exit",
  "actions=controller(reason=invalid_ttl,max_len=5,id=3,userdata=01.02),CONTROLLER:128,output:NXM_NX_REG0[0..15],output(port=5,max_len=100)",
  "actions=group:5,enqueue:5:6,goto_table:9",
  "conj_id=7,actions=conjunction(5,1/3),conjunction(6,2/3),note:01.02.03.04.05.06",
  "actions=write_metadata:0x5/0xff",
  "ip,actions=ct,ct(commit),ct(commit,force,table=3,zone=5),ct(zone=NXM_NX_REG13[0..15],table=2),ct(nat),ct_clear",
  "ip,actions=ct(commit,nat(src)),ct(commit,nat(src=10.0.0.1-10.0.0.5:100-200,persistent,random)),ct(commit,nat(dst=1.2.3.4:80,hash))",
  "ipv6,actions=ct(commit,nat(dst=[fd00::1]-[fd00::5]:100-200)),ct(commit,nat(src=fd00::7)),ct(commit,nat(src=fd00::7-fd00::9))",
  "tcp,actions=ct(commit,exec(set_field:5->ct_mark,load:1->NXM_NX_CT_LABEL[3],move:NXM_NX_REG0[]->NXM_NX_CT_LABEL[0..31]),alg=ftp)",
  "ip,actions=ct(commit,exec(set_field:5->ct_mark),nat(dst=1.2.3.4)),ct(commit,exec(nat)),ct(zone=NXM_NX_CT_ZONE[])",
  "actions=goto_table:5",
  "tcp,actions=learn(table=5,idle_timeout=3,eth_type=0x800,nw_proto=6,NXM_OF_TCP_SRC[]=NXM_OF_TCP_DST[],NXM_OF_VLAN_TCI[0..11],load:NXM_OF_IN_PORT[]->NXM_NX_REG0[0..15],load:5->reg1[0..3],output:in_port)",
  "actions=learn(limit=5,result_dst=reg0[3],cookie=5,delete_learned,send_flow_rem,reg0=5),learn(limit=5,reg0[3..7]=reg1[3..7],reg2[1..5],reg3[])",
  "actions=learn(table=0,priority=5,fin_idle_timeout=3,fin_hard_timeout=4,hard_timeout=9,eth_dst=eth_src,load:0x1234->xxreg0[0..99])",
  "actions=learn(eth_dst=00:11:22:33:44:55,in_port=LOCAL,vlan_tci=0x1000,eth_dst[0..7]=5,eth_type=0x86dd,ipv6_src=fe80::1,xxreg0=0x11111111111111111111),learn()",
  "actions=learn(metadata=metadata,load:eth_src[0..15]->eth_dst[32..47],output:reg0[0..15])",
  "actions=multipath(symmetric_l4,0,hash_threshold,1,0,reg0),multipath(eth_src 50 modulo_n 65536 5 reg0[0..15]),multipath(nw_src,0,hrw,10,3,reg0[0..3])",
  "actions=multipath(symmetric_l3l4+udp,0,iter_hash,10,3,reg0[0..3]),multipath(symmetric_l3,0,hrw,9,0,reg0),multipath(nw_dst,0,hrw,9,0,reg0)",
  "actions=bundle(eth_src,0,active_backup,ofport,slaves:1,2,LOCAL),bundle(symmetric_l3l4,5,hrw,ofport,members:),bundle_load(eth_src,0,hrw,ofport,reg0,members:1,2)",
  "actions=sample(probability=5,collector_set_id=6,obs_domain_id=1,obs_point_id=2,sampling_port=3,egress),sample(probability=65535),sample(probability=1,sampling_port=LOCAL)",
  "actions=check_pkt_larger(1000)->reg0[3],check_pkt_larger(65535)->xxreg1[99],output:1",
  "tcp,actions=fin_timeout(idle_timeout=5,hard_timeout=6),fin_timeout(idle_timeout=1),fin_timeout()",
  "ct_state=+trk+new,ip,actions=resubmit(,5,ct),resubmit(3,5,ct)",
  "ip,ct_state=+trk+est,ct_nw_src=10.0.0.1,ct_nw_dst=10.0.0.0/8,ct_nw_proto=6,ct_tp_src=5,ct_tp_dst=0x50/0xf0,actions=drop",
  "ipv6,ct_state=+trk-inv,ct_ipv6_src=fe80::1,ct_ipv6_dst=fe80::/64,ct_nw_proto=17,actions=drop",
  "mpls,mpls_label=5,mpls_tc=2,mpls_bos=1,mpls_ttl=5,actions=set_field:7->mpls_label,output:1",
  "mplsm,mpls_label=5,actions=set_mpls_label:5,set_mpls_tc:3,set_mpls_ttl:7,dec_mpls_ttl,pop_mpls:0x800",
  "ip,actions=push_mpls:0x8848,push_mpls:0x8847,set_mpls_label:7",
  "actions=delete_field:tun_metadata0,delete_field:tun_metadata63",
  "dp_hash=5/7,actions=move:NXM_NX_DP_HASH[]->NXM_NX_REG0[]",
  "icmp6,icmp_type=135,nd_target=fe80::1,nd_reserved=5,nd_options_type=1,actions=set_field:7->nd_reserved,load:2->ERICOXM_OF_ICMPV6_ND_OPTIONS_TYPE[]",
  "icmp6,icmp_type=136,actions=set_field:0x60000000->nd_reserved,move:ERICOXM_OF_ICMPV6_ND_RESERVED[]->NXM_NX_REG0[],set_field:2->nd_options_type",
  "sctp,actions=set_field:5->sctp_src,mod_tp_dst:3",
  "packet_type=(0,0),ip,actions=drop",
  "eth,dl_vlan=5,actions=drop",
  "packet_type=(1,0x806),arp_op=1,actions=drop",
  "packet_type=(1,0x86dd),ipv6_src=fe80::1,actions=drop",
  "packet_type=(1,0x8847),mpls_label=5,actions=drop",
  "packet_type=(2,5),actions=drop",
  "packet_type=(12,10),actions=drop",
];

describe.skipIf(!hasOfctl)("against ovs-ofctl", () => {
  test.each(PROTOCOLS)("%s: flows read and print as they do there", async (protocol, version) => {
    for (const text of TEXTS) {
      const { stdout } = await run("ovs-ofctl", ["-O", protocol, "parse-flow", text]);
      const bytes = encodeMessage({ type: "flowMod", command: "add", flow: parseFlow(text) }, version, 1);
      expect(ownParts(bytes), text).toEqual(partsOf(stdout.trimEnd().split("\n").at(-1) ?? ""));
    }
  });

  test.each(PROTOCOLS)("%s: messages with these flows are read there", async (_protocol, version) => {
    const flows = TEXTS.map((text) => encodeMessage({ type: "flowMod", command: "add", flow: parseFlow(text) }, version, 1));
    const folder = mkdtempSync(join(tmpdir(), "tenet-openflow-"));
    try {
      const file = join(folder, "messages");
      writeFileSync(file, Buffer.concat(flows));
      const { stdout } = await run("ovs-ofctl", ["ofp-parse", file]);
      const read = stdout.split("\n").filter((line) => line.includes("FLOW_MOD"));
      expect(read.flatMap((line, i) => (line.includes("decode error") ? [TEXTS[i], line] : []))).toEqual([]);
      expect(read).toHaveLength(TEXTS.length);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each(PROTOCOLS)("%s: random flows that we encode are read there as we read them", async (_protocol, version) => {
    const flows = fc.sample(flowArbitrary, { numRuns: 1500, seed: version });
    const encoded = flows.map((drawn) => {
      // A flow goes only to later tables, and actions on headers need them in the match.
      const flow = {
        ...drawn,
        actions: withoutHeaderActions(drawn.actions, isTrackable(drawn.match)),
        flags: 0,
        table: drawn.table % 9,
      };
      return encodeMessage({ type: "flowMod", command: "add", flow }, version, 1);
    });
    const folder = mkdtempSync(join(tmpdir(), "tenet-openflow-"));
    try {
      const file = join(folder, "messages");
      writeFileSync(file, Buffer.concat(encoded));
      const { stdout } = await run("ovs-ofctl", ["ofp-parse", file], { maxBuffer: 1 << 24 });
      const printed = stdout.split("\n").filter((line) => line.includes("FLOW_MOD"));
      expect(printed).toHaveLength(encoded.length);
      encoded.forEach((bytes, i) => {
        // `eth,` is how it prints an exact match on the packet type, which it adds by itself to some matches.
        const theirs = partsOf(printed[i] ?? "");
        expect(ownParts(bytes), printed[i]).toEqual({ ...theirs, match: theirs.match.replace(/(^|,)eth,/, "$1") });
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each(PROTOCOLS)("%s: groups that we encode are read there as we read them", async (_protocol, version) => {
    const isSameLayout = ({ command }: GroupMod): boolean => version === 1 || version >= 6 || command !== "insertBucket";
    const texts = GROUP_TEXTS.map((text) => parseGroup(text));
    const mods = [...texts, ...fc.sample(groupModArbitrary, { numRuns: 600, seed: version }).filter(isSameLayout)];
    const encoded = mods
      .map((mod) => ({ ...mod, group: { ...mod.group, buckets: mod.group.buckets.map(withoutHeaders) } }))
      .map((mod) => encodeMessage(mod, version, 1));
    const folder = mkdtempSync(join(tmpdir(), "tenet-openflow-"));
    try {
      const file = join(folder, "messages");
      writeFileSync(file, Buffer.concat(encoded));
      const { stdout } = await run("ovs-ofctl", ["ofp-parse", file], { maxBuffer: 1 << 24 });
      const printed = [...stdout.matchAll(/GROUP_MOD.*:\n (.*)/g)].map(([, text]) => text);
      expect(printed).toHaveLength(encoded.length);
      encoded.forEach((bytes, i) => expect(formatGroupMod(bytes, version)).toBe(printed[i]));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  describe("as its switch", () => {
    const folder = mkdtempSync(join(tmpdir(), "tenet-openflow-"));
    const path = join(folder, "br0.mgmt");
    const tiny = new TinySwitch();
    const ofctl = async (...args: string[]): Promise<string> => (await run("ovs-ofctl", args, { timeout: 10_000 })).stdout;

    beforeAll(() => tiny.listen(path));
    afterAll(async () => {
      await tiny.close();
      rmSync(folder, { recursive: true });
    });

    test.each(PROTOCOLS)("%s: adds, shows, replaces and deletes flows", async (protocol) => {
      const to = `unix:${path}`;
      await ofctl("-O", protocol, "add-flow", to, "table=1,priority=5,tcp,tp_dst=80,actions=output:1");
      await ofctl("-O", protocol, "add-flow", to, "table=2,reg0=5/7,actions=resubmit(,3)");
      const dumped = await ofctl("-O", protocol, "--no-stats", "dump-flows", to);
      expect(dumped.replaceAll("reset_counts ", "")).toBe(
        " table=1, priority=5,tcp,tp_dst=80 actions=output:1\n table=2, reg0=0x5/0x7 actions=resubmit(,3)\n",
      );
      expect(await ofctl("-O", protocol, "dump-flows", to)).toContain("duration=1.500s, table=1, n_packets=3, n_bytes=9,");
      expect(await ofctl("-O", protocol, "dump-aggregate", to)).toContain("packet_count=1 byte_count=2 flow_count=2");
      expect(await ofctl("-O", protocol, "dump-ports", to)).toContain("port LOCAL: rx pkts=1, bytes=3, drop=5, errs=0");
      expect(await ofctl("-O", protocol, "dump-ports-desc", to)).toContain("1(p1): addr:0a:00:00:00:00:01");
      expect(await ofctl("-O", protocol, "dump-tables", to)).toContain("active=1, lookup=2, matched=3");
      expect(await ofctl("-O", protocol, "dump-desc", to)).toContain("Manufacturer: Tenet");
      expect(await ofctl("-O", protocol, "show", to)).toContain("dpid:0000000000000042");
      await ofctl("-O", protocol, "probe", to);
      const file = join(folder, "flows.txt");
      writeFileSync(file, "ip,actions=drop\n");
      await ofctl("-O", protocol, "replace-flows", to, file);
      expect(tiny.flows.map(({ match }) => formatMatch(match))).toEqual(["ip"]);
      expect(await ofctl("-O", protocol, "diff-flows", to, file)).toBe("");
      await ofctl("-O", protocol, "del-flows", to);
      expect(tiny.flows).toEqual([]);
    });

    test.each(["OpenFlow13", "OpenFlow14", "OpenFlow15"])("%s: a bundle is committed", async (protocol) => {
      await ofctl("-O", protocol, "--bundle", "add-flow", `unix:${path}`, "table=2,reg0=5/7,actions=resubmit(,3)");
      expect(tiny.flows.map(({ table }) => table)).toEqual([2]);
      await ofctl("-O", protocol, "del-flows", `unix:${path}`);
    });

    test.each(PROTOCOLS)("%s: a refusal reaches its user by name", async (protocol) => {
      const adding = ofctl("-O", protocol, "add-flow", `unix:${path}`, "table=99,ip,actions=drop");
      await expect(adding).rejects.toThrow(/OFPT_ERROR.*BAD_TABLE_ID/);
    });

    test.each(PROTOCOLS)(
      "%s: our client adds, reads and deletes flows, and learns which one was refused",
      async (_protocol, version) => {
        using client = await connectOpenFlow(`unix:${path}`, { versions: [version] });
        const flows = [parseFlow("table=1,tcp,tp_dst=80,actions=output:1"), parseFlow("table=2,reg0=1,actions=drop")];
        await client.transactFlows(flows);
        expect((await client.flows()).map(({ match }) => formatMatch(match))).toEqual(["tcp,tp_dst=80", "reg0=0x1"]);
        await client.transactFlows([], flows);
        expect(await client.flows()).toEqual([]);
        if (version !== 1) return;
        const refused = client.transactFlows([parseFlow("table=99,ip,actions=drop")]);
        await expect(refused).rejects.toThrow(FlowTransactionError);
        await expect(refused).rejects.toThrow(/OFPBRC_BAD_TABLE_ID|OFPFMFC_BAD_TABLE_ID/);
      },
    );
  });
});
