/** The original's clients work against our server: what they write they read back, and their errors reach them. */
import { join } from "node:path";
import { Scope, silentLogger } from "@tenet/kit";
import { Database, OPEN_VSWITCH, OVN_NORTHBOUND, OVN_SOUTHBOUND, OvsdbServer, type SchemaJson } from "@tenet/ovsdb";
import { describe, expect, test } from "vitest";
import { arePeersInstalled, backgroundPeer, failingPeer, peer } from "./support/peers.ts";
import { temporaryFolder } from "./support/fixtures.ts";

async function setUp(scope: Scope) {
  const folder = temporaryFolder(scope);
  const open = async (schema: SchemaJson, name: string) =>
    scope.use(await Database.open({ schema, file: join(folder, `${name}.db`) }));
  const databases = {
    vswitch: await open(OPEN_VSWITCH, "conf"),
    nb: await open(OVN_NORTHBOUND, "nb"),
    sb: await open(OVN_SOUTHBOUND, "sb"),
  };
  const server = scope.use(new OvsdbServer(Object.values(databases), silentLogger));
  const remote = await server.listen(`punix:${join(folder, "db.sock")}`);
  const call =
    (program: string) =>
    (...options: string[]) =>
      peer(folder, program, `--timeout=15`, `--db=${remote}`, ...options);
  return { folder, remote, databases, vsctl: call("ovs-vsctl"), nbctl: call("ovn-nbctl"), sbctl: call("ovn-sbctl") };
}

describe.skipIf(!arePeersInstalled("ovs-vsctl", "ovsdb-client"))("with the clients of Open vSwitch", () => {
  test("ovs-vsctl adds, lists, sets, finds and deletes bridges, ports and interfaces", async () => {
    await using scope = new Scope();
    const { vsctl, databases } = await setUp(scope);
    await vsctl("--no-wait", "init");
    await vsctl(
      "--no-wait",
      "add-br",
      "br0",
      "--",
      "add-port",
      "br0",
      "eth0",
      "tag=5",
      "--",
      "set",
      "interface",
      "eth0",
      "type=dummy",
      "ofport_request=3",
    );
    expect(await vsctl("list-br")).toBe("br0\n");
    expect(await vsctl("list-ports", "br0")).toBe("eth0\n");
    expect(await vsctl("port-to-br", "eth0")).toBe("br0\n");
    expect(await vsctl("get", "port", "eth0", "tag")).toBe("5\n");
    await vsctl("--no-wait", "set", "bridge", "br0", "other_config:hwaddr=02:00:00:00:00:01", "fail_mode=secure");
    await vsctl("--no-wait", "add", "bridge", "br0", "protocols", "OpenFlow13", "OpenFlow15");
    await vsctl("--no-wait", "remove", "bridge", "br0", "protocols", "OpenFlow13");
    expect(
      await vsctl("--bare", "--columns=protocols,fail_mode", "find", "bridge", "other_config:hwaddr=02\\:00\\:00\\:00\\:00\\:01"),
    ).toBe("OpenFlow15\nsecure\n");
    expect(await vsctl("show")).toContain("Port eth0");
    expect(await vsctl("--format=json", "list", "interface")).toContain('"dummy"');
    await vsctl("--no-wait", "set-controller", "br0", "tcp:127.0.0.1:6653");
    await vsctl(
      "--no-wait",
      "--",
      "--id=@m",
      "create",
      "mirror",
      "name=m",
      "select_all=true",
      "--",
      "set",
      "bridge",
      "br0",
      "mirrors=@m",
    );
    expect(databases.vswitch.table("Mirror").size).toBe(1);
    await vsctl("--no-wait", "clear", "bridge", "br0", "mirrors");
    await vsctl("--no-wait", "del-br", "br0");
    for (const table of ["Bridge", "Port", "Interface", "Mirror", "Controller"])
      expect(databases.vswitch.table(table).size).toBe(0);
    await vsctl("--no-wait", "emer-reset");
  });

  test("ovs-vsctl fails as with the original when a constraint is broken", async () => {
    await using scope = new Scope();
    const { vsctl, folder, remote } = await setUp(scope);
    await vsctl("--no-wait", "init", "--", "add-br", "br0");
    const second = ["--id=@b", "create", "bridge", "name=br0", "--", "add", "open_vswitch", ".", "bridges", "@b"];
    const refused = await failingPeer(folder, "ovs-vsctl", `--db=${remote}`, "--no-wait", "--", ...second);
    const why = 'Transaction causes multiple rows in "Bridge" table to have identical values (br0) for index on column "name".';
    expect(refused).toEqual({ code: 1, stderr: expect.stringContaining(`{"details":"${why.replaceAll('"', '\\"')}`) });
  });

  test("ovs-vsctl without --no-wait returns when the switch has caught up", async () => {
    await using scope = new Scope();
    const { vsctl, databases } = await setUp(scope);
    await vsctl("--no-wait", "init");
    databases.vswitch.onCommit(({ changes }) => {
      const wanted = changes.find(
        (change) => change.table === "Open_vSwitch" && change.old?.["next_cfg"] !== change.new?.["next_cfg"],
      );
      if (wanted?.new === undefined) return;
      const row = { cur_cfg: wanted.new["next_cfg"] as number };
      void databases.vswitch.transact([{ op: "update", table: "Open_vSwitch", where: [], row }], { remote: "switch" });
    });
    await vsctl("add-br", "br1");
    expect(await vsctl("br-exists", "br1")).toBe("");
  });

  test("ovsdb-client lists, dumps, transacts, monitors and waits", async () => {
    await using scope = new Scope();
    const { folder, remote, vsctl } = await setUp(scope);
    const client = (...options: string[]) => peer(folder, "ovsdb-client", "--timeout=15", ...options);
    expect(await client("list-dbs", remote)).toBe("OVN_Northbound\nOVN_Southbound\nOpen_vSwitch\n_Server\n");
    expect(JSON.parse(await client("get-schema", remote, "Open_vSwitch"))).toEqual(
      expect.objectContaining({ name: "Open_vSwitch" }),
    );
    expect(await client("get-schema-version", remote, "OVN_Northbound")).toBe(`${OVN_NORTHBOUND.version}\n`);
    expect(await client("list-tables", remote, "OVN_Northbound")).toContain("Logical_Switch");
    expect(await client("list-columns", remote, "OVN_Northbound", "ACL")).toContain("priority");
    await vsctl("--no-wait", "init");
    const insert =
      '["OVN_Northbound",{"op":"insert","table":"Logical_Switch","row":{"name":"s"}},{"op":"commit","durable":true}]';
    expect(JSON.parse(await client("transact", remote, insert))).toEqual([{ uuid: ["uuid", expect.anything()] }, {}]);
    expect(
      await client("query", remote, '["OVN_Northbound",{"op":"select","table":"Logical_Switch","where":[],"columns":["name"]}]'),
    ).toBe('[{"rows":[{"name":"s"}]}]\n');
    expect(await client("dump", remote, "OVN_Northbound", "Logical_Switch", "name")).toContain("s");
    expect(await client("dump", remote, "Open_vSwitch")).toContain("Open_vSwitch table");
    await client("wait", remote, "OVN_Northbound", "connected");
    const backup = await client("backup", remote, "OVN_Northbound");
    expect(backup).toMatch(/^OVSDB JSON/);
    expect((await failingPeer(folder, "ovsdb-client", "dump", remote, "Nope")).code).toBe(1);
  });

  test.each([["monitor"], ["monitor-cond"], ["monitor-cond-since"]])(
    "ovsdb-client %s sees initial rows and changes",
    async (method) => {
      await using scope = new Scope();
      const { folder, remote, nbctl } = await setUp(scope);
      await nbctl("ls-add", "s1");
      const params =
        method === "monitor"
          ? [remote, "OVN_Northbound", "Logical_Switch", "name"]
          : [remote, "OVN_Northbound", '[["name","!=","hidden"]]', "Logical_Switch", "name"];
      if (method === "monitor-cond-since") params.splice(2, 0, "00000000-0000-0000-0000-000000000000");
      const monitor = backgroundPeer(scope, folder, "ovsdb-client", "--format=csv", "--no-headings", method, ...params);
      let output = "";
      monitor.stdout?.on("data", (bytes: Buffer) => (output += bytes.toString()));
      await expect.poll(() => output, { timeout: 5000 }).toContain("initial,s1");
      await nbctl("ls-add", "s2");
      await expect.poll(() => output, { timeout: 5000 }).toContain("insert,s2");
      await nbctl("ls-del", "s1");
      await expect.poll(() => output, { timeout: 5000 }).toContain(",delete,");
    },
  );
});

describe.skipIf(!arePeersInstalled("ovn-nbctl", "ovn-sbctl"))("with the clients of OVN", () => {
  test("ovn-nbctl makes switches, ports, ACLs, groups, sets and routers", async () => {
    await using scope = new Scope();
    const { nbctl, databases } = await setUp(scope);
    await nbctl("init");
    await nbctl("ls-add", "sw0", "--", "lsp-add", "sw0", "p1", "--", "lsp-add", "sw0", "p2");
    await nbctl(
      "lsp-set-addresses",
      "p1",
      "02:00:00:00:00:01 10.0.0.1",
      "--",
      "lsp-set-port-security",
      "p1",
      "02:00:00:00:00:01 10.0.0.1",
    );
    await nbctl("--name=a", "--log", "acl-add", "sw0", "to-lport", "1000", "ip4 && tcp.dst == 80", "allow");
    await nbctl("pg-add", "pg1", "p1", "p2");
    await nbctl("acl-add", "pg1", "from-lport", "900", "inport == @pg1 && ip6", "drop");
    await nbctl("create", "Address_Set", "name=as1", 'addresses="10.0.0.1","10.0.0.2"');
    await nbctl("lr-add", "r0", "--", "lrp-add", "r0", "rp0", "02:00:00:00:01:00", "10.0.0.254/24");
    await nbctl("lr-route-add", "r0", "0.0.0.0/0", "10.0.0.253");
    await nbctl("lb-add", "lb0", "10.0.0.9:80", "10.0.0.1:80,10.0.0.2:80");
    await nbctl("ls-lb-add", "sw0", "lb0");
    expect(await nbctl("ls-list")).toContain("(sw0)");
    expect(await nbctl("lsp-get-addresses", "p1")).toBe("02:00:00:00:00:01 10.0.0.1\n");
    expect(await nbctl("acl-list", "sw0")).toContain("(ip4 && tcp.dst == 80) allow");
    expect(await nbctl("acl-list", "pg1")).toContain("from-lport   900");
    expect(await nbctl("show")).toContain("router");
    expect(await nbctl("lr-route-list", "r0")).toContain("0.0.0.0/0");
    expect(await nbctl("lb-list")).toContain("10.0.0.9:80");
    expect(databases.nb.table("Port_Group").size).toBe(1);
    await nbctl("lsp-del", "p2");
    expect([...databases.nb.table("Port_Group").values()][0]?.["ports"]).toHaveLength(1);
    await nbctl("acl-del", "sw0", "--", "ls-del", "sw0", "--", "lr-del", "r0", "--", "pg-del", "pg1");
    for (const table of ["Logical_Switch_Port", "ACL", "Logical_Router_Port", "Logical_Router_Static_Route"]) {
      expect(databases.nb.table(table).size).toBe(0);
    }
  });

  test("a refusal of the judge reaches ovn-nbctl: exit code 1 and its words", async () => {
    await using scope = new Scope();
    const { nbctl, databases, folder, remote } = await setUp(scope);
    await nbctl("ls-add", "sw0");
    databases.nb.judge = () => ({ error: "policy violation", details: "policy guard, rule deny: acl over sw0" });
    const refused = await failingPeer(folder, "ovn-nbctl", `--db=${remote}`, "acl-add", "sw0", "to-lport", "1", "ip", "allow");
    expect(refused).toEqual({ code: 1, stderr: expect.stringContaining("policy guard, rule deny: acl over sw0") });
    databases.nb.judge = undefined;
    await nbctl("acl-add", "sw0", "to-lport", "1", "ip", "allow");
  });

  test("ovn-sbctl reads and writes chassis and lists flows", async () => {
    await using scope = new Scope();
    const { sbctl, databases } = await setUp(scope);
    await sbctl("init");
    await sbctl("chassis-add", "ch0", "geneve", "127.0.0.1");
    expect(await sbctl("show")).toContain("Encap geneve");
    const datapath = {
      op: "insert",
      table: "Datapath_Binding",
      "uuid-name": "d",
      row: { tunnel_key: 1, external_ids: ["map", [["name", "sw0"]]] },
    };
    const row = {
      pipeline: "ingress",
      table_id: 0,
      priority: 50,
      match: "ip",
      actions: "next;",
      logical_datapath: ["named-uuid", "d"],
      external_ids: ["map", [["stage-name", "ls_in_x"]]],
    };
    await databases.sb.transact([datapath, { op: "insert", table: "Logical_Flow", row }], { remote: "northd" });
    expect(await sbctl("lflow-list")).toContain("table=0 (ls_in_x");
    await sbctl("chassis-del", "ch0");
    expect(databases.sb.table("Encap").size).toBe(0);
  });
});

describe.skipIf(!arePeersInstalled("ovn-northd", "ovn-trace", "ovn-nbctl"))("with the daemons of OVN", () => {
  test("ovn-northd works between our databases and ovn-trace agrees with the ACLs", async () => {
    await using scope = new Scope();
    const { nbctl, folder, remote, databases } = await setUp(scope);
    backgroundPeer(
      scope,
      folder,
      "ovn-northd",
      `--ovnnb-db=${remote}`,
      `--ovnsb-db=${remote}`,
      `--unixctl=${join(folder, "ctl")}`,
      "-vconsole:off",
    );
    const addresses = (n: number) => `02:00:00:00:00:0${n} 10.0.0.${n}`;
    await nbctl("ls-add", "sw0", "--", "lsp-add", "sw0", "p1", "--", "lsp-add", "sw0", "p2");
    await nbctl("lsp-set-addresses", "p1", addresses(1), "--", "lsp-set-addresses", "p2", addresses(2));
    const trace = () =>
      peer(
        folder,
        "ovn-trace",
        `--db=${remote}`,
        "--minimal",
        "sw0",
        'inport=="p1" && eth.src==02:00:00:00:00:01 && eth.dst==02:00:00:00:00:02 && ip4 && ip.ttl==64',
      );
    await nbctl("--wait=sb", "sync");
    expect(await trace()).toContain('output("p2")');
    await nbctl("--wait=sb", "acl-add", "sw0", "to-lport", "1000", "ip4", "drop");
    expect(await trace()).not.toContain("output");
    expect(databases.sb.table("Port_Binding").size).toBe(2);
    await nbctl("--wait=sb", "ls-del", "sw0");
    expect(databases.sb.table("Port_Binding").size).toBe(0);
  });
});
