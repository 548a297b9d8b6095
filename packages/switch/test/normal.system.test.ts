/** Random port configurations and packets through this switch and through Debian's: NORMAL sends the same packets out. */
import { buildVlan, composePacket } from "@tenet/net";
import { parseMatch } from "@tenet/openflow";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readPortNames, taggedDepartures } from "./departures.ts";
import { LiveSwitch, tool } from "./live-switch.ts";
import { control, type ControlCommand, Original, whyNoOriginal } from "./original-switch.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`normal.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const PORTS = ["p1", "p2", "p3", "p4", "bond0"];
const MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"];
const one = fc.constantFrom;
const vlan = one(0, 5, 10, 11);

/** Columns of a Port, as `ovs-vsctl set` reads them. */
const portColumns = fc
  .record({
    mode: one("", "", "access", "trunk", "native-tagged", "native-untagged", "dot1q-tunnel"),
    tag: vlan,
    trunks: fc.uniqueArray(vlan, { maxLength: 3 }),
    cvlans: fc.uniqueArray(vlan, { maxLength: 2 }),
    priorityTags: one("", "", "never", "if-nonzero", "always", "true"),
    isPlain: fc.boolean(),
    isProtected: one(false, false, true),
  })
  .map(({ mode, tag, trunks, cvlans, priorityTags, isPlain, isProtected }) => [
    ...(mode === "" ? [] : [`vlan_mode=${mode}`]),
    ...(tag === 0 || mode === "trunk" ? [] : [`tag=${tag}`]),
    ...(trunks.length === 0 || mode === "access" || mode === "dot1q-tunnel" ? [] : [`trunks=${trunks.join()}`]),
    ...(cvlans.length === 0 || mode !== "dot1q-tunnel" ? [] : [`cvlans=${cvlans.join()}`]),
    ...(priorityTags === "" ? [] : [`other_config:priority-tags=${priorityTags}`]),
    ...(isPlain ? ["other_config:qinq-ethtype=802.1q"] : []),
    ...(isProtected ? ["protected=true"] : []),
  ]);

interface MirrorColumns {
  readonly isAll: boolean;
  readonly from: string[];
  readonly hasTo: boolean;
  readonly vlans: number[];
}

const mirror: fc.Arbitrary<MirrorColumns> = fc.record({
  isAll: one(false, false, true),
  from: fc.subarray(PORTS, { maxLength: 2 }),
  hasTo: fc.boolean(),
  vlans: fc.uniqueArray(vlan, { maxLength: 2 }),
});
/** All mirrors copy from one place to one place: which of several comes first is chance. */
const mirrorOutput = fc.record({
  columns: one("output_vlan=7", "output_vlan=10", "output_port=@p3", "output_port=@p4"),
  to: one(...PORTS),
});

interface Tag {
  readonly tpid: number;
  readonly vid: number;
  readonly pcp: number;
}

function tagWith(vid: fc.Arbitrary<number>): fc.Arbitrary<Tag> {
  return fc.record({ tpid: one(0x8100, 0x8100, 0x88a8), vid, pcp: one(0, 0, 3) });
}

/** Neither is one for a priority alone, with which the original takes the other away too, nor has another priority, which it mixes up. */
const twoTags = fc
  .tuple(tagWith(one(5, 10, 11)), tagWith(one(5, 10, 11)))
  .map(([outer, inner]) => [outer, { ...inner, pcp: outer.pcp }]);

const packet = fc
  .record({
    inPort: one("p1", "p2", "p3", "p4", "p5", "p6", "LOCAL"),
    src: one(...MACS),
    dst: one(...MACS, "ff:ff:ff:ff:ff:ff", "01:80:c2:00:00:03"),
    tags: fc.oneof(fc.array(tagWith(vlan), { maxLength: 1 }), twoTags),
    body: one("ip", "arp,arp_op=1,arp_spa=10.0.0.1,arp_tpa=10.0.0.1", "arp,arp_op=2,arp_spa=10.0.0.1,arp_tpa=10.0.0.2"),
  })
  .map(({ inPort, src, dst, tags, body }) => {
    const untagged = composePacket(parseMatch(`${body},dl_src=${src},dl_dst=${dst}`).key);
    const frame = tags.reduceRight((inner, each) => buildVlan(each, inner), untagged);
    return {
      trace: ["ofproto/trace", "br0", `in_port=${inPort}`, Buffer.from(frame).toString("hex")] as ControlCommand,
      tags: tags.map(({ tpid, vid, pcp }) => `${tpid === 0x8100 ? "" : "tpid=0x88a8,"}vid=${vid},pcp=${pcp}`),
    };
  });

const known = fc.record({ port: one("p1", "p2", "p3", "p5", "br0"), mac: one(...MACS), vlan });

interface Configuration {
  readonly ports: readonly string[][];
  readonly mirrors: readonly MirrorColumns[];
  readonly output: { readonly columns: string; readonly to: string };
  readonly floodVlans: readonly number[];
  readonly vlanLimit: number;
}

function commandsFor({ ports, mirrors, output, floodVlans, vlanLimit }: Configuration): string[] {
  const commands = ["clear", "Bridge", "br0", "mirrors", "flood_vlans"];
  commands.push("--", "set", "Open_vSwitch", ".", `other_config:vlan-limit=${vlanLimit}`);
  PORTS.forEach((name, i) => {
    commands.push("--", "clear", "Port", name, "vlan_mode", "tag", "trunks", "cvlans", "other_config");
    commands.push("--", "set", "Port", name, "protected=false", ...(ports[i] ?? []));
  });
  for (const name of PORTS) commands.push("--", `--id=@${name}`, "get", "Port", name);
  mirrors.forEach(({ isAll, from, hasTo, vlans }, i) => {
    const columns = [
      `select_all=${isAll}`,
      ...(from.length === 0 ? [] : [`select_src_port=${from.map((name) => `@${name}`).join()}`]),
      ...(hasTo ? [`select_dst_port=@${output.to}`] : []),
      ...(vlans.length === 0 ? [] : [`select_vlan=${vlans.join()}`]),
      output.columns,
    ];
    commands.push(
      "--",
      `--id=@m${i}`,
      "create",
      "Mirror",
      `name=m${i}`,
      ...columns,
      "--",
      "add",
      "Bridge",
      "br0",
      "mirrors",
      `@m${i}`,
    );
  });
  if (floodVlans.length > 0) commands.push("--", "set", "Bridge", "br0", `flood_vlans=${floodVlans.join()}`);
  return commands;
}

systemTest("random ports send random packets where the original sends them", async () => {
  await using original = new Original();
  await original.start();
  await using live = await LiveSwitch.start();
  const dirs = [original.dir, live.dir];
  for (const dir of dirs) {
    const set: string[] = [];
    for (let n = 1; n <= 6; n++) set.push("--", "set", "Interface", `p${n}`, "type=dummy", `ofport_request=${n}`);
    const add = PORTS.slice(0, 4).flatMap((name) => ["--", "add-port", "br0", name]);
    const bond = ["--", "add-bond", "br0", "bond0", "p5", "p6", "bond_mode=active-backup", "other_config:bond-primary=p5"];
    const bridge = ["add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=dummy"];
    const args = [`--db=unix:${dir}/db.sock`, "--timeout=10", ...bridge, ...add, ...bond, ...set];
    expect((await tool("ovs-vsctl", args)).err).toBe("");
  }
  const names = await Promise.all(dirs.map(async (dir) => readPortNames((await control(dir, [["dpif/show"]]))[0] ?? "")));
  const property = fc.asyncProperty(
    fc.array(portColumns, { minLength: PORTS.length, maxLength: PORTS.length }),
    fc.array(mirror, { maxLength: 2 }),
    mirrorOutput,
    fc.subarray([5, 10], { maxLength: 1 }),
    fc.uniqueArray(known, { maxLength: 4, selector: ({ vlan: v, mac }) => `${v} ${mac}` }),
    one(0, 1, 2),
    fc.array(packet, { minLength: 12, maxLength: 12 }),
    async (ports, mirrors, output, floodVlans, addresses, vlanLimit, drawn) => {
      // A tunnel puts a tag over two that are in sight: the original has no room for a third, and takes it away.
      const maxTags = vlanLimit !== 1 && ports.flat().includes("vlan_mode=dot1q-tunnel") ? 1 : 2;
      const packets = drawn.filter(({ tags }) => tags.length <= maxTags);
      const configuration = commandsFor({ ports, mirrors, output, floodVlans, vlanLimit });
      // In a VLAN that floods, the original finds no entry to take back.
      const entered = addresses.filter(({ vlan: v }) => !floodVlans.includes(v));
      const enter = entered.map(({ port, vlan: v, mac }): ControlCommand => ["fdb/add", "br0", port, String(v), mac]);
      const leave = entered.map(({ vlan: v, mac }): ControlCommand => ["fdb/del", "br0", String(v), mac]);
      const traces = packets.map(({ trace }) => trace);
      const [theirs = [], ours = []] = await Promise.all(
        dirs.map(async (dir) => {
          expect((await tool("ovs-vsctl", [`--db=unix:${dir}/db.sock`, "--timeout=10", ...configuration])).err).toBe("");
          const replies = await control(dir, [...enter, ...traces]);
          for (const command of leave) await control(dir, [command]);
          return replies.slice(enter.length);
        }),
      );
      packets.forEach(({ tags }, i) => {
        const expected = taggedDepartures(theirs[i] ?? "", tags, names[0] ?? new Map());
        const told = `${configuration.join(" ")}\n${JSON.stringify(enter)}\n${theirs[i]}\n${ours[i]}`;
        expect(taggedDepartures(ours[i] ?? "", tags, names[1] ?? new Map()), told).toEqual(expected);
      });
    },
  );
  await fc.assert(property, { numRuns: 100, endOnFailure: true });
});
