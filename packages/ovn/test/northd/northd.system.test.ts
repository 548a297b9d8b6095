/**
 * The same northbound content through the original northd and ours, both on original database servers.
 *
 * Equal are: all logical flows as `lflow-list` prints them, port bindings, multicast groups, port groups, address
 * sets, tunnel keys. Known differences, and why: docs/design/0002-northd.md.
 */
import { silentLogger } from "@tenet/kit";
import { runNorthd } from "@tenet/ovn";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Deployment, missingPrograms } from "./peers.ts";

const missing = missingPrograms();
if (missing.length > 0) console.log(`skipped: northd against the original needs ${missing.join(", ")}`);

const SERVERS = { "on the original database server": Deployment.start, "on our database server": Deployment.startOurs };

describe.skipIf(missing.length > 0).each(Object.entries(SERVERS))("northd %s", (_name, startServer) => {
  let original: Deployment;
  let ours: Deployment;
  let abort: AbortController;
  let role: Promise<void>;

  beforeEach(async () => {
    [original, ours] = await Promise.all([Deployment.start(), startServer()]);
    await both("init");
    await both("set", "NB_Global", ".", "options:svc_monitor_mac=0a:0a:0a:0a:0a:0a");
    await original.startNorthd();
    startOurs();
  });

  afterEach(async () => {
    abort.abort();
    await role;
    await Promise.all([original.stop(), ours.stop()]);
  });

  function startOurs(): void {
    abort = new AbortController();
    role = runNorthd({ nb: ours.nb, sb: ours.sb }, silentLogger, abort.signal);
  }

  async function both(...args: string[]): Promise<void> {
    await Promise.all([original.nbctl(...args), ours.nbctl(...args)]);
  }

  async function take(step: string): Promise<void> {
    await both(...step.split(" ").map((word) => word.replaceAll("~", " ")));
  }

  /** Compares after both northds say that the southbound side is written. */
  async function expectEqual(): Promise<void> {
    await both("--wait=sb", "sync");
    expect(await flowsOf(ours)).toEqual(await flowsOf(original));
    expect(await rowsOf(ours)).toEqual(await rowsOf(original));
  }

  test("derives what the original derives, step by step", async () => {
    for (const step of STEPS) {
      await take(step);
      if (step.startsWith("ls-add") || step.includes("acl") || step.includes("del")) await expectEqual();
    }
    await expectEqual();
  });

  test("a restart changes no row, and takes over what the original wrote", async () => {
    for (const step of STEPS) await take(step);
    await expectEqual();
    const uuids = async (): Promise<string[]> => (await ours.sbctl("--columns=_uuid", "list", "Logical_Flow")).split("\n").sort();
    const before = await uuids();
    abort.abort();
    await role;
    startOurs();
    await ours.nbctl("--wait=sb", "sync");
    expect(await uuids()).toEqual(before);

    const abortTakeOver = new AbortController();
    const takeOver = runNorthd({ nb: original.nb, sb: original.sb }, silentLogger, abortTakeOver.signal);
    await original.nbctl("--wait=sb", "sync");
    abortTakeOver.abort();
    await takeOver;
    expect(await rowsOf(original)).toEqual(await rowsOf(ours));
  });

  test("ovn-trace tells the same fate of packets over our rows", async () => {
    for (const step of STEPS) await take(step);
    await both("--wait=sb", "sync");
    for (const flow of PACKETS) {
      const [expected, traced] = await Promise.all([original.trace("sw0", flow), ours.trace("sw0", flow)]);
      expect([flow, traced]).toEqual([flow, expected]);
    }
  });

  test("waiting for hypervisors ends when the last one follows", async () => {
    await both("ls-add", "sw0");
    await both("lsp-add", "sw0", "p1");
    await both("--wait=sb", "sync");
    for (const deployment of [original, ours]) {
      await deployment.sbctl("chassis-add", "hv1", "geneve", "127.0.0.1");
      await deployment.sbctl("create", "Chassis_Private", "name=hv1", "nb_cfg=0");
      await deployment.sbctl("lsp-bind", "p1", "hv1");
      const waiting = deployment.nbctl("--wait=hv", "sync");
      await deployment.nbctl("wait-until", "NB_Global", ".", "nb_cfg=2", "sb_cfg=2", "hv_cfg=0");
      await deployment.sbctl("set", "Chassis_Private", ".", "nb_cfg=2", "nb_cfg_timestamp=5");
      await waiting;
      await deployment.nbctl("wait-until", "Logical_Switch_Port", "p1", "up=true");
      expect(await deployment.nbctl("get", "NB_Global", ".", "hv_cfg", "hv_cfg_timestamp")).toBe("2\n5\n");
    }
  });

  test("rows that somebody else takes away come back", async () => {
    await both("ls-add", "sw0");
    await both("--wait=sb", "lsp-add", "sw0", "p1");
    await ours.sbctl("--all", "destroy", "Logical_Flow");
    await vi.waitFor(expectEqual, 5000);
  });
});

/** Words are split at blanks; `~` is a blank inside a word. */
const STEPS: readonly string[] = [
  "ls-add sw0",
  "lsp-add sw0 p1",
  "lsp-set-addresses p1 0a:00:00:00:00:01~10.0.0.1~fd00::1",
  "lsp-set-port-security p1 0a:00:00:00:00:01~10.0.0.1~fd00::1",
  "lsp-add sw0 p2",
  "lsp-set-addresses p2 0a:00:00:00:00:02~10.0.0.2 0a:00:00:00:00:22~10.0.0.22~10.0.0.23/24",
  "lsp-add sw0 p3",
  "lsp-set-addresses p3 unknown",
  "lsp-add sw0 p4",
  "lsp-set-addresses p4 0a:00:00:00:00:04~10.0.0.4",
  "lsp-set-enabled p4 disabled",
  "ls-add sw1",
  "lsp-add sw1 q1",
  "lsp-set-addresses q1 unknown 0A:00:00:00:01:01~10.0.1.1",
  "lsp-set-port-security q1 0a:00:00:00:01:01",
  "lsp-add sw1 ln1",
  "lsp-set-type ln1 localnet",
  "lsp-set-options ln1 network_name=physnet",
  "lsp-set-addresses ln1 unknown",
  "set Logical_Switch_Port ln1 tag_request=7",
  "lsp-add sw0 lp0",
  "lsp-set-type lp0 localport",
  "lsp-set-addresses lp0 0a:00:00:00:00:10~10.0.0.10",
  "lsp-add sw0 nested p1 42",
  "lsp-set-addresses nested 0a:00:00:00:00:c1~10.0.0.61",
  'lsp-add sw0 odd"name',
  'lsp-set-addresses odd"name 0a:00:00:00:00:78~::ffff:1.2.3.4~FE80::1/64~1.2.3.4/8~foo~5.6.7.8',
  'acl-add sw0 from-lport 1001 inport=="p1"&&ip4 allow',
  'acl-add sw0 to-lport 1002 outport~==~"p2"~&&~tcp.dst~==~22 drop',
  "--apply-after-lb acl-add sw0 from-lport 900 ip6 drop",
  "acl-add sw0 to-lport 7 ip4.src~==~$friends allow-stateless",
  "create Address_Set name=friends addresses=10.0.0.1,10.0.0.0/8",
  "pg-add pg0 p1 q1",
  "acl-add pg0 to-lport 1000 outport~==~@pg0~&&~ip4.src~==~$pg0_ip4 allow",
  "pg-add pgEmpty",
  "acl-add pgEmpty to-lport 1000 outport~==~@pgEmpty drop",
  "qos-add sw0 from-lport 100 ip4 dscp=10",
  "qos-add sw1 to-lport 5 tcp dscp=3",
  "set NB_Global . options:default_acl_drop=true",
  "set Logical_Switch sw0 external_ids:neutron\\:network_name=net external_ids:x=y",
  "set Logical_Switch_Port p1 external_ids:neutron\\:port_name=web external_ids:x=y",
  "ls-add sw2",
  "set Logical_Switch sw2 other_config:vlan-passthru=true",
  "lsp-add sw2 r1",
  "lsp-set-addresses r1 0a:00:00:00:02:01~10.0.2.1",
  "lsp-add sw2 ln2",
  "lsp-set-type ln2 localnet",
  "lsp-set-addresses ln2 unknown",
  "lsp-set-enabled ln2 disabled",
  "lsp-del p2",
  "lsp-add sw0 p5",
  "remove NB_Global . options default_acl_drop",
  "set NB_Global . options:ignore_lsp_down=false",
  "--wait=sb acl-del sw0",
  "remove NB_Global . options ignore_lsp_down",
  "pg-del pgEmpty",
];

const PACKETS: readonly string[] = [
  'inport == "p1" && eth.src == 0a:00:00:00:00:01 && eth.dst == 0a:00:00:00:00:10 && ip4 && ip4.src == 10.0.0.1 && ip4.dst == 10.0.0.10 && ip.ttl == 64',
  'inport == "p1" && eth.src == 0a:00:00:00:00:66 && eth.dst == 0a:00:00:00:00:10',
  'inport == "p1" && eth.src == 0a:00:00:00:00:01 && eth.dst == ff:ff:ff:ff:ff:ff',
  'inport == "p1" && eth.src == 0a:00:00:00:00:01 && eth.dst == 0a:00:00:00:00:99',
  'inport == "p3" && eth.src == 0a:00:00:00:00:33 && eth.dst == 0a:00:00:00:00:04',
  'inport == "p3" && eth.src == 0a:00:00:00:00:33 && eth.dst == ff:ff:ff:ff:ff:ff && arp.op == 1 && arp.tpa == 10.0.0.1 && arp.spa == 10.0.0.33',
  'inport == "p4" && eth.src == 0a:00:00:00:00:04 && eth.dst == 0a:00:00:00:00:01',
];

/** The flow list without UUIDs, sorted, each line with its datapath and pipeline. */
async function flowsOf(deployment: Deployment): Promise<string[]> {
  let heading = "";
  const flows: string[] = [];
  for (const line of (await deployment.sbctl("lflow-list")).split("\n")) {
    if (line.startsWith("Datapath:")) heading = line.replace(/ \(.*\) {2}/, " ");
    else if (line !== "") flows.push(`${heading} ${line}`);
  }
  return flows.sort();
}

/** All other rows, by table, with names in place of UUIDs. */
async function rowsOf(deployment: Deployment): Promise<unknown> {
  const datapaths = await deployment.rows("Datapath_Binding", "external_ids", "tunnel_key");
  const bindings = await deployment.rows("Port_Binding", ...BINDING_COLUMNS);
  const nameByUuid = new Map([
    ...datapaths.map(({ _uuid, external_ids }): [string, string] => [JSON.stringify(_uuid), JSON.stringify(external_ids)]),
    ...bindings.map(({ _uuid, logical_port }): [string, string] => [JSON.stringify(_uuid), String(logical_port)]),
  ]);
  const withNames = (rows: { [column: string]: unknown }[]): string[] =>
    rows.map(({ _uuid, ...columns }) => renamed(columns, nameByUuid)).sort();
  return {
    // The UUID of the northbound switch is of the deployment's own making.
    datapaths: datapaths.map(({ _uuid, ...columns }) => JSON.stringify(columns).replace(/"logical-switch","[^"]*"/, "")).sort(),
    bindings: withNames(bindings),
    multicast: withNames(await deployment.rows("Multicast_Group", "datapath", "name", "tunnel_key", "ports")),
    portGroups: withNames(await deployment.rows("Port_Group", "name", "ports")),
    addressSets: withNames(await deployment.rows("Address_Set", "name", "addresses")),
  };
}

const BINDING_COLUMNS = [
  ..."logical_port type datapath tunnel_key parent_port tag mac port_security options external_ids up".split(" "),
];

function renamed(columns: unknown, nameByUuid: ReadonlyMap<string, string>): string {
  const text = JSON.stringify(columns, (_key, value) => {
    if (!Array.isArray(value)) return value;
    if (value[0] === "uuid") return (nameByUuid.get(JSON.stringify(value)) ?? "?").replace(/"logical-switch","[^"]*"/, "");
    if (value[0] === "set" && Array.isArray(value[1])) {
      return ["set", value[1].map((each) => nameByUuid.get(JSON.stringify(each)) ?? each).sort()];
    }
    return value;
  });
  return text;
}
