/** The switch as Open vSwitch's own tools see it. */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { LiveHost, LiveSwitch, ownName, tool, until, whyNot } from "./live-switch.ts";

const reason = whyNot();
if (reason !== undefined) console.log(`real-tools.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

const [BR0, BR1, V1, P0, P1] = [ownName("br0"), ownName("br1"), ownName("v1"), ownName("p0"), ownName("p1")];

systemTest("ovs-vsctl makes a working learning switch, and unmakes it", async () => {
  await using live = await LiveSwitch.start();
  using a = new LiveHost(1);
  using b = new LiveHost(2);
  expect(await live.vsctl("add-br", BR0, "--", "add-port", BR0, a.port, "--", "add-port", BR0, b.port)).toEqual({
    code: 0,
    out: "",
    err: "",
  });
  expect((await live.vsctl("get", "Interface", a.port, "ofport")).out).toBe("1\n");
  expect((await live.vsctl("get", "Bridge", BR0, "datapath_id")).out).toMatch(/^"[0-9a-f]{16}"\n$/);
  await live.vsctl("set", "Bridge", BR0, "other-config:hwaddr=02:00:00:00:77:01");
  expect(readFileSync(`/sys/class/net/${BR0}/address`, "utf8")).toBe("02:00:00:00:77:01\n");
  expect((await live.vsctl("get", "Bridge", BR0, "datapath_id")).out).toBe('"0000020000007701"\n');
  expect(await a.pings(b)).toBe(true);
  expect((await live.appctl("fdb/show", BR0)).out.trim().split("\n")).toHaveLength(3);
  expect((await live.appctl("dpif/dump-flows", BR0)).out).toContain("eth_type(0x0800)");
  expect((await live.ofctl("dump-flows", BR0)).out).toMatch(/n_packets=[1-9]\d*, .*priority=0 actions=NORMAL/);
  expect((await live.vsctl("del-br", BR0)).code).toBe(0);
  expect(existsSync(`/sys/class/net/${BR0}`)).toBe(false);
  expect(existsSync(join(live.dir, `${BR0}.mgmt`))).toBe(false);
  expect(await a.pings(b)).toBe(false);
});

systemTest("a bridge whose name leads elsewhere is not made", async () => {
  await using live = await LiveSwitch.start();
  const victim = join(live.dir, "victim.mgmt");
  writeFileSync(victim, "precious");
  await live.vsctl("--no-wait", "add-br", "x/../victim", "--", "add-br", BR0);
  await live.vsctl("set", "Bridge", BR0, "datapath_type=dummy");
  expect((await live.appctl("ofproto/list")).out).toBe(`${BR0}\n`);
  expect(readFileSync(victim, "utf8")).toBe("precious");
});

systemTest("a flow takes effect on the next packet and its removal too", async () => {
  await using live = await LiveSwitch.start();
  using a = new LiveHost(1);
  using b = new LiveHost(2);
  await live.vsctl("add-br", BR0, "--", "add-port", BR0, a.port, "--", "add-port", BR0, b.port);
  expect(await a.pings(b)).toBe(true);
  expect((await live.ofctl("add-flow", BR0, "priority=9,icmp,actions=drop")).code).toBe(0);
  expect(await a.pings(b)).toBe(false);
  await live.ofctl("del-flows", BR0, "icmp");
  expect(await a.pings(b)).toBe(true);
});

systemTest("VLANs part the ports of a bridge; patch ports join bridges", async () => {
  await using live = await LiveSwitch.start();
  using a = new LiveHost(1);
  using b = new LiveHost(2);
  await live.vsctl("add-br", BR0, "--", "add-port", BR0, a.port, "tag=10", "--", "add-port", BR0, b.port, "tag=20");
  expect(await a.pings(b)).toBe(false);
  await live.vsctl("set", "Port", b.port, "tag=10");
  expect(await a.pings(b)).toBe(true);
  await live.vsctl("del-port", b.port, "--", "add-br", BR1, "--", "add-port", BR1, b.port, "tag=10");
  expect(await a.pings(b)).toBe(false);
  const patch = (bridge: string, name: string, peer: string): string[] => [
    "--",
    "add-port",
    bridge,
    name,
    "--",
    "set",
    "Interface",
    name,
    "type=patch",
    `options:peer=${peer}`,
  ];
  await live.vsctl(...patch(BR0, P0, P1).slice(1), ...patch(BR1, P1, P0));
  expect(await a.pings(b)).toBe(true);
  expect((await live.ofctl("dump-ports", BR0, P0)).out).toMatch(/rx pkts=[1-9]/);
});

systemTest("a device that is missing is an error until it appears; port numbers last", async () => {
  await using live = await LiveSwitch.start();
  await live.vsctl("add-br", BR0, "--", "add-port", BR0, V1, "--", "set", "Interface", V1, "ofport_request=7");
  expect((await live.vsctl("get", "Interface", V1, "ofport")).out).toBe("-1\n");
  expect((await live.vsctl("get", "Interface", V1, "error")).out).toContain(`could not open network device ${V1}`);
  using host = new LiveHost(1);
  await until(async () => (await live.vsctl("get", "Interface", V1, "ofport")).out === "7\n");
  host[Symbol.dispose]();
  await until(async () => (await live.vsctl("get", "Interface", V1, "ofport")).out === "-1\n");
});

systemTest("ovs-ofctl does its work in every version", async () => {
  await using live = await LiveSwitch.start();
  await live.vsctl("add-br", BR0, "--", "set", "Bridge", BR0, "datapath_type=dummy", "fail_mode=secure");
  for (const name of ["p1", "p2"]) await live.vsctl("add-port", BR0, name, "--", "set", "Interface", name, "type=dummy");
  const file = join(live.dir, "flows.txt");
  writeFileSync(
    file,
    "table=0,priority=5,ip,actions=resubmit(,1)\ntable=1,cookie=0x7,tcp,tp_dst=80,actions=load:1->NXM_NX_REG0[],2\n",
  );
  for (const version of ["OpenFlow10", "OpenFlow11", "OpenFlow12", "OpenFlow13", "OpenFlow14", "OpenFlow15"]) {
    const ofctl = (...args: string[]): ReturnType<LiveSwitch["ofctl"]> => live.ofctl("-O", version, ...args);
    expect((await ofctl("add-flows", BR0, file)).err).toBe("");
    expect((await ofctl("dump-aggregate", BR0)).out).toContain("flow_count=2");
    const flow = /cookie=0x7, table=1, tcp,tp_dst=80 actions=(load:0x1->NXM_NX_REG0\[\]|set_field:0x1->reg0),output:2/;
    expect((await ofctl("--no-stats", "dump-flows", BR0)).out).toMatch(flow);
    expect((await ofctl("mod-flows", BR0, "tcp,actions=drop")).err).toBe("");
    expect((await ofctl("--strict", "del-flows", BR0, "table=0,priority=5,ip")).err).toBe("");
    expect((await ofctl("dump-flows", BR0)).out).not.toContain("priority=5");
    expect((await ofctl("show", BR0)).out).toContain("dpid:");
    expect((await ofctl("dump-ports-desc", BR0)).out).toContain("2(p2)");
    expect((await ofctl("dump-tables", BR0)).err).toBe("");
    expect((await ofctl("del-flows", BR0, "table=1")).code).toBe(0); // in OpenFlow 1.1 a deletion is of one table
    expect((await ofctl("del-flows", BR0)).code).toBe(0);
    expect((await ofctl("dump-aggregate", BR0)).out).toContain("flow_count=0");
  }
  expect((await live.ofctl("-O", "OpenFlow13", "replace-flows", BR0, file)).err).toBe("");
  expect((await live.ofctl("-O", "OpenFlow13", "diff-flows", BR0, file)).code).toBe(0);
  expect((await live.ofctl("-O", "OpenFlow14", "--bundle", "add-flow", BR0, "table=3,actions=1")).err).toBe("");
  expect((await live.ofctl("add-flow", BR0, "actions=group:1")).err).toContain("OFPT_ERROR");
});

systemTest("a refused flow is shown whole, and the hidden table is not to be changed", async () => {
  await using live = await LiveSwitch.start();
  await live.vsctl("add-br", BR0, "--", "set", "Bridge", BR0, "datapath_type=dummy");
  await live.ofctl("add-flow", BR0, "priority=100,tcp,actions=drop");
  const refused = await live.ofctl("add-flow", BR0, "check_overlap,priority=100,tcp,nw_src=1.2.3.4,tp_dst=80,actions=1");
  expect(refused.err).toContain("OFPFMFC_OVERLAP");
  expect(refused.err).toContain("ADD priority=100,tcp,nw_src=1.2.3.4,tp_dst=80 check_overlap actions=output:1");
  expect((await live.ofctl("add-flow", BR0, "table=254,actions=1")).err).toContain("OFPBRC_EPERM");
  expect((await live.ofctl("-O", "OpenFlow13", "add-flow", BR0, "arp,actions=load:2->NXM_OF_ARP_OP[],IN_PORT")).err).toBe("");
});

systemTest("the state of a device shows in the database and in OpenFlow", async () => {
  await using live = await LiveSwitch.start();
  using a = new LiveHost(1);
  await live.vsctl("add-br", BR0, "--", "add-port", BR0, a.port);
  const state = async (): Promise<string> =>
    (await live.vsctl("get", "Interface", a.port, "admin_state", "link_state")).out.replaceAll("\n", " ").trim();
  expect((await live.vsctl("get", "Interface", a.port, "statistics")).out).toMatch(/^\{.*rx_packets=\d+/);
  const resets = async (): Promise<number> => Number((await live.vsctl("get", "Interface", a.port, "link_resets")).out);
  await until(async () => (await state()) === "up up"); // the kernel tells of a carrier in its own time
  const nResets = await resets();
  await tool("ip", ["-n", a.name, "link", "set", "eth0", "down"]);
  await until(async () => (await state()) === "up down");
  await tool("ip", ["link", "set", a.port, "down"]);
  await until(async () => (await state()) === "down down");
  const { out } = await live.ofctl("dump-ports-desc", BR0, "1");
  expect(out).toMatch(/config: {5}PORT_DOWN\n\s+state: {6}LINK_DOWN/);
  expect(await resets()).toBe(nResets + 1);
  for (const name of [a.port, BR0]) {
    await live.vsctl("set", "Interface", name, "mtu_request=1400");
    await until(async () => (await live.vsctl("get", "Interface", name, "mtu")).out === "1400\n");
    expect(readFileSync(`/sys/class/net/${name}/mtu`, "utf8")).toBe("1400\n");
  }
});

systemTest("monitor hears packets, snoop hears everything", async () => {
  await using live = await LiveSwitch.start();
  await live.vsctl("add-br", BR0, "--", "set", "Bridge", BR0, "datapath_type=dummy");
  await live.vsctl("add-port", BR0, "p1", "--", "set", "Interface", "p1", "type=dummy");
  const heard = { monitor: "", snoop: "" };
  const env = { ...process.env, OVS_RUNDIR: live.dir };
  const monitor = spawn("ovs-ofctl", ["monitor", BR0, "65534"], { env });
  const snoop = spawn("ovs-ofctl", ["snoop", BR0], { env });
  try {
    for (const child of [monitor.stdout, monitor.stderr]) child.on("data", (text) => (heard.monitor += text));
    for (const child of [snoop.stdout, snoop.stderr]) child.on("data", (text) => (heard.snoop += text));
    const arp = "ffffffffffff0200000000010806000108000604000102000000000101020304000000000000020304050000";
    // Both hear of what happens from some moment on.
    await until(async () => {
      await live.ofctl("add-flow", BR0, "arp,send_flow_rem,actions=controller");
      expect((await live.ofctl("packet-out", BR0, `in_port=1,packet=${arp},actions=table`)).code).toBe(0);
      await live.ofctl("del-flows", BR0, "arp");
      const hasHeard = /PACKET_IN[\s\S]*arp_spa=1.2.3.4/.test(heard.monitor) && heard.monitor.includes("FLOW_REMOVED");
      return hasHeard && heard.snoop.includes("FLOW_MOD");
    });
  } finally {
    monitor.kill();
    snoop.kill();
  }
});

systemTest("ovs-appctl finds the switch by its pid file, traces and ends it", async () => {
  const live = await LiveSwitch.start();
  await live.vsctl("add-br", BR0, "--", "set", "Bridge", BR0, "datapath_type=dummy");
  expect((await live.appctl("version")).out).toContain("ovs-vswitchd");
  expect((await live.appctl("ofproto/trace", BR0, "in_port=LOCAL,ip")).out).toContain("Datapath actions: drop");
  expect((await live.appctl("ofproto/trace", "nosuch", "ip")).err).toContain("nosuch: unknown bridge");
  expect((await live.appctl("no/such")).err).toContain("is not a valid command");
  expect((await live.appctl("list-commands")).out).toContain("tenet/trace");
  expect((await live.appctl("ofproto/trace", BR0, "in_port=LOCAL,icpm")).err).toMatch(/flow:1:15.*icmp/);
  expect((await live.appctl("dpctl/show", "-s")).out).toMatch(
    new RegExp(`flows: 0[^]*port \\d+: ${BR0} \\(dummy-internal\\)\\n\\s+RX packets:0`),
  );
  expect((await live.appctl("dpif/dump-dps")).out).toBe(`dummy@${BR0}\n`);
  expect((await live.appctl("dpctl/dump-flows", "--names")).out).toBe("");
  expect((await live.appctl("upcall/show")).out).toContain("(current 0) (avg 0) (max 0) (limit 10000)");
  expect((await live.appctl("memory/show")).out).toBe("handlers:1 ports:1 revalidators:1 rules:5\n");
  expect((await live.appctl("fdb/stats-show", BR0)).out).toContain("entries in the table: 0/8192");
  expect((await live.appctl("exit")).code).toBe(0);
  await live.ended;
  expect(existsSync(join(live.dir, "ovs-vswitchd.pid"))).toBe(false);
  await live[Symbol.asyncDispose]();
});

systemTest("malformed messages end or fail their own connection alone", async () => {
  await using live = await LiveSwitch.start();
  await live.vsctl("add-br", BR0, "--", "set", "Bridge", BR0, "datapath_type=dummy");
  const control = `ovs-vswitchd.${process.pid}.ctl`;
  const junk = [
    Buffer.from("{not json"),
    Buffer.alloc(100, 0xff),
    Buffer.from([4, 0, 0, 8, 0, 0, 0, 1, 4, 14, 0, 9, 0, 0, 0, 2, 7]),
    Buffer.alloc(9),
  ];
  for (const socketName of [`${BR0}.mgmt`, `${BR0}.snoop`, control]) {
    for (const bytes of junk) {
      const socket = connect(join(live.dir, socketName));
      socket.on("error", () => undefined);
      socket.write(bytes);
      await new Promise((resolve) => setTimeout(resolve, 30));
      socket.destroy();
    }
  }
  expect((await live.ofctl("dump-flows", BR0)).out).toContain("NORMAL");
  expect((await live.appctl("version")).code).toBe(0);
});
