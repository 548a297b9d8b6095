/** Rows of Flow_Table, and monitors of flows by ovs-ofctl: this switch and Debian's do alike. */
import { spawn } from "node:child_process";
import { expect, test } from "vitest";
import { tool } from "./live-switch.ts";
import { whyNoOriginal } from "./original-switch.ts";
import { SideBySide } from "./side-by-side.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`flow-tables.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

systemTest("a table's limit refuses or evicts, by the groups of its row", { timeout: 120_000 }, async () => {
  await using pair = await SideBySide.start();
  const both = async (program: string, ...args: readonly string[]): Promise<string> => {
    const [theirs, ours] = await pair.run(program, ...args);
    expect(ours, args.join(" ")).toBe(theirs);
    return ours;
  };
  const row = [
    "--id=@t",
    "create",
    "flow_table",
    "name=main",
    "flow_limit=2",
    "overflow_policy=refuse",
    'groups="NXM_OF_IN_PORT[]"',
  ];
  const configure = async (...args: readonly string[]): Promise<void> => {
    for (const dir of pair.dirs) {
      const { err } = await tool("ovs-vsctl", [`--db=unix:${dir}/db.sock`, "--timeout=10", ...args]);
      expect(err).toBe("");
    }
  };
  await configure("set", "bridge", "br0", "flow_tables:0=@t", "--", ...row);
  await both("ovs-ofctl", "add-flow", "br0", "idle_timeout=100,in_port=1,tcp,actions=drop");
  await both("ovs-ofctl", "add-flow", "br0", "idle_timeout=200,in_port=1,udp,actions=drop");
  expect(await both("ovs-ofctl", "add-flow", "br0", "in_port=2,actions=drop")).toContain("TABLE_FULL");
  await both("ovs-ofctl", "dump-tables", "br0");
  const features = await pair.run("ovs-ofctl", "-O", "OpenFlow15", "dump-table-features", "br0");
  const [theirLimits, ourLimits] = features.map((text) => text.match(/max_entries=\d+/g));
  expect(ourLimits).toEqual(theirLimits);
  await both("ovs-ofctl", "-O", "OpenFlow13", "mod-table", "br0", "0", "name:main");
  const refusals = await pair.run("ovs-ofctl", "-O", "OpenFlow13", "mod-table", "br0", "0", "name:other");
  expect(refusals.map((text) => text.split("\n")[0])).toEqual(pair.dirs.map(() => "OFPT_ERROR (OF1.3): OFPTFFC_EPERM"));
  await both("ovs-ofctl", "-O", "OpenFlow13", "mod-table", "br0", "1", "name:other");
  await configure("set", "flow_table", "main", "overflow_policy=evict");
  await both("ovs-ofctl", "add-flow", "br0", "idle_timeout=50,in_port=2,actions=drop");
  expect(await both("ovs-ofctl", "dump-flows", "br0")).not.toContain("tcp");
});

systemTest.each(["OpenFlow10", "OpenFlow11", "OpenFlow12", "OpenFlow13", "OpenFlow14", "OpenFlow15"])(
  "%s: a monitor of flows prints what it prints on the original",
  { timeout: 120_000 },
  async (version) => {
    await using pair = await SideBySide.start();
    await pair.run("ovs-ofctl", "add-flow", "br0", "table=2,ip,cookie=5,idle_timeout=7,actions=output:1");
    const texts = pair.dirs.map(() => "");
    const monitors = pair.dirs.map((dir, i) => {
      const monitor = spawn("ovs-ofctl", ["-O", version, "monitor", "br0", "watch:!own"], {
        env: { ...process.env, OVS_RUNDIR: dir },
      });
      for (const stream of [monitor.stdout, monitor.stderr]) {
        stream.on("data", (bytes: Buffer) => {
          texts[i] += bytes.toString().replaceAll(/ \(xid=0x[0-9a-f]*\)/g, "");
        });
      }
      return monitor;
    });
    const have = async (part: string): Promise<void> => {
      await expect.poll(() => texts.every((text) => text.includes(part)), { timeout: 30_000 }).toBe(true);
    };
    try {
      await have("cookie=0x5");
      for (const args of [
        ["add-flow", "br0", "table=1,tcp,actions=drop"],
        ["add-flow", "br0", "table=1,tcp,actions=output:2"],
        ["mod-flows", "br0", "table=1,tcp,actions=output:1"],
        ["--strict", "del-flows", "br0", "table=1,tcp"],
        ["add-flow", "br0", "table=9,actions=drop"],
      ]) {
        await pair.run("ovs-ofctl", ...args);
      }
      await have("table=9");
    } finally {
      for (const monitor of monitors) monitor.kill();
    }
    expect(texts[1]).toBe(texts[0]);
  },
);
