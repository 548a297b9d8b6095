/** Queues, tables, connections and tunnel options by the real ovs-ofctl: this switch and Debian's answer alike. */
import { expect, test } from "vitest";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`requests.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const COMMANDS: readonly (readonly string[])[] = [
  ["queue-get-config", "br0"],
  ["queue-get-config", "br0", "1"],
  ["queue-get-config", "br0", "99"],
  ["queue-get-config", "br0", "1", "0"],
  ["queue-get-config", "br0", "1", "2"],
  ["dump-table-desc", "br0"],
  ["mod-table", "br0", "0", "evict"],
  ["mod-table", "br0", "1", "vacancy:20,80"],
  ["mod-table", "br0", "2", "name:fred"],
  ["dump-table-desc", "br0"],
  ["dump-tables", "br0"],
  ["mod-table", "br0", "ALL", "noevict"],
  ["mod-table", "br0", "3", "drop"],
  ["mod-table", "br0", "4", "continue"],
  ["dump-tables", "br0"],
  ["mod-table", "br0", "3", "controller"],
  ["mod-table", "br0", "1", "novacancy"],
  ["ct-flush", "br0", "zone=5", "ct_nw_src=10.1.1.1,ct_nw_proto=17"],
  ["ct-flush-zone", "br0", "5"],
  ["dump-ipfix-bridge", "br0"],
  ["queue-stats", "br0"],
  ["queue-stats", "br0", "1"],
  ["queue-stats", "br0", "1", "5"],
  ["queue-stats", "br0", "99"],
  ["add-flow", "br0", "table=7,cookie=1,in_port=1,actions=output:0"],
  ["add-flow", "br0", "table=7,cookie=2,in_port=2,actions=1"],
  ["mod-flows", "br0", "table=7,cookie=1/-1,cookie=4,actions=4"],
  ["mod-flows", "br0", "table=7,cookie=3/-1,cookie=5,actions=5"],
  ["mod-flows", "br0", "table=7,cookie=6,reg0=1,actions=6"],
  ["mod-flows", "br0", "table=7,cookie=7,arp,actions=7"],
  ["dump-flows", "br0", "table=7"],
  ["--bundle", "add-flow", "br0", "table=254,actions=drop"],
  ["del-flows", "br0", "table=7"],
  ["del-tlv-map", "br0"],
  ["add-tlv-map", "br0", "{class=0xffff,type=0,len=4}->tun_metadata0"],
  ["add-tlv-map", "br0", "{class=0xffff,type=1,len=8}->tun_metadata1,{class=0xffff,type=0x80,len=4}->tun_metadata5"],
  ["add-tlv-map", "br0", "{class=0xffff,type=1,len=8}->tun_metadata9"],
  ["add-tlv-map", "br0", "{class=0xffff,type=9,len=8}->tun_metadata1"],
  ["add-tlv-map", "br0", "{class=0xffff,type=9,len=7}->tun_metadata11"],
  ["add-tlv-map", "br0", "{class=0xffff,type=10,len=124}->tun_metadata20"],
  ["add-tlv-map", "br0", "{class=0xffff,type=11,len=124}->tun_metadata21"],
  ["add-flow", "br0", "table=6,tun_metadata0=1234,actions=drop"],
  ["add-flow", "br0", "table=6,tun_metadata0=0x5/0xf,tun_flags=+oam,tun_gbp_id=5,actions=drop"],
  [
    "add-flow",
    "br0",
    "table=6,tun_metadata1=7,actions=set_field:0x55->tun_metadata0,move:tun_metadata0[0..15]->reg0[16..31],output:1",
  ],
  ["add-flow", "br0", "table=6,tun_metadata2=0x12,actions=drop"],
  ["add-flow", "br0", "table=6,priority=2,actions=push:tun_metadata0"],
  ["add-flow", "br0", "table=6,priority=3,actions=set_field:0x55->tun_metadata9"],
  ["add-flow", "br0", "table=6,packet_type=(1,0x800),nw_src=1.2.3.4,actions=drop"],
  ["add-flow", "br0", "table=6,mpls,mpls_label=5,mpls_tc=3,mpls_ttl=6,mpls_bos=1,actions=drop"],
  ["add-flow", "br0", "table=6,ct_nw_src=1.2.3.4,ct_nw_proto=6,ct_tp_src=5,ct_state=+trk+est,ip,actions=drop"],
  ["add-flow", "br0", "table=6,dp_hash=5,actions=drop"],
  ["dump-flows", "br0", "table=6"],
  ["dump-flows", "br0", "table=6,tun_metadata0=1234"],
  ["del-tlv-map", "br0", "{class=0xffff,type=0,len=4}->tun_metadata0"],
  ["del-flows", "br0", "table=6"],
  ["dump-tlv-map", "br0"],
  ["del-tlv-map", "br0", "{class=0xffff,type=10,len=124}->tun_metadata20"],
  ["dump-tlv-map", "br0"],
];

systemTest(
  "requests about queues, tables, connections and tunnel options print what they print on the original",
  { timeout: 240_000 },
  async () => {
    await using pair = await SideBySide.start();
    for (const version of ["OpenFlow10", "OpenFlow11", "OpenFlow12", "OpenFlow13", "OpenFlow15"]) {
      // In OpenFlow 1.1 the original tells wrongly of what it was told to do with packets that find no flow.
      for (const command of COMMANDS.filter(([name]) => version !== "OpenFlow11" || name !== "mod-table")) {
        const [theirs, ours] = await pair.run("ovs-ofctl", "-O", version, ...command);
        expect(ours, `${version} ${command.join(" ")}`).toBe(theirs);
      }
      const [before, now] = await pair.run("ovs-ofctl", "-O", "OpenFlow13", "dump-ports", "br0", "1");
      expect(now).toBe(before);
      const [theirs, ours] = await pair.run("ovs-ofctl", "-O", version, "show", "br0");
      const capabilities = (text: string): string | undefined => /^capabilities:.*/m.exec(text)?.[0];
      expect(capabilities(ours), theirs).toBe(capabilities(theirs));
    }
  },
);
