/** Random flow tables and packets through this switch and through Debian's Open vSwitch: the same packets leave. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LiveSwitch, type Outcome, tool } from "./live-switch.ts";
import { Original, whyNoOriginal } from "./original-switch.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`differential.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"];
const one = fc.constantFrom;

const flow = fc
  .record({
    table: fc.nat(2),
    priority: fc.nat(60_000),
    proto: one("", "ip", "tcp", "udp", "arp", "ipv6", "icmp"),
    rest: fc.subarray(
      ["in_port=1", `dl_dst=${MACS[0]}`, `dl_src=${MACS[1]}`, "dl_vlan=7", "reg0=1", "reg1=0x2/0x3", "metadata=9"],
      {
        maxLength: 2,
      },
    ),
    address: one("", "", "nw_src=10.0.0.1", "nw_dst=10.0.0.0/24", "nw_src=10.0.0.0/8"),
    actions: fc.array(fc.nat(1000), { maxLength: 4 }),
  })
  .map(({ table, priority, proto, rest, address, actions }) => {
    const isIp = ["ip", "tcp", "udp", "icmp"].includes(proto);
    const pool = [
      "output:1",
      "output:2",
      "output:3",
      "NORMAL",
      "IN_PORT",
      "FLOOD",
      "ALL",
      "LOCAL",
      "exit",
      "strip_vlan",
      "mod_vlan_vid:7",
      "load:1->NXM_NX_REG0[]",
      "load:2->NXM_NX_REG1[0..1]",
      "load:9->OXM_OF_METADATA[]",
      `resubmit(,${table + 1})`,
      `mod_dl_src:${MACS[2]}`,
      `mod_dl_dst:${MACS[0]}`,
      `clone(mod_dl_dst:${MACS[1]},output:2)`,
      `resubmit(2,${table + 1})`,
      "move:NXM_OF_ETH_SRC[]->NXM_OF_ETH_DST[]",
      "push:NXM_OF_ETH_SRC[],pop:NXM_OF_ETH_DST[]",
      `resubmit(,${table + 1})`,
      ...(isIp ? ["dec_ttl", "dec_ttl,dec_ttl", "mod_nw_dst:10.0.1.1", "mod_nw_src:10.0.0.1", "mod_nw_tos:8"] : []),
      ...(proto === "tcp" || proto === "udp" ? ["mod_tp_dst:80"] : []),
    ];
    const match = [proto, ...rest, isIp ? address : ""].filter((part) => part !== "");
    const text = actions.map((n) => pool[n % pool.length]).join(",") || "drop";
    return [`table=${table},priority=${priority}`, ...match, `actions=${text}`].join(",");
  });

const packet = fc
  .record({
    body: one(
      "tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_ttl=64,tp_src=1024,tp_dst=80",
      "tcp,nw_src=10.0.0.2,nw_dst=10.0.1.1,nw_ttl=2,tp_src=1024,tp_dst=81",
      "icmp,nw_src=10.0.0.1,nw_dst=10.0.1.1,nw_ttl=64,icmp_type=8,icmp_code=0",
      "arp,arp_spa=10.0.0.1,arp_tpa=10.0.0.2,arp_op=1",
      "ipv6,ipv6_src=fe80::1,ipv6_dst=fe80::2,nw_proto=89,nw_ttl=3",
    ),
    inPort: one(1, 2, 3),
    src: one(...MACS),
    dst: one(...MACS, "ff:ff:ff:ff:ff:ff"),
    vlan: one("", "", ",dl_vlan=7,dl_vlan_pcp=0", ",dl_vlan=8,dl_vlan_pcp=0"),
  })
  .map(({ body, inPort, src, dst, vlan }) => `${body},in_port=${inPort},dl_src=${src},dl_dst=${dst}${vlan}`);

/** Port names by datapath number, from `dpif/show`. */
async function portNames(dir: string): Promise<Map<string, string>> {
  const { out } = await tool("ovs-appctl", ["dpif/show"], { OVS_RUNDIR: dir });
  return new Map([...out.matchAll(/^ {4}(\S+) \d+\/(\d+):/gm)].map(([, name = "", number = ""]) => [number, name]));
}

/** The packets that leave: port and headers of each, whatever the order and however they were made so. */
function departures({ out, err }: Outcome, sent: string, names: ReadonlyMap<string, string>): string[] {
  const text = /Datapath actions: (.*)/.exec(out)?.[1];
  if (text === undefined) throw new Error(`no actions in ${out}${err}`);
  const headers = new Map(headersOf(sent));
  const left: string[] = [];
  for (const action of text.match(/(?:[^,(]|\((?:[^()]|\([^()]*\))*\))+/g) ?? []) {
    if (action === "pop_vlan") headers.delete("vlan");
    else if (action.startsWith("push_vlan")) headers.set("vlan", action.slice(10, -1));
    else if (action.startsWith("set(")) {
      for (const [, group = "", fields = ""] of action.slice(4, -1).matchAll(/(\w+)\(([^()]*)\)/g)) {
        for (const field of fields.split(",")) {
          const [name = "", value = ""] = field.split("=");
          const layer = group === "tcp" || group === "udp" ? "tp" : group;
          const plain = value.split("/")[0] ?? "";
          headers.set(`${layer}.${name}`, name === "tos" ? String(Number(plain)) : plain);
        }
      }
    } else if (action !== "drop") {
      // Which controller, and what it is told, each says in its own way.
      const to = action.startsWith("userspace(") ? "controller" : (names.get(action) ?? action);
      left.push(`${to} ${JSON.stringify([...headers].sort())}`);
    }
  }
  return left.sort();
}

function headersOf(sent: string): [string, string][] {
  const value = (key: string): string | undefined => new RegExp(`\\b${key}=([^,]*)`).exec(sent)?.[1];
  const fields: [string, string | undefined][] = [
    ["eth.src", value("dl_src")],
    ["eth.dst", value("dl_dst")],
    ["ipv4.src", value("nw_src")],
    ["ipv4.dst", value("nw_dst")],
    ["ipv4.ttl", value("nw_ttl")],
    ["ipv4.tos", "0"],
    ["tp.src", value("tp_src")],
    ["tp.dst", value("tp_dst")],
    ["vlan", value("dl_vlan") === undefined ? undefined : `vid=${value("dl_vlan")},pcp=0`],
  ];
  return fields.filter((field): field is [string, string] => field[1] !== undefined);
}

systemTest("random tables send random packets where the original sends them", async () => {
  await using original = new Original();
  await original.start();
  await using live = await LiveSwitch.start();
  const dirs = [original.dir, live.dir];
  for (const dir of dirs) {
    const add = ["--", "set", "Bridge", "br0", "datapath_type=dummy"];
    for (const n of [1, 2, 3]) {
      add.push("--", "add-port", "br0", `p${n}`, "--", "set", "Interface", `p${n}`, "type=dummy", `ofport_request=${n}`);
    }
    expect((await tool("ovs-vsctl", [`--db=unix:${dir}/db.sock`, "--timeout=10", "add-br", "br0", ...add])).err).toBe("");
  }
  const names = await Promise.all(dirs.map(portNames));
  const file = join(live.dir, "flows.txt");
  const property = fc.asyncProperty(
    fc.array(flow, { minLength: 3, maxLength: 25 }),
    fc.array(packet, { minLength: 10, maxLength: 10 }),
    async (flows, packets) => {
      writeFileSync(file, `${flows.join("\n")}\n`);
      for (const dir of dirs) {
        await tool("ovs-ofctl", ["del-flows", `${dir}/br0.mgmt`]);
        expect((await tool("ovs-ofctl", ["add-flows", `${dir}/br0.mgmt`, file])).err).toBe("");
      }
      for (const sent of packets) {
        const [theirs, ours] = await Promise.all(
          dirs.map((dir) => tool("ovs-appctl", ["ofproto/trace", "br0", sent], { OVS_RUNDIR: dir })),
        );
        if (theirs === undefined || ours === undefined) throw new Error("two answers were asked for");
        const expected = departures(theirs, sent, names[0] ?? new Map());
        expect(departures(ours, sent, names[1] ?? new Map()), `${sent}\n${theirs.out}\n${ours.out}`).toEqual(expected);
      }
    },
  );
  await fc.assert(property, { numRuns: 20, endOnFailure: true });
});
