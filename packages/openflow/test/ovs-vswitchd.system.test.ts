import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectOpenFlow, FlowTransactionError, formatFlow, formatFlowStats, parseFlow, type Version } from "@tenet/openflow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const hasPeer = ["ovs-vswitchd", "ovsdb-server", "ovs-vsctl"].every((name) => spawnSync(name, ["--version"]).status === 0);
if (!hasPeer) console.log("skipped: Open vSwitch is not installed");

const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";

describe.skipIf(!hasPeer || !existsSync(SCHEMA))("against ovs-vswitchd", () => {
  const folder = mkdtempSync(join(tmpdir(), "tenet-vswitchd-"));
  const db = join(folder, "db.sock");
  const env = { ...process.env, OVS_RUNDIR: folder, OVS_LOGDIR: folder, OVS_DBDIR: folder };
  const children: ReturnType<typeof spawn>[] = [];
  const start = (name: string, ...args: string[]): void => {
    children.push(
      spawn(name, [...args, `--unixctl=${join(folder, `${name}.ctl`)}`, "-vconsole:off"], { env, cwd: folder, stdio: "ignore" }),
    );
  };

  beforeAll(async () => {
    spawnSync("ovsdb-tool", ["create", join(folder, "conf.db"), SCHEMA]);
    start("ovsdb-server", join(folder, "conf.db"), `--remote=punix:${db}`);
    for (let i = 0; i < 1000 && !existsSync(db); i++) await new Promise((resolve) => setTimeout(resolve, 20));
    spawnSync("ovs-vsctl", [`--db=unix:${db}`, "--no-wait", "init"], { env });
    start("ovs-vswitchd", `unix:${db}`, "--enable-dummy=override", "--disable-system");
    const added = spawnSync(
      "ovs-vsctl",
      [`--db=unix:${db}`, "-t", "20", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=dummy", "fail_mode=secure"],
      { env },
    );
    expect(added.status, String(added.stderr)).toBe(0);
  });

  afterAll(async () => {
    for (const child of children.reverse()) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill();
      await ended;
    }
    rmSync(folder, { recursive: true });
  });

  test.each([1, 3, 4, 5, 6] as const)(
    "version %i: flows are installed, read back and deleted; a bad one spoils the whole bundle",
    async (version: Version) => {
      using client = await connectOpenFlow(`unix:${join(folder, "br0.mgmt")}`, { versions: [version] });
      const flows = [
        "table=7, priority=9,tcp,reg0=0x5/0x7,metadata=0x3,dl_vlan=4,tp_dst=80,tcp_flags=+syn actions=resubmit(,9),move:NXM_NX_REG0[]->NXM_NX_REG1[],clone(output:1)",
        "table=8, icmp6,nw_ttl=255,icmp_type=135,nd_target=fe80::1 actions=controller(userdata=01.02),dec_ttl,NORMAL",
        "cookie=0xffffffff00000001, table=9, conj_id=5,ct_state=+new-est+trk,ip actions=drop",
      ];
      await client.transactFlows(flows.map((text) => parseFlow(text)));
      const read = await client.flows();
      expect(read.map((flow) => formatFlow({ ...flow, flags: 0 })).sort()).toEqual([...flows].sort());
      const dumped = spawnSync("ovs-ofctl", [
        "-O",
        "OpenFlow10",
        "dump-flows",
        `unix:${join(folder, "br0.mgmt")}`,
      ]).stdout.toString();
      if (version === 1) {
        const withoutTime = (text: string): string => text.replace(/duration=[\d.]+s/, "");
        const own = read.map((flow) => ` ${formatFlowStats({ ...flow, flags: 0 })}`);
        expect(own.map(withoutTime)).toEqual(dumped.trimEnd().split("\n").slice(1).map(withoutTime));
      }
      const bad = { ...parseFlow("table=3,ip,actions=output:1"), actions: [{ type: "group", group: 99 }] as const };
      const refused = client.transactFlows([parseFlow("table=2,ip,actions=drop"), bad]);
      await expect(refused).rejects.toThrow(FlowTransactionError);
      await expect(refused).rejects.toMatchObject({ refused: [{ command: "add", error: "OFPBAC_BAD_OUT_GROUP" }] });
      expect(await client.flows()).toHaveLength(version < 4 ? 4 : 3);
      await client.transactFlows([], await client.flows());
      expect(await client.flows()).toEqual([]);
    },
  );
});
