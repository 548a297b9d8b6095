/** The same ovs-vsctl commands to this switch and to Debian's: the same rows, and the same answers of ovs-appctl. */
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { expect, test } from "vitest";
import { LiveSwitch, type Outcome, tool, until } from "./live-switch.ts";
import { Original, whyNoOriginal } from "./original-switch.ts";

const reason = whyNoOriginal();
if (reason !== undefined) console.log(`database.system.test.ts: skipped, ${reason}`);
const systemTest = test.skipIf(reason !== undefined);

/** Columns that vswitchd writes, by table. */
const STATUS: Readonly<Record<string, string>> = {
  Bridge: "name,datapath_id,datapath_version,status,rstp_status",
  Port: "name,bond_active_slave,status,statistics,rstp_status",
  Interface: [
    "name,admin_state,duplex,error,ifindex,link_resets,link_speed,link_state,mac_in_use,mtu,ofport,statistics,status",
    "lacp_current,cfm_fault,cfm_health,bfd_status",
  ].join(),
  Mirror: "name,statistics",
  Open_vSwitch: "dpdk_initialized,dpdk_version,datapaths,statistics",
};

const PAUSE_MS = 100;
const MOST_REPETITIONS = 150;

type Switch = { readonly dir: string };

function vsctl({ dir }: Switch, ...args: string[]): Promise<Outcome> {
  return tool("ovs-vsctl", [`--db=unix:${dir}/db.sock`, "--timeout=10", ...args]);
}

async function appctl({ dir }: Switch, command: string): Promise<string> {
  const { out, err } = await tool("ovs-appctl", command.split(" "), { OVS_RUNDIR: dir });
  return normalized(out + err.replace(/^ovs-appctl: .*\n/gm, ""));
}

/** What differs from run to run, and what the datapath numbers as it likes. */
function normalized(text: string): string {
  return text
    .replace(/^[0-9a-f-]{36}\n/, "")
    .replace(/^ {4}ovs_version: .*\n/m, "") // at the original, its start script writes it
    .replace(/(\d+)\/\d+: \(/g, "$1/N: (")
    .replace(/aa:55:aa:55:00:0[45]\(/, "MEMBER(")
    .replace("p4, p3", "p3, p4")
    .replace(/^(bond0\t\S+\t)\d+/m, "$1N") // recirculation, which bonds here have none of
    .replace(/^( +\S+ +\d+ {2}[0-9a-f:]{17}) +\d+$/gm, "$1 AGE")
    .replace(/^ {2}port \d+: /gm, "  port N: ")
    .replace(/^ {2}port N: ovs-dummy .*\n/gm, "")
    .replace(/(?:^ {2}port N: .*\n)+/gm, (lines) => lines.split("\n").sort().join("\n"))
    .replace(/^(Datapath actions: )\d+$/m, "$1N")
    .replace(/duration=\d+s/g, "duration=Ns");
}

/** Blocks of `show` come in the order of a hash table. */
function sorted(text: string): string[] {
  return text
    .split(/\n(?= {4}(?:Bridge | {4}Port | {8}Interface ))/)
    .map((block) => block.trim())
    .sort();
}

async function rows(of: Switch, table: string): Promise<string[]> {
  const { out } = await vsctl(of, `--columns=${STATUS[table]}`, "list", table);
  return out
    .replaceAll(/"aa:55:aa:55:00:0[45]"/g, "MEMBER") // which of the bond is made first is chance
    .replace(/(usable peer[\s\S]*?mac_in_use +: )"[0-9a-f:]{17}"/, "$1ANY")
    .split("\n\n")
    .map((row) => row.trim())
    .sort();
}

async function both<T>(switches: readonly Switch[], ask: (of: Switch) => Promise<T>): Promise<[theirs: T, ours: T]> {
  const [theirs, ours] = await Promise.all(switches.map(ask));
  return [theirs as T, ours as T];
}

/** As {@link both}, again until they are the same: each writes some columns a while after it has carried out what they tell of. */
async function bothInTheEnd<T>(switches: readonly Switch[], ask: (of: Switch) => Promise<T>): Promise<[theirs: T, ours: T]> {
  const areSame = ([theirs, ours]: [T, T]): boolean => isDeepStrictEqual(theirs, ours);
  let answers = await both(switches, ask);
  for (let n = 0; n < MOST_REPETITIONS && !areSame(answers); n++) {
    await sleep(PAUSE_MS);
    answers = await both(switches, ask);
  }
  return answers;
}

/** A bridge of dummies in which much is configured, and some of it wrongly. */
const DUMMIES: readonly string[][] = [
  ["add-br", "br0", "--", "set", "Bridge", "br0", "datapath_type=dummy", "other-config:hwaddr=02:00:00:00:00:aa"],
  ["add-port", "br0", "p1", "--", "set", "Interface", "p1", "type=dummy", "ofport_request=7"],
  ["add-port", "br0", "p2", "tag=10", "--", "set", "Interface", "p2", "type=dummy", 'mac="02:00:00:00:00:02"'],
  [
    "add-bond",
    "br0",
    "bond0",
    "p3",
    "p4",
    "bond_mode=active-backup",
    "other_config:bond-primary=p3",
    "--",
    "set",
    "Interface",
    "p3",
    "type=dummy",
    "ofport_request=3",
    "--",
    "set",
    "Interface",
    "p4",
    "type=dummy",
    "ofport_request=4",
  ],
  ["add-port", "br0", "pa", "--", "set", "Interface", "pa", "type=patch", "options:peer=pb", 'mac="02:00:00:00:00:03"'],
  ["add-port", "br0", "self", "--", "set", "Interface", "self", "type=patch", "options:peer=self"],
  ["add-port", "br0", "alone", "--", "set", "Interface", "alone", "type=patch"],
  ["add-port", "br0", "strange", "--", "set", "Interface", "strange", "type=strange"],
  [
    "--",
    "--id=@p",
    "get",
    "Port",
    "p2",
    "--",
    "--id=@m",
    "create",
    "Mirror",
    "name=m0",
    "select_all=true",
    "output_port=@p",
    "--",
    "set",
    "Bridge",
    "br0",
    "mirrors=@m",
  ],
  ["set", "Interface", "p1", "mtu_request=1400"],
  ["add-br", "br9", "--", "set", "Bridge", "br9", "datapath_type=strange"],
];
const FRAME =
  "in_port(1),eth(src=02:00:00:00:00:01,dst=02:00:00:00:00:77),eth_type(0x0800),ipv4(src=1.1.1.1,dst=1.1.1.2,proto=17,tos=0,ttl=64,frag=no),udp(src=1,dst=2)";
const COMMANDS: readonly string[] = [
  "bond/list",
  "bond/show",
  "bond/show nosuch",
  "bond/hash 02:00:00:00:00:01 5 7",
  "bond/hash zz",
  "bond/migrate bond0 5 nosuch",
  "bond/set-active-slave bond0 nosuch",
  "fdb/add br0 p1 5 50:54:00:00:00:05",
  "fdb/add br0 br0 5 50:54:00:00:00:05",
  "fdb/add br0 p1 5 50:54:00:00:00:05",
  "fdb/add br0 p1 5 zz",
  "fdb/add nosuch p1 5 50:54:00:00:00:05",
  "fdb/show br0",
  "fdb/show nosuch",
  "fdb/flush br0",
  "fdb/del br0 5 50:54:00:00:00:05",
  "fdb/del br0 5 50:54:00:00:00:05",
  "fdb/stats-clear br0",
  "dpif/show",
  "dpif/dump-dps",
  "dpctl/dump-dps",
  "dpif/dump-flows nosuch",
  "ofproto/list",
  "netdev-dummy/conn-state",
  "netdev-dummy/conn-state p1",
  "netdev-dummy/receive nosuch 00",
  "netdev-dummy/receive p1 zz",
  "netdev-dummy/set-admin-state p1 sideways",
  "netdev-dummy/set-admin-state nosuch up",
  "netdev-dummy/set-admin-state p3 down",
  "bridge/dump-flows br0",
  "bridge/dump-flows --offload-stats br0",
  "ofproto/trace br0",
  "ofproto/trace in_port(99),eth(),eth_type(0x1234)",
  "ofproto/trace nosuch ip",
  "ofproto/trace-packet-out br0 in_port=7,ip,nw_ttl=9 9",
  "revalidator/pause",
  "revalidator/resume",
  "qos/show p1",
  "qos/show-types p1",
  "qos/show nosuch",
  "lacp/show",
  "lacp/show bond0",
  "lacp/show-stats bond0",
  "bfd/show",
  "bfd/show p1",
  "bfd/set-forwarding false",
  "bfd/set-forwarding p1 true",
  "bfd/set-forwarding p1 sideways",
  "cfm/show",
  "cfm/set-fault normal",
  "cfm/set-fault p1 true",
  "cfm/set-fault sideways",
  "stp/show",
  "stp/show br0",
  "stp/tcn",
  "stp/tcn br0",
  "rstp/show",
  "rstp/show br0",
  "rstp/tcn",
  "rstp/tcn nosuch",
  "mdb/show br0",
  "mdb/show nosuch",
  "mdb/flush",
  "mdb/flush br0",
  "autoattach/status",
  "autoattach/show-isid br0",
  "bridge/reconnect nosuch",
  "bridge/dump-flows nosuch",
  "upcall/set-flow-limit 1000",
  "revalidator/wait",
  "revalidator/purge",
  "dpctl/show",
];

systemTest("a bridge of dummies looks the same, from the database and by control commands", { timeout: 120_000 }, async () => {
  await using original = new Original();
  await original.start();
  await using live = await LiveSwitch.start();
  const switches = [original, live];
  for (const args of DUMMIES) {
    const [theirs, ours] = await both(switches, (each) => vsctl(each, ...args));
    expect(ours.err, args.join(" ")).toBe(theirs.err);
    expect(ours.code).toBe(theirs.code);
  }
  await both(switches, async (each) => {
    await appctl(each, `netdev-dummy/receive p1 ${FRAME}`);
    await until(async () => {
      await appctl(each, "revalidator/wait");
      await appctl(each, "time/warp 6000"); // statistics are written every 5 s
      return (await vsctl(each, "get", "Mirror", "m0", "statistics")).out.includes("tx_packets=1");
    });
  });
  // The original loses an error at times when a command follows soon; it looks again when a device changes.
  for (const state of ["down", "up"]) await appctl(original, `netdev-dummy/set-admin-state p2 ${state}`);
  const [theirShow, ourShow] = await bothInTheEnd(switches, async (each) => sorted(normalized((await vsctl(each, "show")).out)));
  expect(ourShow).toEqual(theirShow);
  for (const table of Object.keys(STATUS)) {
    const [theirs, ours] = await bothInTheEnd(switches, (each) => rows(each, table));
    expect.soft(ours, table).toEqual(theirs);
  }
  for (const command of COMMANDS) {
    const [theirs, ours] = await both(switches, (each) => appctl(each, command));
    expect.soft(ours, command).toBe(theirs);
  }
});
