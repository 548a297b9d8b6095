/** Groups by the real ovs-ofctl: this switch and Debian's answer alike. */
import { expect, test } from "vitest";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`groups.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const COMMANDS: readonly (readonly string[])[] = [
  ["add-group", "br0", "group_id=1,type=select,bucket=weight:5,actions=output:1,bucket=output:2"],
  [
    "add-group",
    "br0",
    "group_id=2,type=ff,bucket=watch_port:1,actions=output:1,bucket=watch_group:1,watch_port:2,actions=group:1",
  ],
  [
    "add-group",
    "br0",
    "group_id=3,type=select,selection_method=hash,fields(ip_src=255.255.0.0,tcp_dst),bucket=bucket_id:7,actions=output:1,bucket=bucket_id:9,actions=set_field:1->reg0,output:2",
  ],
  ["add-group", "br0", "group_id=4,type=all,bucket=output:1,bucket=output:2"],
  ["add-group", "br0", "group_id=4,type=all,bucket=output:1,bucket=output:2"],
  ["mod-group", "br0", "group_id=5,type=indirect,bucket=output:1"],
  ["--may-create", "mod-group", "br0", "group_id=5,type=indirect,bucket=output:1"],
  ["insert-buckets", "br0", "group_id=3,command_bucket_id=first,bucket=bucket_id:3,actions=output:3"],
  ["insert-buckets", "br0", "group_id=3,command_bucket_id=7,bucket=bucket_id:4,actions=output:3"],
  ["insert-buckets", "br0", "group_id=3,command_bucket_id=7,bucket=bucket_id:4,actions=output:3"],
  ["insert-buckets", "br0", "group_id=3,command_bucket_id=99,bucket=bucket_id:44,actions=output:3"],
  ["insert-buckets", "br0", "group_id=33,command_bucket_id=99,bucket=bucket_id:44,actions=output:3"],
  ["remove-buckets", "br0", "group_id=3,command_bucket_id=last"],
  ["remove-buckets", "br0", "group_id=3,command_bucket_id=98"],
  ["dump-groups", "br0"],
  ["dump-groups", "br0", "3"],
  ["dump-groups", "br0", "99"],
  ["dump-group-stats", "br0", "group_id=1"],
  ["dump-group-stats", "br0", "group_id=99"],
  ["dump-group-features", "br0"],
  ["add-flow", "br0", "actions=group:99"],
  ["add-flow", "br0", "actions=group:2"],
  ["add-flow", "br0", "table=3,actions=clone(group:2)"],
  ["add-flow", "br0", "table=5,actions=group:4"],
  ["add-flow", "br0", "table=6,actions=write_actions(group:4)"],
  ["dump-flows", "br0", "out_group=4"],
  ["mod-flows", "br0", "table=5,actions=group:5"],
  ["dump-group-stats", "br0"],
  ["del-groups", "br0", "group_id=2"],
  ["dump-flows", "br0"],
  ["del-groups", "br0"],
  ["dump-flows", "br0"],
  ["add-group", "br0", "group_id=5,type=indirect"],
  ["add-group", "br0", "group_id=5,type=select,bucket=bucket_id=3,output:1,bucket=bucket_id=3,output:2"],
  ["packet-out", "br0", "in_port=1 packet=00000000000100000000000208060001 actions=group:99"],
  ["--bundle", "add-groups", "br0", "DIR/groups.txt"],
  ["bundle", "br0", "DIR/bundle.txt"],
  ["dump-groups", "br0"],
  ["dump-flows", "br0"],
  ["bundle", "br0", "DIR/bad-bundle.txt"],
  ["dump-groups", "br0"],
  ["dump-flows", "br0"],
  ["del-groups", "br0"],
  ["del-flows", "br0"],
];

systemTest("every command about groups prints what it prints on the original", { timeout: 240_000 }, async () => {
  await using pair = await SideBySide.start();
  pair.writeFile("groups.txt", "group_id=1,type=all,bucket=output:1\ngroup_id=2,type=all,bucket=output:2\n");
  const packet = "packet=00000000000100000000000208060001";
  pair.writeFile(
    "bundle.txt",
    `flow add table=2,actions=drop\ngroup add group_id=7,type=all,bucket=output:2\nflow add table=3,actions=group:7
group modify group_id=1,type=all,bucket=output:3\npacket-out in_port=1 ${packet} actions=group:7\n`,
  );
  pair.writeFile(
    "bad-bundle.txt",
    "group add group_id=8,type=all,bucket=output:2\nflow add table=9,actions=1\nflow add actions=group:99\n",
  );
  for (const version of ["OpenFlow10", "OpenFlow11", "OpenFlow12", "OpenFlow14", "OpenFlow15"]) {
    for (const command of COMMANDS) {
      const [theirs, ours] = await pair.run("ovs-ofctl", "-O", version, ...command);
      expect(ours, `${version} ${command.join(" ")}`).toBe(theirs);
    }
  }
});

systemTest("a packet's way through groups is told as the original tells it", async () => {
  await using pair = await SideBySide.start();
  const groups = [
    "group_id=1,type=all,bucket=set_field:1->reg0,output:2,bucket=output:3,bucket=set_field:1->reg0",
    "group_id=3,type=ff,bucket=watch_port:77,output:2,bucket=watch_port:2,output:3",
    "group_id=4,type=indirect,bucket=output:2",
    "group_id=5,type=ff",
    "group_id=8,type=all,bucket=group:1,bucket=output:1",
    "group_id=9,type=select,bucket=output:1,bucket=output:3",
  ];
  for (const group of groups) expect((await pair.run("ovs-ofctl", "-O", "OpenFlow15", "add-group", "br0", group))[1]).toBe("");
  for (const id of [1, 3, 4, 5, 8, 9]) {
    await pair.run("ovs-ofctl", "add-flow", "br0", `actions=group:${id},output:1`);
    const [theirs, ours] = await pair.run("ovs-appctl", "ofproto/trace", "br0", "in_port=2,tcp");
    // Who drops an output, and which numbers ports have in the datapath, each says in its own way.
    const story = (text: string): string =>
      text
        .replace(/^Flow:.*|^Final flow:.*|^Megaflow:.*|^ *(?:->|>>) .*\n/gm, "")
        .replace(/^Datapath actions:.*/m, (actions) => actions.replace(/\d+/g, "N"));
    expect(story(ours), theirs).toBe(story(theirs));
  }
  const features = await pair.run("ovs-appctl", "dpif/show-dp-features", "br0");
  const [theirHash, ourHash] = features.map((text) => /^Max dp_hash algorithm:.*$/m.exec(text)?.[0]);
  expect(ourHash).toBe(theirHash);
});
